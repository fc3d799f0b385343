#include "tests/gateway/api/api_rig.h"

#include <grpcpp/create_channel.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/api_keys/api_key_file.h"
#include "recorder/system/file.h"

namespace sallyport::testing {
namespace {

constexpr char kPolicy[] = R"(
access: {default: allow}
roles:
  - {name: auditors, match: {groups: [audit]}, role: auditor}
  - {name: callers, match: {groups: [dev]}, role: caller}
  - {name: inquiry, match: {groups: [inquiry]}, role: investigator, calls: {methods: ["test.v1.Echo/Unary"]}}
  - {name: platform, match: {groups: [sre]}, role: operator}
)";

}  // namespace

ApiRig::ApiRig() {
  const std::string file = directory_.path() + "/keys";
  for (const auto& [name, group] : {std::pair("anna", "audit"), std::pair("carl", "dev"), std::pair("ivy", "inquiry"),
                                    std::pair("otto", "sre"), std::pair("sven", "none")}) {
    const auto key = recorder::IssueApiKey(file, name, {group}, absl::Now(), absl::Now() + absl::Hours(1),
                                           recorder::RealFileSystem());
    REQUIRE(key.ok());
    keys_[name] = std::string(key->text.view());
  }
  const std::string policy = directory_.path() + "/policy.yaml";
  std::ofstream(policy) << kPolicy;
  rig_ = std::make_unique<Rig>(std::map<std::string, ScriptedServer::Script>{{kUnary,
                                                                              [](ScriptedCall& call) {
                                                                                const auto request = call.Read();
                                                                                if (request.has_value())
                                                                                  call.Write(*request);
                                                                                return grpc::Status::OK;
                                                                              }}},
                               Methods::kKnown, [&](gateway::GatewayOptions& options) {
                                 options.identity.api_keys_file = file;
                                 options.identity.anonymous = false;
                                 options.policy_file = policy;
                                 options.api.grpc = "127.0.0.1:0";
                               });
  channel_ = Dial(rig_->gateway().api_grpc_address());
  local_ = Dial(absl::StrCat("unix:", rig_->data(), "/api.sock"));
  audit_ = v1::Audit::NewStub(channel_);
}

std::unique_ptr<grpc::ClientContext> ApiRig::As(const std::string& reader) const {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(30)));
  if (!reader.empty()) context->AddMetadata("authorization", absl::StrCat("Bearer ", keys_.at(reader)));
  return context;
}

void ApiRig::CallThrough(const std::string& reader, int times) {
  for (int i = 0; i < times; ++i) {
    BlockingCall call(rig_->channel(), kUnary);
    call.context().AddMetadata("authorization", absl::StrCat("Bearer ", keys_.at(reader)));
    REQUIRE(call.Start());
    REQUIRE(call.Write("hello"));
    REQUIRE(call.HalfClose());
    call.Read();
    REQUIRE(call.Finish().ok());
  }
}

std::vector<v1::CallSummary> ApiRig::AwaitCalls(size_t calls) {
  for (const absl::Time until = absl::Now() + absl::Seconds(20); absl::Now() < until;) {
    v1::SearchCallsRequest request;
    request.mutable_filter()->set_method("test.v1.Echo/*");
    request.set_page_size(1000);
    v1::SearchCallsResponse response;
    const std::unique_ptr<grpc::ClientContext> context = As("anna");
    const grpc::Status status = audit_->SearchCalls(context.get(), request, &response);
    INFO(status.error_message());
    REQUIRE(status.ok());
    if (static_cast<size_t>(response.calls_size()) >= calls) return {response.calls().begin(), response.calls().end()};
  }
  FAIL("the calls are not in the index");
  return {};
}

std::vector<recorder::CallSummary> ApiRig::Looks() {
  std::vector<recorder::CallSummary> looks;
  for (const recorder::CallSummary& call : rig_->Calls()) {
    if (absl::StrContains(call.method, "sallyport.v1.Audit/")) looks.push_back(call);
  }
  return looks;
}

}  // namespace sallyport::testing
