// Conditions, and a call that they are asked about.
#ifndef SALLYPORT_TESTS_POLICY_CONDITIONS_CONDITION_FIXTURE_H_
#define SALLYPORT_TESTS_POLICY_CONDITIONS_CONDITION_FIXTURE_H_

#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/json_util.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "policy/conditions/condition.h"
#include "policy/descriptors/descriptors.h"
#include "tests/policy/masking/parsed_proto.h"

namespace sallyport::policy {

inline constexpr char kPayProto[] = R"(
  syntax = "proto3";
  package pay;
  import "google/protobuf/any.proto";
  import "google/protobuf/struct.proto";
  import "google/protobuf/timestamp.proto";
  import "google/protobuf/wrappers.proto";
  enum State { STATE_UNSPECIFIED = 0; OPEN = 1; CLOSED = 2; }
  message Money { int64 minor_units = 1; string currency = 2; }
  message Request {
    Money amount = 1;
    repeated string notes = 2;
    map<string, int32> counts = 3;
    optional int32 priority = 4;
    State state = 5;
    google.protobuf.Int64Value limit = 6;
    google.protobuf.Timestamp when = 7;
    google.protobuf.Struct extra = 8;
    google.protobuf.Any any = 9;
    oneof way { string card = 10; string iban = 11; }
    repeated Money parts = 12;
    repeated sint32 numbers = 13;
    bytes secret = 14;
    double ratio = 15;
    uint64 big = 16;
  }
  message Response { bool accepted = 1; }
  service Payments { rpc Pay(Request) returns (Response); }
)";

// A value: what is set counts for the next question.
struct ConditionBench {
  std::shared_ptr<const Descriptors> set = *ParsedProto(kPayProto);
  const google::protobuf::Descriptor* request = set->pool().FindMessageTypeByName("pay.Request");
  const google::protobuf::Descriptor* response = set->pool().FindMessageTypeByName("pay.Response");

  absl::StatusOr<MethodCondition> Bind(const std::string& text) const {
    const absl::StatusOr<Condition> condition = Condition::Parse(text);
    if (!condition.ok()) return condition.status();
    return condition->For(request, response, set->types());
  }

  std::string Encode(const google::protobuf::Descriptor* type, const std::string& json) const {
    google::protobuf::DynamicMessageFactory factory(&set->pool());
    const std::unique_ptr<google::protobuf::Message> message(factory.GetPrototype(type)->New());
    REQUIRE(google::protobuf::util::JsonStringToMessage(json, message.get()).ok());
    return message->SerializeAsString();
  }

  Answer Ask(const std::string& text, const std::vector<std::string>& requests,
             const std::vector<SaidPair>& metadata = {}) const {
    INFO(text);
    const absl::StatusOr<MethodCondition> condition = Bind(text);
    INFO(condition.status());
    REQUIRE(condition.ok());
    std::vector<SaidMessage> said;
    for (const std::string& one : requests) said.push_back({one, nullptr});
    const std::string accepted = "\x08\x01";
    const std::vector<SaidMessage> responses = {{accepted, nullptr}};
    CallFacts call;
    call.method = "pay.Payments/Pay";
    call.identity = "https://issuer#alice";
    call.upstream = "bank";
    call.start = absl::FromUnixSeconds(1'767'323'045);
    call.ended = ended;
    call.status = "OK";
    call.duration = absl::Milliseconds(1500);
    call.request_bytes = 10;
    call.response_bytes = 2;
    call.requests = said;
    call.responses = responses;
    call.metadata = metadata;
    return condition->Ask(call);
  }
  bool Holds(const std::string& text, const std::string& json = "{}") const {
    const Answer answer = Ask(text, {Encode(request, json)});
    INFO(text << ": " << answer.why);
    CHECK((answer.kind == Answer::Kind::kHolds || answer.kind == Answer::Kind::kFails));
    return answer.holds();
  }
  std::string Fault(const std::string& text) const {
    const absl::StatusOr<MethodCondition> condition = Bind(text);
    INFO(text);
    REQUIRE(!condition.ok());
    return std::string(condition.status().message());
  }

  bool ended = true;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_CONDITIONS_CONDITION_FIXTURE_H_
