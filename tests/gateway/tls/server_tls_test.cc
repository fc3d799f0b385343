// Real handshakes with a gRPC server that uses the gateway's credentials. gRPC and OpenSSL look at the real clock
// there; the certificates are good for decades.
#include "gateway/tls/server_tls.h"

#include <grpc/grpc_security.h>
#include <grpcpp/create_channel.h>
#include <openssl/ssl.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "gateway/files/file_watcher.h"
#include "gateway/listen_address.h"
#include "tests/fakes/blocking_client.h"
#include "tests/fakes/scripted_server.h"
#include "tests/gateway/identity/mtls/test_authorities.h"
#include "tests/gateway/temporary_directory.h"

namespace sallyport::testing {
namespace {

using gateway::ServerTls;
using gateway::ServerTlsOptions;

constexpr char kHost[] = "gateway.test";
constexpr char kEcho[] = "/test.v1.Echo/Bidi";

// What the server saw of the callers that got as far as a call.
struct Seen {
  std::string leaf;
  std::string chain;
  std::string resumed;
};

std::string Property(const grpc::AuthContext& context, const char* name) {
  const std::vector<grpc::string_ref> values = context.FindPropertyValues(name);
  return values.empty() ? "" : std::string(values.front().data(), values.front().size());
}

// A server with the gateway's credentials that echoes messages.
struct TlsRig {
  explicit TlsRig(ServerTlsOptions::Callers callers = ServerTlsOptions::Callers::kMustShowOne, bool ask = true,
                  std::vector<std::string> hosts = {"127.0.0.1"}) {
    Replace(server);
    options.cert_file = authorities.path("server.pem");
    options.key_file = authorities.path("server.key");
    options.callers = callers;
    verifier = authorities.Verifier();
    if (ask) options.client_ca_files = verifier->AuthorityFiles();
    absl::StatusOr<std::unique_ptr<ServerTls>> made = ServerTls::Create(options);
    INFO(made.status().ToString());
    REQUIRE(made.ok());
    tls = *std::move(made);
    const ScriptedServer::Script echo = [this](ScriptedCall& call) {
      const std::shared_ptr<const grpc::AuthContext> context = call.context().auth_context();
      {
        std::lock_guard lock(mutex);
        seen = Seen{Property(*context, "x509_pem_cert"), Property(*context, "x509_pem_cert_chain"),
                    Property(*context, "ssl_session_reused")};
        ++calls;
      }
      while (const std::optional<std::string> message = call.Read()) call.Write(*message);
      return grpc::Status::OK;
    };
    grpc = std::make_unique<ScriptedServer>(std::map<std::string, ScriptedServer::Script>{{kEcho, echo}},
                                            tls->Credentials(), hosts);
  }

  void Replace(const Issued& issued) const {
    WriteText(authorities.path("server.pem"), issued.Pem());
    WriteText(authorities.path("server.key"), issued.KeyPem());
  }

  // What the gateway would make of the caller that called last.
  gateway::ProofResult Proof() {
    std::lock_guard lock(mutex);
    return verifier->Verify({seen.leaf, seen.chain}, absl::Now());
  }

