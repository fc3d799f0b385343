// Upstreams that are reached over TLS, that offer reflection, and that come several at a time.
#include "gateway/upstream/upstream.h"

#include <grpc/grpc.h>
#include <grpc/support/alloc.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/security/auth_metadata_processor.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "deploy/example/payments_service.h"
#include "gateway/reflection/refresher.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {
namespace {

using testing::CallUnary;
using testing::Dial;
using testing::Methods;
using testing::Rig;
using testing::ScriptedCall;
using testing::ScriptedServer;
using testing::TemporaryDirectory;

UpstreamOptions To(const std::string& target) {
  UpstreamOptions options;
  options.name = "pay";
  options.target = target;
  options.message_bytes = 64 << 20;
  options.metadata_bytes = 64 << 10;
  return options;
}

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// A certificate for "upstream.test" that signs itself.
struct SelfSigned {
  explicit SelfSigned(const TemporaryDirectory& directory)
      : key_path(directory.path() + "/key.pem"), cert_path(directory.path() + "/cert.pem") {
    std::string command = absl::StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=upstream.test "
        "-addext subjectAltName=DNS:upstream.test -keyout ",
        key_path, " -out ", cert_path, " 2> /dev/null");
    REQUIRE(std::system(command.c_str()) == 0);
    key = ReadAll(key_path);
    cert = ReadAll(cert_path);
  }
  std::string key_path;
  std::string cert_path;
  std::string key;
  std::string cert;
};

std::shared_ptr<grpc::ServerCredentials> TlsWith(const SelfSigned& certificate) {
  grpc::SslServerCredentialsOptions ssl;
  ssl.pem_key_cert_pairs.push_back({certificate.key, certificate.cert});
  return grpc::SslServerCredentials(ssl);
}

// The example service, with reflection.
struct ExampleServer {
  explicit ExampleServer(
      const std::shared_ptr<grpc::ServerCredentials>& credentials = grpc::InsecureServerCredentials()) {
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials, &port);
    builder.RegisterService(&service);
    server = builder.BuildAndStart();
    REQUIRE(server != nullptr);
  }
  ~ExampleServer() {
    service.Stop();
    server->Shutdown();
  }
  std::string address() const { return absl::StrCat("127.0.0.1:", port); }

  int port = 0;
  example::PaymentsService service;
  std::unique_ptr<grpc::Server> server;
};

}  // namespace

TEST_CASE("reflection tells which methods an upstream has and which of them are unary") {
  ExampleServer server;
  auto upstream = *Upstream::Create(To(server.address()));
  const auto files = FetchFiles(*upstream, absl::Seconds(20));
  INFO(files.status().ToString());
  REQUIRE(files.ok());
  std::vector<std::string> told;
  const auto descriptors = policy::Descriptors::Over(policy::Descriptors::Empty(), *files, "the example", &told);
  REQUIRE(descriptors.ok());
  CHECK(told.empty());
  const policy::MethodShape* get = (*descriptors)->FindMethod("/pay.v1.Payments/GetPayment");
  REQUIRE(get != nullptr);
  CHECK(get->unary());
  const policy::MethodShape* chat = (*descriptors)->FindMethod("/pay.v1.Payments/Chat");
  REQUIRE(chat != nullptr);
  CHECK(chat->client_streaming);
  CHECK(chat->server_streaming);
}

