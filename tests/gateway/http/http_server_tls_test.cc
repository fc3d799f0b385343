// The HTTP server over TLS, with and without certificates of clients.
#include <openssl/ssl.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_server.h"
#include "tests/fakes/raw_connection.h"
#include "tests/gateway/tls/certificates.h"

namespace sallyport::gateway {
namespace {

using testing::AuthoritySpec;
using testing::CallerSpec;
using testing::CertificateSpec;
using testing::Issue;
using testing::Issued;
using testing::RawConnection;
using testing::ServerSpec;
using Exchange = std::shared_ptr<HttpExchange>;
using Clients = ServerTlsMaterial::Clients;

constexpr absl::Duration kLong = absl::Seconds(60);
const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

Issued Caller(const std::string& name, const Issued* issuer) {
  CertificateSpec spec = CallerSpec();
  spec.subject = {{"CN", name}};
  return Issue(spec, issuer);
}

struct Parties {
  ServerTlsMaterial Material(Clients clients = Clients::kMustShowOne, const std::string& authorities = "") const {
    ServerTlsMaterial material;
    material.certificates_pem = own.Pem() + intermediate.Pem();
    material.key_pem = recorder::SecretText(own.KeyPem());
    material.client_authorities_pem = authorities;
    material.clients = clients;
    return material;
  }

  Issued root = Issue(AuthoritySpec("Root"), nullptr);
  Issued intermediate = Issue(AuthoritySpec("Intermediate"), &root);
  Issued own = Issue(ServerSpec("localhost"), &intermediate);
  Issued callers = Issue(AuthoritySpec("Callers"), nullptr);
  Issued callers_intermediate = Issue(AuthoritySpec("Callers' intermediate"), &callers);
  Issued ada = Caller("ada", &callers_intermediate);
  Issued stranger = Caller("stranger", nullptr);
};

std::unique_ptr<HttpServer> Serve(ServerTlsMaterial material, HttpServer::Handler handler) {
  HttpServerOptions options;
  options.name = "the test";
  options.tls = std::move(material);
  auto server = HttpServer::Start("127.0.0.1:0", std::move(options), std::move(handler));
  INFO(server.status());
  REQUIRE(server.ok());
  return *std::move(server);
}

std::string Url(const HttpServer& server) {
  return "https://localhost" + server.address().substr(server.address().rfind(':')) + "/";
}

// Answers with what the peer is.
void Describe(const Exchange& exchange) {
  const HttpPeer& peer = exchange->request().peer;
  exchange->Answer({200, {}, std::string(peer.tls ? "tls\n" : "plain\n") + peer.certificates_pem});
}

// A client that believes every server.
class TlsClient {
 public:
  TlsClient(const std::string& address, const Issued* own, const Issued* intermediate, int most_version = 0)
      : connection_(address), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    if (most_version != 0) SSL_CTX_set_max_proto_version(context_.get(), most_version);
    if (own != nullptr) {
      SSL_CTX_use_certificate(context_.get(), own->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), own->key.get());
    }
    if (intermediate != nullptr) SSL_CTX_add1_chain_cert(context_.get(), intermediate->certificate.get());
    ssl_.reset(SSL_new(context_.get()), SSL_free);
    SSL_set_fd(ssl_.get(), connection_.socket_number());
    SSL_set_alpn_protos(ssl_.get(), reinterpret_cast<const unsigned char*>("\x02h2\x08http/1.1"), 12);
    connected_ = SSL_connect(ssl_.get()) == 1;
  }

  bool connected() const { return connected_; }
  std::string protocol() const {
    const unsigned char* name = nullptr;
    unsigned int size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &name, &size);
    return {reinterpret_cast<const char*>(name), size};
  }
  void Send(const std::string& request) { SSL_write(ssl_.get(), request.data(), static_cast<int>(request.size())); }
  std::string Ask(const std::string& request) {
    Send(request);
    return ReadAll();
  }
  // To an end that TLS says is one.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    int got = 0;
    while ((got = SSL_read(ssl_.get(), buffer, sizeof(buffer))) > 0) all.append(buffer, static_cast<size_t>(got));
    ended_ = SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN;
    return all;
  }
  bool ended() const { return ended_; }

 private:
  RawConnection connection_;
  std::shared_ptr<SSL_CTX> context_;
  std::shared_ptr<SSL> ssl_;
  bool connected_ = false;
  bool ended_ = false;
};

TEST_CASE("a client without a certificate is served where none is asked for") {
  const Parties parties;
  const auto server = Serve(parties.Material(), Describe);
  HttpClient::Options options;
  options.ca_pem = parties.root.Pem();
  const auto client = HttpClient::Create(options);
  REQUIRE(client.ok());
  const auto response = (*client)->Send({HttpMethod::kGet, Url(*server), {}, ""});
  INFO(response.status());
  REQUIRE(response.ok());
  CHECK(response->status == 200);
  CHECK(response->body == "tls\n");
  // One that is shown unasked is no proof.
  TlsClient ada(server->address(), &parties.ada, nullptr);
  CHECK(ada.protocol() == "http/1.1");
  CHECK(absl::EndsWith(ada.Ask(kGet), "\r\n\r\ntls\n"));
  CHECK(ada.ended());
}