  TestAuthorities authorities;
  Issued server = Issue(ServerSpec(kHost), &authorities.stranger);
  ServerTlsOptions options;
  std::unique_ptr<gateway::MtlsVerifier> verifier;
  std::unique_ptr<ServerTls> tls;
  std::mutex mutex;
  Seen seen;
  std::atomic<int> calls{0};
  std::unique_ptr<ScriptedServer> grpc;
};

struct Caller {
  const Issued* server_authority = nullptr;
  const Issued* shows = nullptr;
  std::string chain = {};
  grpc_ssl_session_cache* sessions = nullptr;
};

// A connection of its own.
std::shared_ptr<grpc::Channel> Connect(const std::string& address, const Caller& caller) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = caller.server_authority->Pem();
  if (caller.shows != nullptr) {
    options.pem_cert_chain = caller.shows->Pem() + caller.chain;
    options.pem_private_key = caller.shows->KeyPem();
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetSslTargetNameOverride(kHost);
  if (caller.sessions != nullptr) {
    const grpc_arg cache = grpc_ssl_session_cache_create_channel_arg(caller.sessions);
    arguments.SetPointerWithVtable(cache.key, cache.value.pointer.p, cache.value.pointer.vtable);
  }
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(options), arguments);
}

// The common name in the server's certificate, or nothing if no call went through.
std::optional<std::string> Reach(const std::string& address, const Caller& caller) {
  BlockingCall call(Connect(address, caller), kEcho);
  if (!call.Start() || !call.Write("hello") || call.Read() != "hello") return std::nullopt;
  const std::string name = Property(*call.context().auth_context(), "x509_common_name");
  call.HalfClose();
  call.Read();
  if (!call.Finish().ok()) return std::nullopt;
  return name;
}

using SslContext = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

// Speaks this version of TLS and no other.
SslContext OfVersion(const SSL_METHOD* method, int version) {
  SslContext context(SSL_CTX_new(method), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), version);
  SSL_CTX_set_max_proto_version(context.get(), version);
  // Old versions need SHA-1, which the usual level forbids.
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
  return context;
}

bool HandshakeWith(const std::string& address, int version) {
  const SslContext context = OfVersion(TLS_client_method(), version);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> connection(BIO_new_ssl_connect(context.get()), BIO_free_all);
  SSL* ssl = nullptr;
  BIO_get_ssl(connection.get(), &ssl);
  const unsigned char http2[] = {2, 'h', '2'};
  SSL_set_alpn_protos(ssl, http2, sizeof(http2));
  BIO_set_conn_hostname(connection.get(), address.c_str());
  return BIO_do_connect(connection.get()) == 1;
}

// That a handshake fails says something only if one of the same version can succeed.
bool CanSpeak(int version, const Issued& certificate) {
  const SslContext client_context = OfVersion(TLS_client_method(), version);
  const SslContext server_context = OfVersion(TLS_server_method(), version);
  SSL_CTX_use_certificate(server_context.get(), certificate.certificate.get());
  SSL_CTX_use_PrivateKey(server_context.get(), certificate.key.get());
  const std::unique_ptr<SSL, decltype(&SSL_free)> client(SSL_new(client_context.get()), SSL_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> server(SSL_new(server_context.get()), SSL_free);
  BIO* client_end = nullptr;
  BIO* server_end = nullptr;
  BIO_new_bio_pair(&client_end, 0, &server_end, 0);
  SSL_set_bio(client.get(), client_end, client_end);
  SSL_set_bio(server.get(), server_end, server_end);
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(server.get());
  for (int i = 0; i < 10; ++i) {
    SSL_do_handshake(client.get());
    SSL_do_handshake(server.get());
  }
  return SSL_is_init_finished(client.get()) == 1 && SSL_is_init_finished(server.get()) == 1;
}

}  // namespace

