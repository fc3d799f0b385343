// The part of CallSession that hides what masks say, and refuses what content rules say.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/relay/call_session.h"
#include "gateway/relay/legs/metadata_rules.h"
#include "gateway/relay/timers/steady_time.h"

namespace sallyport::gateway {
std::shared_ptr<const policy::CallMasks> CallSession::FindMasks() const {
  if (rules_->masks == nullptr) return nullptr;
  const std::shared_ptr<const policy::Masker> masker = rules_->masks->For(descriptors_);
  // One that proves nothing goes nowhere, but its metadata is recorded.
  if (!proved_) return masker->ForUnproved();
  std::shared_ptr<const policy::CallMasks> masks;
  WithFacts([&](const CallFacts& facts) {
    AskPolicy(facts, route_, [&](const policy::AccessRequest& request) { masks = masker->ForCall(request); });
  });
  return masks;
}

Refusal CallSession::ApplyMasks() {
  if (descriptors_ == nullptr) descriptors_ = context_.catalog->For(upstream_ == nullptr ? "" : upstream_->name());
  masks_ = FindMasks();
  if (!proved_) return {};
  if (masks_ == nullptr) return {};
  for (const auto& [side, view] : {std::pair(policy::MessageSide::kRequest, policy::MaskView::kRecord),
                                   std::pair(policy::MessageSide::kRequest, policy::MaskView::kUpstream),
                                   std::pair(policy::MessageSide::kResponse, policy::MaskView::kRecord),
                                   std::pair(policy::MessageSide::kResponse, policy::MaskView::kCaller)}) {
    if (!masks_->unreadable(side, view)) continue;
    // In large sets, what is wrong with a file is found when it is first used.
    const std::vector<std::string> faults =
        descriptors_->FindMethod(server_->method()) == nullptr ? std::vector<std::string>() : descriptors_->faults();
    return MakeRefusal(grpc::StatusCode::INTERNAL,
                       absl::StrCat("the gateway has to look into the messages of ", server_->method().substr(1),
                                    " and has no descriptor of them",
                                    faults.empty() ? "" : " that can be built: ", faults.empty() ? "" : faults.back()),
                       "NO_DESCRIPTOR", {{"call", CallText()}});
  }
  return {};
}

Refusal CallSession::LookInto(policy::MessageSide side) {
  const bool request = side == policy::MessageSide::kRequest;
  RawFrame& frame = request ? request_frame_ : response_frame_;
  FrameViews& views = request ? request_views_ : response_views_;
  FrameViews::Frame about{side, {}, request ? request_encoding_ : response_encoding_};
  about.name.compressed = request ? request_compressed_ : response_compressed_;
  if (masks_ != nullptr) {
    absl::MutexLock lock(&mutex_);
    about.name.call_id = id_;
    about.name.direction = static_cast<int>(request ? recorder::Direction::kRequest : recorder::Direction::kResponse);
    about.name.index = request ? call_.request_frames() : call_.response_frames();
  }
  const std::optional<FrameViews::Refused> refused =
      views.Make(frame, about, masks_.get(), context_.reveal_key, context_.most_message_bytes);
  if (!refused.has_value()) return {};
  if (!refused->rule.empty()) {
    return MakeRefusal(request ? grpc::StatusCode::INVALID_ARGUMENT : grpc::StatusCode::PERMISSION_DENIED,
                       absl::StrCat("the gateway's policy does not let this ", request ? "request" : "response",
                                    " pass (rule \"", std::string(refused->rule), "\")"),
                       "CONTENT_DENIED", {{"rule", std::string(refused->rule)}, {"call", CallText()}});
  }
  return MakeRefusal(request ? grpc::StatusCode::INVALID_ARGUMENT : grpc::StatusCode::INTERNAL,
                     absl::StrCat("the gateway has to look into this ", request ? "request" : "response",
                                  " and cannot: ", refused->problem),
                     "UNREADABLE", {{"call", CallText()}});
}

absl::Duration CallSession::ChargeFor(const RawFrame& frame, const FrameViews& views) const {
  if (!rules_->limits_bytes) return absl::ZeroDuration();
  return ticket_.Charge(std::max(frame.size(), views.inflated_bytes()), SteadyNow());
}

std::optional<recorder::Metadatum> CallSession::PairIn(policy::MaskView view, recorder::Metadatum pair,
                                                       std::string* masked) const {
  if (masks_ == nullptr || !masks_->masks_metadata(view)) return pair;
  masked->assign(pair.value);
  bool drop = false;
  const bool changed = masks_->MaskMetadata(view, pair.key, masked, &drop);
  if (drop) return std::nullopt;
  if (changed) pair.value = *masked;
  return pair;
}

std::string CallSession::TextIn(policy::MaskView view, std::string text) const {
  if (masks_ != nullptr) masks_->MaskText(view, &text);
  return text;
}

CallSession::RecordedMetadata CallSession::ForRecord(const GrpcMetadata& metadata) const {
  RecordedMetadata recorded;
  recorded.pairs.reserve(metadata.size());
  std::string masked;
  for (const auto& [key, value] : metadata) {
    std::optional<recorder::Metadatum> pair = PairIn(policy::MaskView::kRecord, {View(key), View(value)}, &masked);
    if (!pair.has_value()) continue;
    if (pair->value.data() == masked.data()) pair->value = recorded.masked.emplace_back(pair->value);
    recorded.pairs.push_back(*pair);
  }
  return recorded;
}

CallSession::RecordedMetadata CallSession::CallerForRecord() const {
  RecordedMetadata recorded = ForRecord(server_->client_metadata());
  for (recorder::Metadatum& pair : recorded.pairs) pair.credential = IsCredential(pair.key);
  return recorded;
}

std::string CallSession::SessionNameForRecord() const {
  std::string masked;
  const auto pair = PairIn(policy::MaskView::kRecord, {kSessionKey, session_name_}, &masked);
  return pair.has_value() ? std::string(pair->value) : "";
}

std::string CallSession::AuthorityForRecord() const {
  std::string masked;
  const std::string authority = server_->host();
  const auto pair = PairIn(policy::MaskView::kRecord, {policy::kAuthorityName, authority}, &masked);
  return pair.has_value() ? std::string(pair->value) : "";
}

std::string CallSession::PathForRecord() const {
  if (masks_ == nullptr || descriptors_ == nullptr || descriptors_->FindMethod(server_->method()) != nullptr) {
    return server_->method();
  }
  return TextIn(policy::MaskView::kRecord, server_->method());
}

void CallSession::ForCaller(const GrpcMetadata& metadata, absl::FunctionRef<void(std::string, std::string)> add) const {
  std::string masked;
  for (const auto& [key, value] : metadata) {
    if (!PassesToCaller(View(key))) continue;
    const auto pair = PairIn(policy::MaskView::kCaller, {View(key), View(value)}, &masked);
    if (pair.has_value()) add(std::string(pair->key), std::string(pair->value));
  }
}

}  // namespace sallyport::gateway
