#include "gateway/operations/events/event_mapping.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "recorder/format/peer_address.h"
#include "replay/view/names.h"

namespace sallyport::gateway {
namespace {

// Members stay in the order in which they are added.
using Json = nlohmann::ordered_json;

constexpr char kSchemaVersion[] = "1.5.0";
constexpr int kCategory = 6;   // Application Activity
constexpr int kClass = 6003;   // API Activity
constexpr int kActivity = 99;  // Other: which of create, read, update and delete a method is, nobody has said
constexpr int64_t kNanosecondsInMillisecond = 1'000'000;

// How long texts may be. An event with the first is nearly always short enough; else the second makes it so.
struct Bounds {
  size_t text;
  int list;
};
constexpr Bounds kUsual = {1024, 32};
constexpr Bounds kShort = {40, 4};
constexpr size_t kMostBytes = 8000;

std::string Cut(std::string_view text, const Bounds& bounds) {
  if (text.size() <= bounds.text) return std::string(text);
  return std::string(text.substr(0, bounds.text)) + "...";
}

template <typename List>
Json Texts(const List& list, const Bounds& bounds) {
  Json texts = Json::array();
  for (const std::string& text : list) {
    if (static_cast<int>(texts.size()) == bounds.list) break;
    texts.push_back(Cut(text, bounds));
  }
  return texts;
}

std::string Line(const Json& json) {
  // Bytes that are no text become U+FFFD, and what is not ASCII is escaped, so that no terminal acts on it.
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

struct Outcome {
  const char* name;
  int id;
};

Outcome StatusOf(const v1::Entry& entry) {
  const bool good = entry.has_end() ? entry.end().reason() == v1::END_REASON_COMPLETED && entry.end().status_code() == 0
                                    : entry.decision().outcome() == v1::Decision::OUTCOME_ALLOWED;
  return good ? Outcome{"Success", 1} : Outcome{"Failure", 2};
}

bool IsRefusing(const v1::Decision& decision) {
  switch (decision.outcome()) {
    case v1::Decision::OUTCOME_DENIED:
    case v1::Decision::OUTCOME_UNAUTHENTICATED:
    case v1::Decision::OUTCOME_LIMITED:
      return true;
    default:
      return false;
  }
}

EventSeverity SeverityOf(const v1::Entry& entry) {
  if (entry.has_decision())
    return IsRefusing(entry.decision()) ? EventSeverity::kWarning : EventSeverity::kInformational;
  switch (entry.end().reason()) {
    case v1::END_REASON_REFUSED:
      return EventSeverity::kWarning;
    case v1::END_REASON_UPSTREAM_FAILURE:
    case v1::END_REASON_INTERRUPTED:
      return EventSeverity::kNotice;
    default:
      return EventSeverity::kInformational;
  }
}

void AddSeverity(EventSeverity severity, Json& json) {
  switch (severity) {
    case EventSeverity::kInformational:
      json["severity_id"] = 1;
      json["severity"] = "Informational";
      break;
    case EventSeverity::kNotice:
      json["severity_id"] = 2;
      json["severity"] = "Low";
      break;
    case EventSeverity::kWarning:
      json["severity_id"] = 3;
      json["severity"] = "Medium";
      break;
  }
}

// What every event begins with.
Json Beginning(EventKind kind, int64_t time_ms, const std::string& uid, const EventSource& source) {
  Json json;
  json["class_uid"] = kClass;
  json["class_name"] = "API Activity";
  json["category_uid"] = kCategory;
  json["category_name"] = "Application Activity";
  json["activity_id"] = kActivity;
  json["activity_name"] = EventKindName(kind);
  json["type_uid"] = kClass * 100 + kActivity;
  json["time"] = time_ms;
  Json& metadata = json["metadata"];
  metadata["version"] = kSchemaVersion;
  metadata["profiles"] = Json::array({"security_control"});
  metadata["product"] = {{"name", "Sallyport"}, {"vendor_name", "Sallyport"}, {"version", source.version}};
  metadata["log_provider"] = source.host;
  metadata["event_code"] = EventKindName(kind);
  metadata["uid"] = uid;
  return json;
}

// An address as gRPC writes it, such as "ipv4:10.0.0.7:51514".
Json Endpoint(const std::string& peer, const Bounds& bounds) {
  const std::string plain = replay::PlainPeer(peer);
  const recorder::PeerAddress parts = recorder::SplitPeer(plain);
  std::string_view host = parts.host;
  const bool four = host.starts_with("ipv4:");
  Json endpoint;
  if (!four && !host.starts_with("ipv6:")) {
    // A UNIX socket, or nothing.
    endpoint["name"] = Cut(plain.empty() ? "unknown" : plain, bounds);
    return endpoint;
  }
  host.remove_prefix(5);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  endpoint["ip"] = Cut(host, bounds);
  if (parts.port >= 0) endpoint["port"] = parts.port;
  return endpoint;
}

Json Actor(const ToldCall& facts, const Bounds& bounds) {
  Json actor;
  Json& user = actor["user"];
  const v1::Identity& identity = facts.identity;
  const bool proved = identity.proof() != v1::PROOF_NONE;
  user["name"] = proved ? Cut(identity.subject(), bounds) : "anonymous";
  if (proved) {
    user["uid"] = Cut(replay::IdentityName(identity), bounds);
    if (identity.groups_size() > 0) {
      Json groups = Json::array();
      for (const Json& name : Texts(identity.groups(), bounds)) groups.push_back({{"name", name}});
      user["groups"] = std::move(groups);
    }
    if (!identity.issuer().empty()) actor["idp"] = {{"name", Cut(identity.issuer(), bounds)}};
  }
  if (facts.session_id != 0) actor["session"] = {{"uid", recorder::FormatId(facts.session_id)}};
  return actor;
}

Json Api(const v1::Entry& entry, const ToldCall& facts, const Bounds& bounds) {
  Json api;
  const std::string name = facts.method.empty() ? "unknown" : replay::MethodName(facts.method);
  api["operation"] = Cut(name, bounds);
  const size_t slash = name.rfind('/');
  if (slash != std::string::npos && slash > 0) api["service"] = {{"name", Cut(name.substr(0, slash), bounds)}};
  api["request"] = {{"uid", recorder::FormatId(entry.call_id())}};
  if (!entry.has_end()) return api;
  Json& response = api["response"];
  response["code"] = entry.end().status_code();
  if (entry.end().status_code() != 0) response["error"] = replay::StatusName(entry.end().status_code());
  if (!entry.end().status_message().empty()) response["error_message"] = Cut(entry.end().status_message(), bounds);
  return api;
}

// What the policy made of the call.
void AddControl(const v1::Entry& entry, const v1::Decision& decision, const Bounds& bounds, Json& json) {
  const bool refused = IsRefusing(decision) || (entry.has_end() && entry.end().reason() == v1::END_REASON_REFUSED);
  json["action_id"] = refused ? 2 : 1;
  json["action"] = refused ? "Denied" : "Allowed";
  json["disposition_id"] = refused ? 2 : 1;
  json["disposition"] = refused ? "Blocked" : "Allowed";
  if (decision.policy().empty() && decision.rule().empty()) return;
  Json& policy = json["policy"];
  if (!decision.rule().empty()) policy["name"] = Cut(decision.rule(), bounds);
  if (!decision.policy().empty()) policy["version"] = Cut(decision.policy(), bounds);
}

Json UnmappedOfEnd(const v1::CallEnd& end) {
  Json unmapped;
  unmapped["state"] = replay::StateName(replay::StateOf(end.reason()));
  if (const auto who = replay::EndedByName(end.ended_by()); who.has_value()) unmapped["ended_by"] = *who;
  if (const auto told = replay::ToldName(end.told()); told.has_value()) unmapped["told"] = *told;
  if (end.connection_lost()) unmapped["connection_lost"] = true;
  if (end.has_upstream_status_code()) unmapped["upstream_status"] = replay::StatusName(end.upstream_status_code());
  unmapped["request_frames"] = end.request_frames();
  unmapped["response_frames"] = end.response_frames();
  unmapped["request_bytes"] = end.request_bytes();
  unmapped["response_bytes"] = end.response_bytes();
  return unmapped;
}

Json Unmapped(const v1::Entry& entry, const ToldCall& facts, const Bounds& bounds) {
  Json unmapped = entry.has_end() ? UnmappedOfEnd(entry.end()) : Json::object();
  unmapped["proof"] = replay::ProofName(facts.identity.proof());
  if (!facts.authority.empty()) unmapped["authority"] = Cut(facts.authority, bounds);
  const v1::Decision& decision = facts.decision;
  if (decision.outcome() != v1::Decision::OUTCOME_UNSPECIFIED) {
    unmapped["decision"] = replay::DecisionName(decision.outcome());
  }
  if (decision.shadow_size() > 0) unmapped["shadow"] = Texts(decision.shadow(), bounds);
  if (facts.start_ns == 0) unmapped["incomplete"] = true;
  return unmapped;
}

// "call_end of pay.v1.Payments/Refund by alice: PERMISSION_DENIED", for those who read and do not search.
std::string Message(const v1::Entry& entry, const Json& json) {
  const std::string what = entry.has_end() ? replay::StatusName(entry.end().status_code())
                                           : replay::DecisionName(entry.decision().outcome());
  return absl::StrCat(EventKindName(KindOf(entry)), " of ", json["api"]["operation"].get_ref<const std::string&>(),
                      " by ", json["actor"]["user"]["name"].get_ref<const std::string&>(), ": ", what);
}

std::string JsonOf(const v1::Entry& entry, const ToldCall& facts, const EventSource& source, EventSeverity severity,
                   const Bounds& bounds) {
  const EventKind kind = KindOf(entry);
  const int64_t time_ms = static_cast<int64_t>(entry.time_ns()) / kNanosecondsInMillisecond;
  // A call has one end and at most one decision, so that whoever gets an event twice can tell.
  const std::string uid = absl::StrCat(recorder::FormatId(entry.call_id()), entry.has_end() ? "-end" : "-decision");
  Json json = Beginning(kind, time_ms, uid, source);
  json["metadata"]["correlation_uid"] = recorder::FormatId(entry.call_id());
  AddSeverity(severity, json);
  const Outcome outcome = StatusOf(entry);
  json["status_id"] = outcome.id;
  json["status"] = outcome.name;
  if (entry.has_end()) {
    json["status_code"] = replay::StatusName(entry.end().status_code());
    if (!entry.end().status_message().empty()) json["status_detail"] = Cut(entry.end().status_message(), bounds);
    if (facts.start_ns != 0) json["start_time"] = static_cast<int64_t>(facts.start_ns) / kNanosecondsInMillisecond;
    json["end_time"] = time_ms;
    json["duration"] = static_cast<int64_t>(entry.end().duration_ns()) / kNanosecondsInMillisecond;
  } else {
    json["status_code"] = replay::DecisionName(entry.decision().outcome());
  }
  json["actor"] = Actor(facts, bounds);
  json["api"] = Api(entry, facts, bounds);
  json["src_endpoint"] = Endpoint(facts.peer, bounds);
  if (!facts.upstream.empty()) {
    json["dst_endpoint"] = {{"svc_name", Cut(facts.upstream, bounds)}, {"name", Cut(facts.upstream_target, bounds)}};
  }
  AddControl(entry, facts.decision, bounds, json);
  json["message"] = Message(entry, json);
  json["unmapped"] = Unmapped(entry, facts, bounds);
  return Line(json);
}

const char* ReasonOf(LogGap::Why why) {
  switch (why) {
    case LogGap::Why::kDeleted:
      return "deleted";
    case LogGap::Why::kShredded:
      return "shredded";
    case LogGap::Why::kDamaged:
      return "damaged";
    case LogGap::Why::kSetBack:
      return "set_back";
  }
  return "unknown";
}

}  // namespace

const char* EventKindName(EventKind kind) {
  switch (kind) {
    case EventKind::kCallEnd:
      return "call_end";
    case EventKind::kRefusal:
      return "refusal";
    case EventKind::kDecision:
      return "decision";
    case EventKind::kGap:
      return "gap";
  }
  return "unknown";
}

EventSource ThisSource() {
  std::array<char, 256> host = {};
  // Names that are too long are cut, and need no end then.
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return {SALLYPORT_VERSION, host[0] == '\0' ? "unknown" : host.data()};
}

bool IsTold(const v1::Entry& entry) { return entry.has_end() || entry.has_decision(); }

EventKind KindOf(const v1::Entry& entry) {
  if (entry.has_decision()) return EventKind::kDecision;
  return entry.end().reason() == v1::END_REASON_REFUSED ? EventKind::kRefusal : EventKind::kCallEnd;
}

Event MakeEvent(const v1::Entry& entry, const ToldCall& facts, const EventSource& source) {
  Event event;
  event.kind = KindOf(entry);
  event.severity = SeverityOf(entry);
  event.time = absl::FromUnixNanos(static_cast<int64_t>(entry.time_ns()));
  event.json = JsonOf(entry, facts, source, event.severity, kUsual);
  if (event.json.size() > kMostBytes) event.json = JsonOf(entry, facts, source, event.severity, kShort);
  return event;
}

Event MakeGapEvent(const LogGap& gap, absl::Time now, const EventSource& source) {
  Event event;
  event.kind = EventKind::kGap;
  event.severity = EventSeverity::kWarning;
  event.time = now;
  Json json = Beginning(event.kind, absl::ToUnixMillis(now), absl::StrCat("gap-", gap.first_sequence), source);
  AddSeverity(event.severity, json);
  json["status_id"] = 2;
  json["status"] = "Failure";
  json["status_code"] = ReasonOf(gap.why);
  json["actor"] = {{"app_name", "sallyportd"}};
  json["api"] = {{"operation", "gap"}};
  json["src_endpoint"] = {{"name", source.host}};
  json["message"] = gap.why == LogGap::Why::kSetBack
                        ? "the log is another one than before, or an older copy: events may be missing, or come again"
                        : absl::StrCat("entries of the log cannot be told: they are ", ReasonOf(gap.why));
  json["unmapped"] = {{"first_entry", gap.first_sequence}, {"entries", gap.entries}};
  event.json = Line(json);
  return event;
}

}  // namespace sallyport::gateway