TEST_CASE("an upstream is reached over TLS, and only if its certificate is the expected one") {
  TemporaryDirectory directory;
  SelfSigned certificate(directory);
  ExampleServer server(TlsWith(certificate));
  auto options = [&](GatewayOptions& gateway) {
    gateway.upstreams[0].target = server.address();
    gateway.upstreams[0].tls = true;
    gateway.upstreams[0].ca_file = certificate.cert_path;
    gateway.upstreams[0].server_name = "upstream.test";
  };
  // An unknown customer is the service's own answer: it was reached.
  Rig rig({}, Methods::kUnknown, options);
  CHECK(CallUnary(rig.channel(), "/pay.v1.Payments/GetPayment", "").status.error_code() !=
        grpc::StatusCode::UNAVAILABLE);
  Rig wrong({}, Methods::kUnknown, [&](GatewayOptions& gateway) {
    options(gateway);
    gateway.upstreams[0].server_name = "other.test";
  });
  CHECK(CallUnary(wrong.channel(), "/pay.v1.Payments/GetPayment", "").status.error_code() ==
        grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("an upstream that asks for a client certificate sees the one that is in the files by then") {
  TemporaryDirectory servers, clients;
  const SelfSigned server_certificate(servers);
  const SelfSigned first(clients);
  // Knows the second certificate only, which is not there yet.
  TemporaryDirectory elsewhere;
  const SelfSigned second(elsewhere);
  grpc::SslServerCredentialsOptions ssl(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  ssl.pem_root_certs = second.cert;
  ssl.pem_key_cert_pairs.push_back({server_certificate.key, server_certificate.cert});
  ExampleServer server(grpc::SslServerCredentials(ssl));
  Rig rig({}, Methods::kUnknown, [&](GatewayOptions& gateway) {
    UpstreamOptions& upstream = gateway.upstreams[0];
    upstream.target = server.address();
    upstream.tls = true;
    upstream.ca_file = server_certificate.cert_path;
    upstream.cert_file = first.cert_path;
    upstream.key_file = first.key_path;
    upstream.server_name = "upstream.test";
    upstream.reload = absl::Seconds(1);
  });
  const auto code = [&] { return CallUnary(rig.channel(), "/pay.v1.Payments/GetPayment", "").status.error_code(); };
  CHECK(code() == grpc::StatusCode::UNAVAILABLE);
  for (const auto& [from, to] : {std::pair(second.key_path, first.key_path), {second.cert_path, first.cert_path}}) {
    std::filesystem::rename(from, to);
  }
  const absl::Time give_up = absl::Now() + absl::Seconds(60);
  while (code() == grpc::StatusCode::UNAVAILABLE && absl::Now() < give_up) {
  }
  CHECK(code() != grpc::StatusCode::UNAVAILABLE);
}

TEST_CASE("an upstream that lets nobody in without credentials is asked for its descriptors with them") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/token";
  std::ofstream(path) << "s3cret";
  struct Checked : grpc::AuthMetadataProcessor {
    grpc::Status Process(const InputMetadata& metadata, grpc::AuthContext*, OutputMetadata*, OutputMetadata*) override {
      const auto token = metadata.find("token");
      if (token != metadata.end() && token->second == "s3cret") return grpc::Status::OK;
      return {grpc::StatusCode::UNAUTHENTICATED, "who are you?"};
    }
  };
  SelfSigned certificate(directory);
  auto credentials = TlsWith(certificate);
  credentials->SetAuthMetadataProcessor(std::make_shared<Checked>());
  ExampleServer server(credentials);
  UpstreamOptions options = To(server.address());
  options.tls = true;
  options.ca_file = certificate.cert_path;
  options.server_name = "upstream.test";
  CHECK(absl::IsUnauthenticated(FetchFiles(**Upstream::Create(options), absl::Seconds(20)).status()));
  options.credentials.emplace().otherwise = {{"token", "", SecretOptions{SecretOptions::Kind::kFile, path}}};
  const auto files = FetchFiles(**Upstream::Create(options), absl::Seconds(20));
  INFO(files.status());
  REQUIRE(files.ok());
  CHECK(files->file_size() > 0);
}

TEST_CASE("calls go round the addresses of an upstream") {
  std::atomic<int> first{0};
  std::atomic<int> second{0};
  ScriptedServer other({{testing::kUnary, [&](ScriptedCall& call) {
                           ++second;
                           call.Write(call.Read().value_or(""));
                           return grpc::Status::OK;
                         }}});
  Rig rig({{testing::kUnary,
            [&](ScriptedCall& call) {
              ++first;
              call.Write(call.Read().value_or(""));
              return grpc::Status::OK;
            }}},
          Methods::kKnown, [&](GatewayOptions& gateway) {
            gateway.upstreams[0].target = absl::StrCat("ipv4:", gateway.upstreams[0].target, ",", other.address());
          });
  // Connections come up one after the other; both are used soon after.
  for (int i = 0; i < 10'000 && (first == 0 || second == 0); ++i) CallUnary(rig.channel(), testing::kUnary, "x");
  CHECK(first > 0);
  CHECK(second > 0);
}

// The library adds events to a channel's list, and frees old ones, while another thread may be writing the list as
// JSON: a gateway that asks for its connections died of it once in a few thousand calls on connections that are closed
// often.
TEST_CASE("channels to upstreams keep no events that channelz would tell") {
  const auto told = [](char* text) {
    nlohmann::json json = nlohmann::json::parse(text);
    gpr_free(text);
    return json;
  };
  Rig rig({{testing::kUnary,
            [](ScriptedCall& call) {
              call.Write(call.Read().value_or(""));
              return grpc::Status::OK;
            }}},
          Methods::kKnown);
  REQUIRE(CallUnary(rig.channel(), testing::kUnary, "x").response == "x");
  int subchannels = 0;
  const nlohmann::json channels = told(grpc_channelz_get_top_channels(0));
  for (const nlohmann::json& channel : channels.at("channel")) {
    if (channel.at("data").at("target").get<std::string>().find(rig.upstream().address()) == std::string::npos)
      continue;
    INFO(channel.dump());
    CHECK_FALSE(channel.at("data").contains("trace"));
    if (!channel.contains("subchannelRef")) continue;
    for (const nlohmann::json& ref : channel.at("subchannelRef")) {
      const int64_t id = std::stoll(ref.at("subchannelId").get<std::string>());
      const nlohmann::json subchannel = told(grpc_channelz_get_subchannel(id));
      INFO(subchannel.dump());
      CHECK_FALSE(subchannel.at("subchannel").at("data").contains("trace"));
      ++subchannels;
    }
  }
  CHECK(subchannels > 0);
}

TEST_CASE("routes send services to their upstreams, by metadata too") {
  auto answer = [](const char* who) {
    return [who](ScriptedCall& call) {
      call.Read();
      call.Write(who);
      return grpc::Status::OK;
    };
  };
  ScriptedServer other({{testing::kUnary, answer("other")}});
  Rig rig({{testing::kUnary, answer("first")}}, Methods::kKnown, [&](GatewayOptions& gateway) {
    UpstreamOptions second = gateway.upstreams[0];
    second.name = "other";
    second.target = other.address();
    gateway.upstreams.push_back(second);
    RouteOptions route;
    (*route.match.mutable_metadata())["tenant"] = "eu-*";
    route.upstream = "other";
    gateway.routes.insert(gateway.routes.begin(), route);
  });
  CHECK(CallUnary(rig.channel(), testing::kUnary, "x").response == "first");
  testing::BlockingCall call(rig.channel(), testing::kUnary);
  call.context().AddMetadata("tenant", "eu-west");
  call.Start();
  call.Write("x", grpc::WriteOptions().set_last_message());
  CHECK(call.Read() == "other");
  CHECK(call.Finish().ok());
  std::set<std::string> upstreams;
  for (const recorder::CallSummary& summary : rig.Calls()) upstreams.insert(summary.upstream);
  CHECK(upstreams == std::set<std::string>{"upstream", "other"});
}

}  // namespace sallyport::gateway
