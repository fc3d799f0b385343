#include "gateway/operations/events/event_mapping.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

namespace sallyport::gateway {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kCallId = 1'700'000'000'000'000;
constexpr uint64_t kStart = 1'700'000'000'000'000'000;
constexpr uint64_t kEnd = kStart + 12'345'678;
const EventSource kSource = {"1.2.3", "gateway-0"};

ToldCall Call() {
  ToldCall call;
  call.start_ns = kStart;
  call.method = "/pay.v1.Payments/Refund";
  call.authority = "payments.internal";
  call.peer = "ipv6:%5B2001:db8::7%5D:51514";
  call.identity.set_issuer("https://idp.example");
  call.identity.set_subject("alice");
  call.identity.add_groups("sre");
  call.identity.set_proof(v1::PROOF_JWT);
  call.session_id = kCallId - 1;
  call.upstream = "payments";
  call.upstream_target = "dns:///payments:50051";
  call.decision.set_outcome(v1::Decision::OUTCOME_ALLOWED);
  call.decision.set_rule("sre-may");
  call.decision.set_policy("4f2a");
  call.decision.add_shadow("tighter");
  return call;
}

v1::Entry EndOf(v1::EndReason reason, int status) {
  v1::Entry entry;
  entry.set_call_id(kCallId);
  entry.set_time_ns(kEnd);
  v1::CallEnd& end = *entry.mutable_end();
  end.set_reason(reason);
  end.set_status_code(status);
  end.set_duration_ns(12'345'678);
  end.set_request_frames(1);
  end.set_response_frames(2);
  end.set_request_bytes(30);
  end.set_response_bytes(400);
  end.set_told(v1::TOLD_STATUS);
  end.set_ended_by(reason == v1::END_REASON_REFUSED ? v1::ENDED_BY_GATEWAY : v1::ENDED_BY_UPSTREAM);
  return entry;
}

v1::Entry DecisionOf(v1::Decision::Outcome outcome) {
  v1::Entry entry;
  entry.set_call_id(kCallId);
  entry.set_time_ns(kStart);
  *entry.mutable_decision() = Call().decision;
  entry.mutable_decision()->set_outcome(outcome);
  return entry;
}

Json Parsed(const Event& event) { return Json::parse(event.json); }

}  // namespace