TEST_CASE("what is shown tells when the first certificate of its chain expires") {
  const TemporaryDirectory directory;
  CertificateSpec authority = AuthoritySpec("a");
  authority.until = absl::FromUnixSeconds(1'900'000'000);
  const Issued root = Issue(authority, nullptr);
  CertificateSpec spec = ServerSpec(kHost);
  spec.until = absl::FromUnixSeconds(2'000'000'000);
  const Issued leaf = Issue(spec, &root);
  ServerTlsOptions options;
  options.cert_file = directory.path() + "/chain.pem";
  options.key_file = directory.path() + "/key.pem";
  std::ofstream(options.key_file) << leaf.KeyPem();
  std::ofstream(options.cert_file) << leaf.Pem();
  const auto tls = ServerTls::Create(options);
  INFO(tls.status());
  REQUIRE(tls.ok());
  CHECK((*tls)->Expires() == spec.until);
  std::ofstream(options.cert_file) << leaf.Pem() << root.Pem();
  CHECK((*tls)->Expires() == spec.until);
  REQUIRE((*tls)->Reload().ok());
  CHECK((*tls)->Expires() == authority.until);
}

TEST_CASE("callers that no authority vouches for end in the handshake") {
  TlsRig rig;
  const Issued& known = rig.authorities.stranger;
  const Issued caller = Issue(NamedSpec("ada.example"), &rig.authorities.root);
  const Issued impostor = Issue(NamedSpec("ada.example"), &rig.authorities.stranger);
  const Issued myself = Issue(NamedSpec("ada.example"), nullptr);
  CHECK_FALSE(Reach(rig.grpc->address(), {&known}).has_value());
  CHECK_FALSE(Reach(rig.grpc->address(), {&known, &impostor}).has_value());
  CHECK_FALSE(Reach(rig.grpc->address(), {&known, &myself}).has_value());
  CHECK_FALSE(CallUnary(Dial(rig.grpc->address()), kEcho, "x").status.ok());
  CHECK(rig.calls == 0);

  CHECK(Reach(rig.grpc->address(), {&known, &caller}) == kHost);
  CHECK(rig.calls == 1);
  REQUIRE(rig.Proof().ok());
  CHECK((*rig.Proof())->subject == "ada.example");
}

TEST_CASE("the union of the bundles opens the door, and each certificate still needs its own") {
  TlsRig rig;
  const Issued& known = rig.authorities.stranger;
  const char* id = "spiffe://prod.example/a";
  const Issued right = Issue(SpiffeSpec(id), &rig.authorities.prod);
  const Issued wrong = Issue(SpiffeSpec(id), &rig.authorities.root);
  REQUIRE(Reach(rig.grpc->address(), {&known, &right}).has_value());
  REQUIRE(rig.Proof().ok());
  CHECK((*rig.Proof())->subject == id);
  REQUIRE(Reach(rig.grpc->address(), {&known, &wrong}).has_value());
  CHECK(absl::IsUnauthenticated(rig.Proof().status()));
}

TEST_CASE("intermediates that a caller sends are handed on") {
  TlsRig rig;
  const Issued caller = Issue(NamedSpec("ada.example"), &rig.authorities.intermediate);
  const Caller whole = {&rig.authorities.stranger, &caller, rig.authorities.intermediate.Pem()};
  REQUIRE(Reach(rig.grpc->address(), whole).has_value());
  CHECK(rig.seen.leaf == caller.Pem());
  CHECK(rig.seen.chain == rig.authorities.intermediate.Pem());
  REQUIRE(rig.Proof().ok());
  CHECK_FALSE(Reach(rig.grpc->address(), {&rig.authorities.stranger, &caller}).has_value());
}

TEST_CASE("a resumed handshake proves the same as the first") {
  TlsRig rig;
  const Issued caller = Issue(NamedSpec("ada.example"), &rig.authorities.intermediate);
  grpc_ssl_session_cache* sessions = grpc_ssl_session_cache_create_lru(4);
  const Caller with = {&rig.authorities.stranger, &caller, rig.authorities.intermediate.Pem(), sessions};
  REQUIRE(Reach(rig.grpc->address(), with).has_value());
  REQUIRE(rig.seen.resumed == "false");
  REQUIRE(rig.Proof().ok());
  REQUIRE(Reach(rig.grpc->address(), with).has_value());
  REQUIRE(rig.seen.resumed == "true");
  CHECK(rig.seen.leaf == caller.Pem());
  CHECK(rig.seen.chain.empty());
  const gateway::ProofResult proof = rig.Proof();
  INFO(proof.status().ToString());
  REQUIRE(proof.ok());
  CHECK((*proof)->subject == "ada.example");
  grpc_ssl_session_cache_destroy(sessions);
}

TEST_CASE("certificates that are asked for need not be shown, but hold if they are") {
  TlsRig rig(ServerTlsOptions::Callers::kMayShowOne);
  const Issued& known = rig.authorities.stranger;
  const Issued caller = Issue(NamedSpec("ada.example"), &rig.authorities.root);
  const Issued impostor = Issue(NamedSpec("ada.example"), &rig.authorities.stranger);
  CHECK(Reach(rig.grpc->address(), {&known}) == kHost);
  CHECK(rig.seen.leaf.empty());
  CHECK(Reach(rig.grpc->address(), {&known, &caller}) == kHost);
  CHECK(rig.seen.leaf == caller.Pem());
  CHECK_FALSE(Reach(rig.grpc->address(), {&known, &impostor}).has_value());
}

TEST_CASE("nobody is asked for a certificate where there is no authority for callers") {
  TlsRig rig(ServerTlsOptions::Callers::kMustShowOne, false);
  const Issued caller = Issue(NamedSpec("ada.example"), &rig.authorities.root);
  CHECK(Reach(rig.grpc->address(), {&rig.authorities.stranger}) == kHost);
  CHECK(Reach(rig.grpc->address(), {&rig.authorities.stranger, &caller}) == kHost);
  CHECK(rig.seen.leaf.empty());
}

TEST_CASE("TLS before 1.2 is refused") {
  TlsRig rig(ServerTlsOptions::Callers::kMustShowOne, false);
  for (int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    REQUIRE(CanSpeak(version, rig.server));
    CHECK_FALSE(HandshakeWith(rig.grpc->address(), version));
  }
  CHECK(HandshakeWith(rig.grpc->address(), TLS1_2_VERSION));
  CHECK(HandshakeWith(rig.grpc->address(), TLS1_3_VERSION));
}

TEST_CASE("a new certificate is used from the next handshake on, and open connections go on") {
  TlsRig rig(ServerTlsOptions::Callers::kMustShowOne, true, {"127.0.0.1", "localhost"});
  const Issued caller = Issue(NamedSpec("ada.example"), &rig.authorities.root);
  const Issued renewed_authority = Issue(AuthoritySpec("Renewed"), nullptr);
  CertificateSpec renewed = ServerSpec(kHost);
  renewed.subject = {{"CN", "renewed"}};
  BlockingCall open(Connect(rig.grpc->address(), {&rig.authorities.stranger, &caller}), kEcho);
  REQUIRE(open.Start());
  REQUIRE(open.Write("before"));
  REQUIRE(open.Read() == "before");

  rig.Replace(Issue(renewed, &renewed_authority));
  std::vector<std::string> addresses;
  for (const std::string& address : rig.grpc->addresses()) {
    for (const std::string& numeric : gateway::NumericAddresses(address)) addresses.push_back(numeric);
  }
  for (const std::string& address : addresses) {
    CHECK(Reach(address, {&rig.authorities.stranger, &caller}) == kHost);
  }
  REQUIRE(rig.tls->Reload().ok());
  for (const std::string& address : addresses) {
    CHECK(Reach(address, {&renewed_authority, &caller}) == "renewed");
    CHECK_FALSE(Reach(address, {&rig.authorities.stranger, &caller}).has_value());
  }
  REQUIRE(open.Write("after"));
  CHECK(open.Read() == "after");
  CHECK(Property(*open.context().auth_context(), "x509_common_name") == kHost);
  REQUIRE(open.HalfClose());
  CHECK_FALSE(open.Read().has_value());
  CHECK(open.Finish().ok());
}

TEST_CASE("new authorities for callers count from the next handshake on") {
  TlsRig rig;
  const Issued& known = rig.authorities.stranger;
  const Issued before = Issue(NamedSpec("ada.example"), &rig.authorities.root);
  const Issued renewed_root = Issue(AuthoritySpec("Renewed Root"), nullptr);
  const Issued after = Issue(NamedSpec("ada.example"), &renewed_root);
  REQUIRE_FALSE(Reach(rig.grpc->address(), {&known, &after}).has_value());
  WriteText(rig.authorities.config.ca(), renewed_root.Pem());
  REQUIRE(rig.tls->Reload().ok());
  CHECK(Reach(rig.grpc->address(), {&known, &after}) == kHost);
  CHECK_FALSE(Reach(rig.grpc->address(), {&known, &before}).has_value());
}

TEST_CASE("files that do not belong together, or are broken, change nothing") {
  TlsRig rig;
  const Issued caller = Issue(NamedSpec("ada.example"), &rig.authorities.root);
  const Issued other = Issue(ServerSpec(kHost), &rig.authorities.stranger);
  const auto still_served = [&](const std::string& file, const std::string& why) {
    const absl::Status status = rig.tls->Reload();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(std::string(status.message()).starts_with(file + " "));
    CHECK(std::string(status.message()).find(why) != std::string::npos);
    CHECK(Reach(rig.grpc->address(), {&rig.authorities.stranger, &caller}) == kHost);
  };
  // As half of a replacement looks.
  WriteText(rig.options.cert_file, other.Pem());
  still_served(rig.options.key_file, "is not that of the certificate");
  WriteText(rig.options.key_file, "nothing");
  still_served(rig.options.key_file, "cannot be read");
  WriteText(rig.options.key_file, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n");
  still_served(rig.options.key_file, "passphrase");
  CertificateSpec weak = ServerSpec(kHost);
  weak.key = KeyKind::kRsa1024;
  rig.Replace(Issue(weak, &rig.authorities.stranger));
  still_served(rig.options.cert_file, "too short");
  weak = ServerSpec(kHost);
  weak.digest = "SHA1";
  rig.Replace(Issue(weak, &rig.authorities.stranger));
  still_served(rig.options.cert_file, "weak or unknown algorithm");
  rig.Replace(other);
  WriteText(rig.authorities.config.ca(), rig.authorities.root.Pem() + "-----BEGIN CERTIFICATE-----\nAA");
  still_served(rig.authorities.config.ca(), "damaged");
}

TEST_CASE("certificates change under load and no connection fails for it") {
  TlsRig rig(ServerTlsOptions::Callers::kMustShowOne, true, {"localhost"});
  const Issued caller = Issue(NamedSpec("ada.example"), &rig.authorities.root);
  std::vector<Issued> others;
  for (int i = 0; i < 4; ++i) others.push_back(Issue(ServerSpec(kHost), &rig.authorities.stranger));
  std::atomic<bool> stop{false};
  std::atomic<int> reached{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> callers;
  const std::vector<std::string> addresses = gateway::NumericAddresses(rig.grpc->address());
  for (size_t t = 0; t < 4; ++t) {
    callers.emplace_back([&, address = addresses[t % addresses.size()]] {
      while (!stop) ++(Reach(address, {&rig.authorities.stranger, &caller}) == kHost ? reached : failed);
    });
  }
  int reloads = 0;
  while (reached < 200 && failed == 0) {
    rig.Replace(others[static_cast<size_t>(++reloads) % others.size()]);
    if (!rig.tls->Reload().ok()) ++failed;
  }
  stop = true;
  for (std::thread& thread : callers) thread.join();
  CHECK(failed == 0);
  CHECK(reloads > 10);
}

TEST_CASE("a certificate that is replaced on disk is in use shortly after") {
  TlsRig rig;
  const Issued caller = Issue(NamedSpec("ada.example"), &rig.authorities.root);
  CertificateSpec renewed = ServerSpec(kHost);
  renewed.subject = {{"CN", "renewed"}};
  std::vector<gateway::WatchedFiles> files;
  files.emplace_back("the certificate", rig.tls->Files(), [&] { return rig.tls->Reload(); });
  const gateway::FileWatcher watcher(std::move(files), absl::Milliseconds(20));
  rig.Replace(Issue(renewed, &rig.authorities.stranger));
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  std::optional<std::string> name;
  while (name != "renewed" && absl::Now() < deadline) {
    name = Reach(rig.grpc->address(), {&rig.authorities.stranger, &caller});
  }
  CHECK(name == "renewed");
}

TEST_CASE("TLS needs files that can be read") {
  const TestAuthorities authorities;
  ServerTlsOptions options;
  options.cert_file = authorities.path("missing.pem");
  options.key_file = authorities.path("missing.key");
  const auto made = ServerTls::Create(options);
  CHECK(absl::IsNotFound(made.status()));
  CHECK(std::string(made.status().message()).find("missing.pem") != std::string::npos);
}

}  // namespace sallyport::testing
