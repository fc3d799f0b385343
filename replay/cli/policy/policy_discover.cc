#include "replay/cli/policy/policy_discover.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "policy/masking/content_check.h"
#include "recorder/format/call_id.h"

namespace sallyport::replay {

namespace {

std::string PlaceOf(const policy::VisitedValue& value) {
  if (value.field != nullptr) return value.field->full_name();
  const bool any = value.type->full_name() == "google.protobuf.Any";
  return absl::StrCat(value.type->full_name(), any ? " of an unknown type" : " unknown field ",
                      any ? "" : absl::StrCat(value.number));
}

}  // namespace

absl::Status PolicyDiscover::Add(const v1::CallSummary& summary) {
  if (summary.state() == v1::CALL_STATE_SHREDDED) {
    ++result_.shredded;
    return absl::OkStatus();
  }
  ++result_.calls;
  CallDecoder decoder(&descriptors_);
  std::string method;
  std::string version;
  const auto metadata = [&](const auto& pairs) {
    for (const v1::Metadatum& pair : pairs) {
      if (!pair.fingerprint()) Look(absl::StrCat("metadata ", pair.key()), pair.value(), summary.id());
    }
  };
  const absl::Status status =
      ReadRecord(source_, recorder::ParseId(summary.id()).value_or(0), [&](const v1::Entry& entry) {
        decoder.Learn(entry);
        if (entry.has_start()) {
          method = entry.start().method();
          version = entry.start().descriptors();
          metadata(entry.start().metadata());
        } else if (entry.has_frame()) {
          LookIntoFrame(method, version, entry.frame(), decoder, summary.id());
        } else if (entry.has_response_headers()) {
          metadata(entry.response_headers().metadata());
        } else if (entry.has_end()) {
          metadata(entry.end().trailers());
        }
        return absl::OkStatus();
      });
  if (!absl::IsDataLoss(status)) return status;
  ++result_.unreadable;
  return absl::OkStatus();
}

void PolicyDiscover::Look(const std::string& place, std::string_view text, const std::string& call) {
  std::vector<policy::Detection> found;
  detectors_->Find(text, &found);
  for (const policy::Detection& one : found) {
    DiscoveredPlace& there = places_[{place, one.detector}];
    if (there.values == 0) {
      there.place = place;
      there.detector = detectors_->names()[one.detector];
    }
    ++there.values;
    // Calls are read one after the other.
    if (there.calls == 0 || there.example != call) ++there.calls;
    there.example = call;
  }
}

const policy::MaskPlan* PolicyDiscover::PlanFor(const std::string& method, const std::string& version,
                                                policy::MessageSide side) {
  const std::string key =
      absl::StrCat(version, method, side == policy::MessageSide::kRequest ? " request" : " response");
  const auto [place, is_new] = plans_.try_emplace(key);
  if (!is_new) return place->second.get();
  const auto descriptors = descriptors_.Find(version);
  if (!descriptors.ok()) {
    // A call without a version had none.
    if (!version.empty()) result_.no_descriptors = std::string(descriptors.status().message());
    return nullptr;
  }
  policy::MaskPlan::Request request;
  request.root = (*descriptors)->FindMessage(method, side);
  if (request.root == nullptr) return nullptr;
  request.pool = &(*descriptors)->pool();
  request.texts = true;
  auto plan = policy::MaskPlan::Compile(request);
  if (plan.ok()) place->second = *std::move(plan);
  return place->second.get();
}

void PolicyDiscover::LookIntoFrame(const std::string& method, const std::string& version, const v1::Frame& frame,
                                   const CallDecoder& decoder, const std::string& call) {
  const bool response = frame.direction() == v1::DIRECTION_RESPONSE;
  const policy::MaskPlan* plan =
      PlanFor(method, version, response ? policy::MessageSide::kResponse : policy::MessageSide::kRequest);
  const absl::StatusOr<std::string> message = decoder.Message(frame);
  const bool read =
      plan != nullptr && message.ok() && policy::VisitValues(*plan, *message, [&](const policy::VisitedValue& value) {
        Look(PlaceOf(value), value.text, call);
        return true;
      });
  if (!read) ++result_.unread;
}

DiscoverResult PolicyDiscover::Finish() && {
  for (auto& [key, place] : places_) result_.places.push_back(std::move(place));
  std::stable_sort(result_.places.begin(), result_.places.end(),
                   [](const DiscoveredPlace& a, const DiscoveredPlace& b) { return a.values > b.values; });
  return std::move(result_);
}

}  // namespace sallyport::replay