TEST_CASE("only who shows a certificate that an authority signed is served where one must be") {
  const Parties parties;
  std::atomic<int> handled = 0;
  const auto server = Serve(parties.Material(Clients::kMustShowOne, parties.root.Pem() + parties.callers.Pem()),
                            [&](const Exchange& exchange) {
                              ++handled;
                              Describe(exchange);
                            });
  CHECK(TlsClient(server->address(), nullptr, nullptr).Ask(kGet).empty());
  CHECK(TlsClient(server->address(), &parties.stranger, nullptr).Ask(kGet).empty());
  CHECK(TlsClient(server->address(), &parties.ada, nullptr).Ask(kGet).empty());  // nothing leads to the authority
  CHECK(handled == 0);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient ada(server->address(), &parties.ada, &parties.callers_intermediate, version);
    CHECK(absl::EndsWith(ada.Ask(kGet), "\r\n\r\ntls\n" + parties.ada.Pem() + parties.callers_intermediate.Pem()));
    CHECK(ada.ended());
  }
  CHECK_FALSE(TlsClient(server->address(), &parties.ada, &parties.callers_intermediate, TLS1_1_VERSION).connected());
}

TEST_CASE("a certificate may be shown or not, but not a stranger's, where it is optional") {
  const Parties parties;
  const auto server = Serve(parties.Material(Clients::kMayShowOne, parties.callers.Pem()), Describe);
  CHECK(absl::EndsWith(TlsClient(server->address(), nullptr, nullptr).Ask(kGet), "\r\n\r\ntls\n"));
  CHECK(absl::EndsWith(TlsClient(server->address(), &parties.ada, &parties.callers_intermediate).Ask(kGet),
                       parties.callers_intermediate.Pem()));
  CHECK(TlsClient(server->address(), &parties.stranger, nullptr).Ask(kGet).empty());
}

TEST_CASE("a stream goes through TLS, whose client is missed when it goes") {
  const Parties parties;
  absl::Notification rests, gone;
  Exchange resting;
  const auto server = Serve(parties.Material(), [&](const Exchange& exchange) {
    exchange->Begin(200, {});
    if (exchange->request().target == "/rests") {
      exchange->OnGone([&] { gone.Notify(); });
      resting = exchange;
      rests.Notify();
      return;
    }
    exchange->Write(std::string(1 << 20, 'x'), [exchange](bool written) {
      if (written) exchange->End();
    });
  });
  TlsClient client(server->address(), nullptr, nullptr);
  const std::string answer = client.Ask(kGet);
  CHECK(absl::EndsWith(answer, "xxx\r\n0\r\n\r\n"));
  CHECK(answer.size() > 1 << 20);
  CHECK(client.ended());
  std::optional<TlsClient> other;
  other.emplace(server->address(), nullptr, nullptr);
  other->Send("GET /rests HTTP/1.1\r\n\r\n");
  REQUIRE(rests.WaitForNotificationWithTimeout(kLong));
  CHECK_FALSE(gone.HasBeenNotified());
  other.reset();
  CHECK(gone.WaitForNotificationWithTimeout(kLong));
  resting = nullptr;
}

TEST_CASE("what is no handshake, or none in time, ends") {
  const Parties parties;
  HttpServerOptions options;
  options.name = "the test";
  options.tls = parties.Material();
  options.request_time = absl::Milliseconds(300);
  const auto server = HttpServer::Start("127.0.0.1:0", std::move(options), Describe);
  REQUIRE(server.ok());
  RawConnection silent((*server)->address());
  RawConnection plain((*server)->address());
  plain.Send(kGet);
  CHECK(plain.ReadAll().find("HTTP/1.1") == std::string::npos);
  CHECK(silent.ReadAll().empty());
}

TEST_CASE("a new certificate is shown to who comes after it; one that is not in order changes nothing") {
  const Parties parties;
  const auto server = Serve(parties.Material(), Describe);
  const auto asks = [&](const Issued& root) {
    HttpClient::Options options;
    options.ca_pem = root.Pem();
    const auto client = HttpClient::Create(options);
    REQUIRE(client.ok());
    return (*client)->Send({HttpMethod::kGet, Url(*server), {}, ""}).ok();
  };
  REQUIRE(asks(parties.root));
  const Parties others;
  ServerTlsMaterial mixed = parties.Material();
  mixed.key_pem = recorder::SecretText(others.own.KeyPem());
  ServerTlsMaterial rubbish = parties.Material();
  rubbish.certificates_pem = "-----BEGIN CERTIFICATE-----\nrubbish\n-----END CERTIFICATE-----\n";
  ServerTlsMaterial no_authority = parties.Material(Clients::kMayShowOne, "nothing");
  for (const ServerTlsMaterial* bad : {&mixed, &rubbish, &no_authority}) {
    const absl::Status status = server->RenewTls(*bad);
    INFO(status);
    CHECK(absl::IsInvalidArgument(status));
  }
  CHECK(asks(parties.root));
  REQUIRE(server->RenewTls(others.Material()).ok());
  CHECK(asks(others.root));
  CHECK_FALSE(asks(parties.root));
  HttpServerOptions options;
  options.tls = std::move(mixed);
  CHECK(absl::IsInvalidArgument(HttpServer::Start("127.0.0.1:0", std::move(options), Describe).status()));
}

}  // namespace
}  // namespace sallyport::gateway