TEST_CASE("events are as the golden file has them") {
  ToldCall refused = Call();
  refused.decision.set_outcome(v1::Decision::OUTCOME_DENIED);
  refused.decision.set_rule("default");
  refused.upstream.clear();
  v1::Entry refusal = EndOf(v1::END_REASON_REFUSED, 7);
  refusal.mutable_end()->set_status_message("no rule lets alice call pay.v1.Payments/Refund");
  v1::Entry failed = EndOf(v1::END_REASON_UPSTREAM_FAILURE, 14);
  failed.mutable_end()->set_upstream_status_code(14);
  failed.mutable_end()->set_status_message("the upstream's connection broke");
  ToldCall stranger;
  stranger.start_ns = kStart;
  stranger.method = "(200+ refused calls)";
  stranger.peer = "unix:";
  std::vector<Event> events = {
      MakeEvent(DecisionOf(v1::Decision::OUTCOME_ALLOWED), Call(), kSource),
      MakeEvent(EndOf(v1::END_REASON_COMPLETED, 0), Call(), kSource),
      MakeEvent(refusal, refused, kSource),
      MakeEvent(failed, Call(), kSource),
      MakeEvent(EndOf(v1::END_REASON_REFUSED, 16), stranger, kSource),
      MakeEvent(EndOf(v1::END_REASON_INTERRUPTED, 14), ToldCall(), kSource),
      MakeGapEvent({LogGap::Why::kDeleted, 17, 4}, absl::FromUnixSeconds(1'700'000'100), kSource),
  };
  std::string lines;
  for (const Event& event : events) lines += event.json + "\n";
  const std::string path = SALLYPORT_SOURCE_DIRECTORY "/tests/golden/events.jsonl";
  // With SALLYPORT_GOLDEN=write it is made again, to be read before it is committed.
  if (const char* write = std::getenv("SALLYPORT_GOLDEN"); write != nullptr && std::string(write) == "write") {
    std::ofstream(path) << lines;
  }
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  CHECK(lines == golden.str());
}

TEST_CASE("every event has what OCSF requires of API Activity") {
  for (const Event& event : {MakeEvent(EndOf(v1::END_REASON_COMPLETED, 0), Call(), kSource),
                             MakeEvent(EndOf(v1::END_REASON_REFUSED, 16), ToldCall(), kSource),
                             MakeEvent(DecisionOf(v1::Decision::OUTCOME_LIMITED), Call(), kSource),
                             MakeGapEvent({}, absl::Now(), kSource)}) {
    const Json json = Parsed(event);
    for (const char* name : {"activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id",
                             "src_endpoint", "time", "type_uid"}) {
      CAPTURE(name, event.json);
      CHECK(json.contains(name));
    }
    CHECK(json["type_uid"] == json["class_uid"].get<int>() * 100 + json["activity_id"].get<int>());
    CHECK(json["metadata"]["version"] == "1.5.0");
    CHECK(json["metadata"]["product"]["name"] == "Sallyport");
    CHECK(json["api"]["operation"].is_string());
  }
}

TEST_CASE("a call that was refused is told from one that failed") {
  const Event refused = MakeEvent(EndOf(v1::END_REASON_REFUSED, 7), Call(), kSource);
  const Event denied = MakeEvent(EndOf(v1::END_REASON_COMPLETED, 7), Call(), kSource);
  CHECK(refused.kind == EventKind::kRefusal);
  CHECK(denied.kind == EventKind::kCallEnd);
  CHECK(Parsed(refused)["disposition"] == "Blocked");
  CHECK(Parsed(denied)["disposition"] == "Allowed");
  CHECK(Parsed(denied)["status"] == "Failure");
  CHECK(refused.severity == EventSeverity::kWarning);
}

TEST_CASE("the end and the decision of a call have names of their own, and the call in common") {
  const Json end = Parsed(MakeEvent(EndOf(v1::END_REASON_COMPLETED, 0), Call(), kSource));
  const Json decision = Parsed(MakeEvent(DecisionOf(v1::Decision::OUTCOME_ALLOWED), Call(), kSource));
  CHECK(end["metadata"]["uid"] != decision["metadata"]["uid"]);
  CHECK(end["metadata"]["correlation_uid"] == decision["metadata"]["correlation_uid"]);
}

TEST_CASE("an anonymous caller is told from one that is called so") {
  ToldCall named = Call();
  named.identity.set_subject("anonymous");
  const Json claimed = Parsed(MakeEvent(EndOf(v1::END_REASON_COMPLETED, 0), named, kSource));
  const Json nobody = Parsed(MakeEvent(EndOf(v1::END_REASON_COMPLETED, 0), ToldCall(), kSource));
  CHECK(claimed["actor"]["user"]["name"] == nobody["actor"]["user"]["name"]);
  CHECK(claimed["unmapped"]["proof"] == "jwt");
  CHECK(nobody["unmapped"]["proof"] == "none");
}

TEST_CASE("whatever callers and upstreams say stays in one line of printable ASCII and in bounds") {
  ToldCall call = Call();
  std::string hostile;
  for (int i = 0; i < 100'000; ++i) hostile.push_back(static_cast<char>(i * 7));
  call.method = "/" + hostile;
  call.authority = hostile;
  call.peer = hostile;
  call.identity.set_subject(hostile);
  call.identity.set_issuer(hostile);
  for (int i = 0; i < 1000; ++i) call.identity.add_groups(hostile);
  call.upstream_target = hostile;
  call.decision.set_rule(hostile);
  v1::Entry entry = EndOf(v1::END_REASON_COMPLETED, 99);
  entry.mutable_end()->set_status_message(hostile);
  const Event event = MakeEvent(entry, call, kSource);
  CHECK(event.json.size() < 10'000);
  CHECK(std::all_of(event.json.begin(), event.json.end(), [](char c) { return c >= ' ' && c <= '~'; }));
  CHECK(Parsed(event)["status_code"] == "99");
}

TEST_CASE("nothing of metadata is in an event") {
  v1::Entry entry = EndOf(v1::END_REASON_COMPLETED, 0);
  v1::Metadatum& trailer = *entry.mutable_end()->add_trailers();
  trailer.set_key("x-canary");
  trailer.set_value("canary-value");
  const std::string json = MakeEvent(entry, Call(), kSource).json;
  CHECK(json.find("canary") == std::string::npos);
}

}  // namespace sallyport::gateway
