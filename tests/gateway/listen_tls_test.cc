// Callers that reach a whole gateway over TLS.
#include <grpcpp/create_channel.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "tests/gateway/rig.h"
#include "tests/gateway/tls/certificates.h"

namespace sallyport::gateway {
namespace {

using testing::BlockingCall;
using testing::CallUnary;
using testing::Dial;
using testing::Issue;
using testing::Issued;
using testing::Methods;
using testing::Rig;
using testing::ScriptedCall;
using testing::TemporaryDirectory;
using testing::WriteText;

constexpr char kHost[] = "gateway.test";

std::map<std::string, testing::ScriptedServer::Script> Echo() {
  const testing::ScriptedServer::Script echo = [](ScriptedCall& call) {
    while (const std::optional<std::string> message = call.Read()) call.Write(*message);
    return grpc::Status::OK;
  };
  return {{testing::kUnary, echo}, {testing::kBidi, echo}};
}

// The gateway's certificate and the authority of its callers, in files.
struct TlsFiles {
  TlsFiles() {
    Replace(Issue(testing::ServerSpec(kHost), &authority));
    WriteText(client_ca, authority.Pem());
  }
  void Replace(const Issued& server) const {
    WriteText(cert, server.Pem());
    WriteText(key, server.KeyPem());
  }

  TemporaryDirectory directory;
  std::string cert = directory.path() + "/cert.pem";
  std::string key = directory.path() + "/key.pem";
  std::string client_ca = directory.path() + "/ca.pem";
  Issued authority = Issue(testing::AuthoritySpec("Authority"), nullptr);
  Issued caller = Issue(testing::CallerSpec(), &authority);
};

std::shared_ptr<grpc::Channel> Connect(const std::string& address, const Issued& authority, const Issued* caller) {
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = authority.Pem();
  if (caller != nullptr) {
    ssl.pem_cert_chain = caller->Pem();
    ssl.pem_private_key = caller->KeyPem();
  }
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(kHost);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(address, grpc::SslCredentials(ssl), arguments);
}

}  // namespace

TEST_CASE("the gateway listens with TLS, and asks for client certificates if it is told whose") {
  const TlsFiles files;
  const bool client_ca = GENERATE(false, true);
  Rig rig(Echo(), Methods::kKnown, [&](GatewayOptions& gateway) {
    gateway.tls.emplace();
    gateway.tls->cert_file = files.cert;
    gateway.tls->key_file = files.key;
    if (client_ca) gateway.tls->client_ca_files = {files.client_ca};
  });
  const auto without = Connect(rig.address(), files.authority, nullptr);
  CHECK(CallUnary(without, testing::kUnary, "x").status.ok() == !client_ca);
  const auto with = Connect(rig.address(), files.authority, &files.caller);
  CHECK(CallUnary(with, testing::kUnary, "x").response == "x");
  CHECK_FALSE(CallUnary(Dial(rig.address()), testing::kUnary, "x").status.ok());
}

TEST_CASE("a gateway takes up a new certificate by itself, and cuts no call for it") {
  const TlsFiles files;
  Rig rig(Echo(), Methods::kKnown, [&](GatewayOptions& gateway) {
    gateway.tls.emplace();
    gateway.tls->cert_file = files.cert;
    gateway.tls->key_file = files.key;
  });
  BlockingCall open(Connect(rig.address(), files.authority, nullptr), testing::kBidi);
  REQUIRE(open.Start());
  REQUIRE(open.Write("before"));
  REQUIRE(open.Read() == "before");
  const Issued renewed = Issue(testing::AuthoritySpec("Renewed"), nullptr);
  files.Replace(Issue(testing::ServerSpec(kHost), &renewed));
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  bool reached = false;
  while (!reached && absl::Now() < deadline) {
    reached = CallUnary(Connect(rig.address(), renewed, nullptr), testing::kUnary, "x").response == "x";
  }
  CHECK(reached);
  CHECK_FALSE(CallUnary(Connect(rig.address(), files.authority, nullptr), testing::kUnary, "x").status.ok());
  REQUIRE(open.Write("after"));
  CHECK(open.Read() == "after");
  REQUIRE(open.HalfClose());
  CHECK(open.Finish().ok());
}

}  // namespace sallyport::gateway
