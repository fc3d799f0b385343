#include <catch2/catch.hpp>

#include "recorder/format/call_id.h"
#include "tests/gateway/api/api_rig.h"

namespace sallyport::testing {
namespace {

const v1::Entry* Find(const std::vector<v1::Entry>& entries, v1::Entry::EventCase kind) {
  for (const v1::Entry& entry : entries) {
    if (entry.event_case() == kind) return &entry;
  }
  return nullptr;
}

TEST_CASE("a look is recorded as a call: who, by which role, what was asked, what was shown") {
  ApiRig rig;
  rig.CallThrough("carl", 1);
  const std::string id = rig.AwaitCalls(1).front().id();
  v1::GetCallRequest request;
  request.set_id(id);
  v1::Call call;
  const std::unique_ptr<grpc::ClientContext> context = rig.As("carl");
  REQUIRE(rig.audit().GetCall(context.get(), request, &call).ok());
  const std::vector<recorder::CallSummary> looks = rig.Looks();
  REQUIRE(!looks.empty());
  CHECK(looks.back().method == "sallyport.v1.Audit/GetCall");
  CHECK(looks.back().identity == "api-keys#carl");
  CHECK(looks.back().upstream == "sallyport");
  const std::vector<v1::Entry> entries = rig.rig().Entries(looks.back().id);
  const v1::Entry* const start = Find(entries, v1::Entry::kStart);
  REQUIRE(start != nullptr);
  CHECK(start->start().record_rule() == "(look)");
  CHECK_FALSE(start->start().descriptors().empty());
  const v1::Entry* const decision = Find(entries, v1::Entry::kDecision);
  REQUIRE(decision != nullptr);
  CHECK(decision->decision().outcome() == v1::Decision::OUTCOME_ALLOWED);
  CHECK(decision->decision().rule() == "callers");
  CHECK(decision->decision().proofs_size() == 1);
  const v1::Entry* const frame = Find(entries, v1::Entry::kFrame);
  REQUIRE(frame != nullptr);
  CHECK(frame->frame().payload() == request.SerializeAsString());
  const v1::Entry* const look = Find(entries, v1::Entry::kLook);
  REQUIRE(look != nullptr);
  REQUIRE(look->look().calls_size() == 1);
  CHECK(recorder::FormatId(look->look().calls(0)) == id);
  REQUIRE(look->look().roles_size() == 1);
  CHECK(look->look().roles(0) == "callers");
  const v1::Entry* const end = Find(entries, v1::Entry::kEnd);
  REQUIRE(end != nullptr);
  CHECK(end->end().status_code() == 0);
  CHECK(end->end().request_frames() == 1);
  CHECK(end->end().response_frames() == 0);
}

TEST_CASE("refused looks are recorded, and show nothing") {
  ApiRig rig;
  v1::SearchCallsRequest request;
  v1::SearchCallsResponse response;
  std::unique_ptr<grpc::ClientContext> context = rig.As("sven");
  CHECK_FALSE(rig.audit().SearchCalls(context.get(), request, &response).ok());
  context = rig.As("");
  CHECK_FALSE(rig.audit().SearchCalls(context.get(), request, &response).ok());
  const std::vector<recorder::CallSummary> looks = rig.Looks();
  REQUIRE(looks.size() == 2);
  CHECK(looks[0].identity == "api-keys#sven");
  CHECK(looks[1].identity == "anonymous");
  const std::vector<v1::Entry> denied = rig.rig().Entries(looks[0].id);
  REQUIRE(Find(denied, v1::Entry::kDecision) != nullptr);
  CHECK(Find(denied, v1::Entry::kDecision)->decision().outcome() == v1::Decision::OUTCOME_DENIED);
  CHECK(Find(denied, v1::Entry::kLook) == nullptr);
  const std::vector<v1::Entry> unproved = rig.rig().Entries(looks[1].id);
  REQUIRE(Find(unproved, v1::Entry::kDecision) != nullptr);
  CHECK(Find(unproved, v1::Entry::kDecision)->decision().outcome() == v1::Decision::OUTCOME_UNAUTHENTICATED);
  CHECK(Find(unproved, v1::Entry::kEnd)->end().status_code() == 16);
}

TEST_CASE("a flood of refused looks is counted and not recorded one by one") {
  ApiRig rig;
  // Twice what may be recorded at once.
  for (int i = 0; i < 400; ++i) {
    v1::SearchCallsResponse response;
    const std::unique_ptr<grpc::ClientContext> context = rig.As("sven");
    CHECK_FALSE(rig.audit().SearchCalls(context.get(), {}, &response).ok());
  }
  CHECK(rig.Looks().size() < 300);
}

TEST_CASE("a look at looks counts them, and lists none") {
  ApiRig rig;
  for (int i = 0; i < 2; ++i) {
    v1::SearchCallsRequest request;
    request.mutable_filter()->set_method("sallyport.v1.Audit/*");
    v1::SearchCallsResponse response;
    const std::unique_ptr<grpc::ClientContext> context = rig.As("anna");
    REQUIRE(rig.audit().SearchCalls(context.get(), request, &response).ok());
  }
  for (const recorder::CallSummary& each : rig.Looks()) {
    const std::vector<v1::Entry> entries = rig.rig().Entries(each.id);
    if (const v1::Entry* const look = Find(entries, v1::Entry::kLook); look != nullptr) {
      CHECK(look->look().calls_size() == 0);
      CHECK(look->look().looks() > 0);
    }
  }
}

TEST_CASE("a call that was not there was not shown") {
  ApiRig rig;
  v1::ReadCallRequest request;
  request.set_call("1j7xk2m9q4z");
  const std::unique_ptr<grpc::ClientContext> context = rig.As("anna");
  const auto events = rig.audit().ReadCall(context.get(), request);
  v1::Event event;
  CHECK_FALSE(events->Read(&event));
  CHECK(events->Finish().error_code() == grpc::StatusCode::NOT_FOUND);
  const std::vector<recorder::CallSummary> looks = rig.Looks();
  REQUIRE(looks.size() == 1);
  const std::vector<v1::Entry> entries = rig.rig().Entries(looks[0].id);
  CHECK(Find(entries, v1::Entry::kLook) == nullptr);
}

}  // namespace
}  // namespace sallyport::testing
