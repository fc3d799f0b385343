#include <google/protobuf/any.pb.h>

#include <catch2/catch.hpp>
#include <thread>

#include "google/rpc/status.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "sallyport/v1/operations.grpc.pb.h"
#include "sallyport/v1/policies.grpc.pb.h"
#include "tests/gateway/api/api_rig.h"

namespace sallyport::testing {
namespace {

struct Found {
  grpc::Status status;
  v1::SearchCallsResponse response;
};

Found Search(ApiRig& rig, v1::Audit::Stub& audit, const std::string& reader) {
  v1::SearchCallsRequest request;
  request.mutable_filter()->set_method("test.v1.Echo/*");
  request.set_page_size(100);
  Found found;
  const std::unique_ptr<grpc::ClientContext> context = rig.As(reader);
  found.status = audit.SearchCalls(context.get(), request, &found.response);
  return found;
}

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details_size() == 0) return "";
  return details.details(0).UnpackTo(&info) && info.domain() == "sallyport" ? info.reason() : "";
}

TEST_CASE("each reader is shown what its roles show, and nobody anything") {
  ApiRig rig;
  rig.CallThrough("carl", 3);
  rig.CallThrough("anna", 2);
  rig.AwaitCalls(5);
  CHECK(Search(rig, rig.audit(), "anna").response.calls_size() == 5);
  CHECK(Search(rig, rig.audit(), "ivy").response.calls_size() == 5);
  const Found own = Search(rig, rig.audit(), "carl");
  REQUIRE(own.response.calls_size() == 3);
  for (const v1::CallSummary& call : own.response.calls()) CHECK(call.identity() == "api-keys#carl");
  const Found stranger = Search(rig, rig.audit(), "sven");
  CHECK(stranger.status.error_code() == grpc::StatusCode::PERMISSION_DENIED);
  CHECK(ReasonOf(stranger.status) == "NO_ROLE");
  const Found nobody = Search(rig, rig.audit(), "");
  CHECK(nobody.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(ReasonOf(nobody.status) == "UNAUTHENTICATED");
  CHECK(Search(rig, rig.audit(), "otto").status.error_code() == grpc::StatusCode::PERMISSION_DENIED);
}

TEST_CASE("what may not be seen is as if it were not there") {
  ApiRig rig;
  rig.CallThrough("anna", 1);
  const std::string id = rig.AwaitCalls(1).front().id();
  std::vector<grpc::Status> told;
  for (const std::string& asked : {id, std::string("1j7xk2m9q4z")}) {
    v1::GetCallRequest request;
    request.set_id(asked);
    v1::Call call;
    const std::unique_ptr<grpc::ClientContext> context = rig.As("carl");
    told.push_back(rig.audit().GetCall(context.get(), request, &call));
    CHECK(told.back().error_code() == grpc::StatusCode::NOT_FOUND);
    CHECK_FALSE(call.has_summary());
  }
  v1::ReadCallRequest request;
  request.set_call(id);
  const std::unique_ptr<grpc::ClientContext> context = rig.As("carl");
  const auto events = rig.audit().ReadCall(context.get(), request);
  v1::Event event;
  CHECK_FALSE(events->Read(&event));
  CHECK(events->Finish().error_code() == grpc::StatusCode::NOT_FOUND);
}

TEST_CASE("a call is read from its beginning to its end") {
  ApiRig rig;
  rig.CallThrough("carl", 1);
  v1::ReadCallRequest request;
  request.set_call(rig.AwaitCalls(1).front().id());
  const std::unique_ptr<grpc::ClientContext> context = rig.As("carl");
  const auto events = rig.audit().ReadCall(context.get(), request);
  std::vector<v1::Event> read;
  for (v1::Event event; events->Read(&event);) read.push_back(event);
  REQUIRE(events->Finish().ok());
  REQUIRE(read.size() >= 4);
  CHECK(read.front().has_beginning());
  CHECK(read.back().has_end());
}

TEST_CASE("the owner of the data directory needs no key over its socket") {
  ApiRig rig;
  rig.CallThrough("carl", 1);
  rig.AwaitCalls(1);
  const std::unique_ptr<v1::Audit::Stub> audit = v1::Audit::NewStub(rig.local());
  CHECK(Search(rig, *audit, "").response.calls_size() == 1);
  grpc::ClientContext context;
  v1::WhoamiResponse who;
  REQUIRE(audit->Whoami(&context, {}, &who).ok());
  CHECK(who.identity().starts_with("local#"));
  CHECK(who.proved().proof() == v1::PROOF_LOCAL);
  CHECK(who.roles_size() == 3);
}

TEST_CASE("who asks is told its roles, also without one; nobody is not told") {
  ApiRig rig;
  v1::WhoamiResponse who;
  std::unique_ptr<grpc::ClientContext> context = rig.As("ivy");
  REQUIRE(rig.audit().Whoami(context.get(), {}, &who).ok());
  CHECK(who.identity() == "api-keys#ivy");
  REQUIRE(who.roles_size() == 1);
  CHECK(who.roles(0).name() == "inquiry");
  CHECK(who.roles(0).role() == "investigator");
  CHECK(who.roles(0).methods(0) == "test.v1.Echo/Unary");
  context = rig.As("sven");
  REQUIRE(rig.audit().Whoami(context.get(), {}, &who).ok());
  CHECK(who.roles_size() == 0);
  context = rig.As("");
  CHECK(rig.audit().Whoami(context.get(), {}, &who).error_code() == grpc::StatusCode::UNAUTHENTICATED);
}

TEST_CASE("what the door itself says who comes cannot be said by callers") {
  ApiRig rig;
  const std::unique_ptr<grpc::ClientContext> context = rig.As("anna");
  context->AddMetadata("sallyport-visit", "0123456789abcdef0123456789abcdef");
  v1::WhoamiResponse who;
  CHECK(rig.audit().Whoami(context.get(), {}, &who).error_code() == grpc::StatusCode::UNAUTHENTICATED);
}

TEST_CASE("a tail is told of calls from now on, and ends when the gateway stops") {
  ApiRig rig;
  const std::unique_ptr<grpc::ClientContext> context = rig.As("carl");
  v1::TailCallsRequest request;
  request.mutable_filter()->set_method("test.v1.Echo/*");
  const auto tail = rig.audit().TailCalls(context.get(), request);
  v1::TailCallsResponse said;
  REQUIRE(tail->Read(&said));
  CHECK(said.has_following());
  rig.CallThrough("anna", 1);
  rig.CallThrough("carl", 1);
  std::string identity;
  while (identity.empty() && tail->Read(&said)) identity = said.event().identity();
  CHECK(identity == "api-keys#carl");
  std::thread stopper([&rig] { REQUIRE(rig.rig().gateway().Shutdown(absl::ZeroDuration()).ok()); });
  while (tail->Read(&said)) CHECK(said.event().identity() != "api-keys#anna");
  CHECK(tail->Finish().error_code() == grpc::StatusCode::UNAVAILABLE);
  stopper.join();
}

TEST_CASE("whoever connects may ask for health, and for nothing of the record") {
  ApiRig rig;
  const auto health = grpc::health::v1::Health::NewStub(rig.channel());
  grpc::health::v1::HealthCheckRequest request;
  grpc::health::v1::HealthCheckResponse response;
  grpc::ClientContext context;
  request.set_service("sallyport.v1.Audit");
  REQUIRE(health->Check(&context, request, &response).ok());
  CHECK(response.status() == grpc::health::v1::HealthCheckResponse::SERVING);
  grpc::ClientContext other;
  request.set_service("test.v1.Echo");
  CHECK(health->Check(&other, request, &response).error_code() == grpc::StatusCode::NOT_FOUND);
}

TEST_CASE("operators and auditors are told the policy and why it decides; others are not") {
  ApiRig rig;
  const auto policies = v1::Policies::NewStub(rig.channel());
  v1::GetPolicyResponse policy;
  std::unique_ptr<grpc::ClientContext> context = rig.As("otto");
  REQUIRE(policies->GetPolicy(context.get(), {}, &policy).ok());
  CHECK(policy.text().find("auditors") != std::string::npos);
  CHECK(policy.versions_size() == 1);
  CHECK(policy.in_force().version() == policy.versions(0).version());
  v1::ExplainRequest asked;
  asked.set_method("test.v1.Echo/Unary");
  v1::ExplainResponse explained;
  context = rig.As("anna");
  REQUIRE(policies->Explain(context.get(), asked, &explained).ok());
  CHECK(explained.allowed());
  CHECK(explained.rule() == "default");
  context = rig.As("carl");
  CHECK(policies->GetPolicy(context.get(), {}, &policy).error_code() == grpc::StatusCode::PERMISSION_DENIED);
}

TEST_CASE("operators are told numbers, and of no caller") {
  ApiRig rig;
  rig.CallThrough("carl", 2);
  rig.AwaitCalls(2);
  v1::StatisticsRequest request;
  request.mutable_filter()->set_method("test.v1.Echo/*");
  request.add_group_by(v1::STATISTICS_KEY_METHOD);
  v1::Statistics numbers;
  std::unique_ptr<grpc::ClientContext> context = rig.As("otto");
  REQUIRE(rig.audit().Statistics(context.get(), request, &numbers).ok());
  REQUIRE(numbers.series_size() == 1);
  CHECK(numbers.series(0).points(0).calls() == 2);
  request.add_group_by(v1::STATISTICS_KEY_IDENTITY);
  context = rig.As("otto");
  CHECK(rig.audit().Statistics(context.get(), request, &numbers).error_code() == grpc::StatusCode::PERMISSION_DENIED);
  context = rig.As("sven");
  CHECK(rig.audit().Statistics(context.get(), request, &numbers).error_code() == grpc::StatusCode::PERMISSION_DENIED);
}

TEST_CASE("holds are placed, listed and released; whose data it is, operators are not told") {
  ApiRig rig;
  const auto operations = v1::Operations::NewStub(rig.channel());
  v1::PlaceLegalHoldRequest place;
  place.mutable_hold()->set_identity("api-keys#carl");
  place.mutable_hold()->set_reason("case 4711");
  v1::LegalHold placed;
  std::unique_ptr<grpc::ClientContext> context = rig.As("anna");
  REQUIRE(operations->PlaceLegalHold(context.get(), place, &placed).ok());
  CHECK(placed.id() == 1);
  v1::ListLegalHoldsResponse holds;
  context = rig.As("anna");
  REQUIRE(operations->ListLegalHolds(context.get(), {}, &holds).ok());
  REQUIRE(holds.holds_size() == 1);
  CHECK(holds.holds(0).identity() == "api-keys#carl");
  context = rig.As("otto");
  REQUIRE(operations->ListLegalHolds(context.get(), {}, &holds).ok());
  REQUIRE(holds.holds_size() == 1);
  CHECK(holds.holds(0).identity().empty());
  v1::ReleaseLegalHoldRequest release;
  release.set_id(1);
  v1::ReleaseLegalHoldResponse released;
  context = rig.As("anna");
  REQUIRE(operations->ReleaseLegalHold(context.get(), release, &released).ok());
  context = rig.As("anna");
  CHECK(operations->ReleaseLegalHold(context.get(), release, &released).error_code() == grpc::StatusCode::NOT_FOUND);
  v1::GetHealthResponse health;
  context = rig.As("otto");
  REQUIRE(operations->GetHealth(context.get(), {}, &health).ok());
  CHECK(health.ready());
  context = rig.As("anna");
  CHECK(operations->GetHealth(context.get(), {}, &health).error_code() == grpc::StatusCode::PERMISSION_DENIED);
}

}  // namespace
}  // namespace sallyport::testing
