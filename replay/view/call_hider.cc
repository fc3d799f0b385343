#include "replay/view/call_hider.h"

#include <utility>

#include "absl/time/time.h"
#include "replay/view/names.h"
#include "replay/view/visible_calls.h"

namespace sallyport::replay {
namespace {

using google::protobuf::RepeatedPtrField;

constexpr char kHidden[] = "hidden from this reader";
constexpr char kSessionKey[] = "sallyport-session";

policy::MessageSide SideOf(const v1::Frame& frame) {
  return frame.direction() == v1::DIRECTION_RESPONSE ? policy::MessageSide::kResponse : policy::MessageSide::kRequest;
}

policy::ReaderFacts FactsOf(const ReaderRights& rights, const std::string& identity, const std::string& method,
                            const std::string& upstream) {
  policy::ReaderFacts facts;
  facts.subject = rights.subject;
  facts.groups = rights.groups;
  for (size_t i = 0; i < rights.scope.parts.size() && i < rights.kinds.size(); ++i) {
    recorder::CallScope part;
    part.parts.push_back(rights.scope.parts[i]);
    if (HasCall(part, identity, method, upstream)) facts.roles.push_back(rights.kinds[i]);
  }
  return facts;
}

// Without a mask nothing is known of the call, and no value is shown.
void HideMetadata(const std::optional<policy::ReaderMask>& mask, RepeatedPtrField<v1::Metadatum>* metadata) {
  for (int i = 0; i < metadata->size();) {
    v1::Metadatum& datum = *metadata->Mutable(i);
    // A fingerprint stands in place of what nobody sees.
    if (datum.fingerprint()) {
      ++i;
      continue;
    }
    if (mask.has_value() && mask->Metadatum(datum.key(), datum.mutable_value())) {
      ++i;
      continue;
    }
    metadata->DeleteSubrange(i, 1);
  }
}

void HideText(const std::optional<policy::ReaderMask>& mask, std::string* text) {
  if (!mask.has_value()) {
    text->clear();
  } else if (!text->empty()) {
    mask->Text(text);
  }
}

void HideValue(const policy::ReaderMask& mask, const char* name, std::string* value) {
  if (!value->empty() && !mask.Metadatum(name, value)) value->clear();
}

}  // namespace

void CallHider::Learn(const v1::Entry& entry) {
  if (!entry.has_start()) return;
  const v1::CallStart& start = entry.start();
  const std::string method = MethodName(start.method());
  const std::string peer = PlainPeer(start.peer());
  policy::MaskedCall call;
  call.method = method;
  call.upstream = start.upstream();
  call.proved = &start.identity();
  call.peer = peer;
  call.start = absl::FromUnixNanos(static_cast<int64_t>(entry.time_ns()));
  const absl::StatusOr<std::shared_ptr<const policy::Descriptors>> descriptors = descriptors_.Find(start.descriptors());
  mask_ = rights_.masks->For(FactsOf(rights_, IdentityName(start.identity()), method, start.upstream()), call,
                             descriptors.ok() ? *descriptors : nullptr);
}

bool CallHider::hides() const {
  return !mask_.has_value() || mask_->hides_texts() || mask_->hides_messages(policy::MessageSide::kRequest) ||
         mask_->hides_messages(policy::MessageSide::kResponse);
}

void CallHider::HideTexts(v1::Entry* entry) const {
  if (entry->has_start()) {
    v1::CallStart& start = *entry->mutable_start();
    HideMetadata(mask_, start.mutable_metadata());
    if (!mask_.has_value()) return;  // never: it has just learned
    HideValue(*mask_, policy::kAuthorityName, start.mutable_authority());
    HideValue(*mask_, kSessionKey, start.mutable_session_name());
  } else if (entry->has_response_headers()) {
    HideMetadata(mask_, entry->mutable_response_headers()->mutable_metadata());
  } else if (entry->has_end()) {
    v1::CallEnd& end = *entry->mutable_end();
    HideMetadata(mask_, end.mutable_trailers());
    HideText(mask_, end.mutable_status_message());
    HideText(mask_, end.mutable_upstream_status_message());
  }
}

std::string CallHider::HideMessage(const CallDecoder& decoder, v1::Frame* frame) const {
  const policy::MessageSide side = SideOf(*frame);
  if (mask_.has_value() && !mask_->hides_messages(side)) return "";
  frame->clear_sealed();
  if (frame->has_part()) return "";  // nothing of it is here
  const absl::StatusOr<std::string> message =
      frame->shortened() ? absl::StatusOr<std::string>(frame->payload()) : decoder.Message(*frame);
  std::string masked;
  const policy::ReaderMask::Shown shown =
      mask_.has_value() && message.ok() ? mask_->Message(side, *message, &masked) : policy::ReaderMask::Shown::kNothing;
  frame->set_masked(true);
  if (shown == policy::ReaderMask::Shown::kNothing) {
    frame->clear_payload();
    return kHidden;
  }
  frame->set_payload(shown == policy::ReaderMask::Shown::kMasked ? masked : *message);
  frame->set_compressed(false);
  return "";
}

void HideSessionName(const ReaderRights& rights, const recorder::CallSummary& call, std::string* name) {
  if (rights.masks == nullptr || name->empty()) return;
  policy::MaskedCall outline;
  outline.method = call.method;
  outline.upstream = call.upstream;
  const policy::ReaderMask mask =
      rights.masks->For(FactsOf(rights, call.identity, call.method, call.upstream), outline, nullptr);
  HideValue(mask, kSessionKey, name);
}

}  // namespace sallyport::replay
