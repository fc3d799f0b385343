#include "gateway/relay/frames/metadata_views.h"

#include <algorithm>
#include <utility>

#include "gateway/operations/tracing/trace_context.h"

namespace sallyport::gateway {
namespace {

// Whether what the caller sends under this name stands where the gateway's own credentials do.
bool IsCredential(const CallContext& call, std::string_view key) {
  const auto owns = [key](const Upstream& upstream) {
    return upstream.credentials() != nullptr && upstream.credentials()->Owns(key);
  };
  if (call.upstream() != nullptr) return owns(*call.upstream());
  // Where the call would have gone is not known.
  const std::vector<RouteRule>& rules = call.rules->routes->rules();
  return std::any_of(rules.begin(), rules.end(),
                     [&](const RouteRule& rule) { return rule.upstream != nullptr && owns(*rule.upstream); });
}

// What of the caller's metadata goes upstream.
bool CallerSendsOn(const CallContext& call, std::string_view key) {
  if (!PassesUpstream(key)) return false;
  if (!call.route->forward_authorization && (key == "authorization" || key == "authorization-bin")) return false;
  return call.upstream()->credentials() == nullptr || !call.upstream()->credentials()->Owns(key);
}

std::string ValueForRecord(const CallContext& call, std::string_view key, std::string_view value) {
  std::string masked;
  const auto pair = PairIn(call, policy::MaskView::kRecord, {key, value}, &masked);
  return pair.has_value() ? std::string(pair->value) : "";
}

}  // namespace

std::optional<recorder::Metadatum> PairIn(const CallContext& call, policy::MaskView view, recorder::Metadatum pair,
                                          std::string* masked) {
  if (call.masks == nullptr || !call.masks->masks_metadata(view)) return pair;
  masked->assign(pair.value);
  bool drop = false;
  const bool changed = call.masks->MaskMetadata(view, pair.key, masked, &drop);
  if (drop) return std::nullopt;
  if (changed) pair.value = *masked;
  return pair;
}

std::string TextIn(const CallContext& call, policy::MaskView view, std::string text) {
  if (call.masks != nullptr) call.masks->MaskText(view, &text);
  return text;
}

RecordedMetadata ForRecord(const CallContext& call, const GrpcMetadata& metadata) {
  RecordedMetadata recorded;
  recorded.pairs.reserve(metadata.size());
  std::string masked;
  for (const auto& [key, value] : metadata) {
    std::optional<recorder::Metadatum> pair =
        PairIn(call, policy::MaskView::kRecord, {View(key), View(value)}, &masked);
    if (!pair.has_value()) continue;
    if (pair->value.data() == masked.data()) pair->value = recorded.masked.emplace_back(pair->value);
    recorded.pairs.push_back(*pair);
  }
  return recorded;
}

RecordedMetadata CallerMetadataForRecord(const CallContext& call) {
  RecordedMetadata recorded = ForRecord(call, call.caller.metadata());
  for (recorder::Metadatum& pair : recorded.pairs) pair.credential = IsCredential(call, pair.key);
  return recorded;
}

std::string SessionNameForRecord(const CallContext& call) {
  return ValueForRecord(call, kSessionKey, call.arrival.session_name);
}

std::string AuthorityForRecord(const CallContext& call) {
  return ValueForRecord(call, policy::kAuthorityName, call.caller.authority());
}

std::string PathForRecord(const CallContext& call) {
  const policy::Descriptors* descriptors = call.description.descriptors.get();
  if (call.masks == nullptr || descriptors == nullptr || descriptors->FindMethod(call.caller.path()) != nullptr) {
    return call.caller.path();
  }
  return TextIn(call, policy::MaskView::kRecord, call.caller.path());
}

void ForCaller(const CallContext& call, const GrpcMetadata& metadata,
               absl::FunctionRef<void(const std::string& name, const std::string& value)> add) {
  std::string masked;
  for (const auto& [key, value] : metadata) {
    if (!PassesToCaller(View(key))) continue;
    const auto pair = PairIn(call, policy::MaskView::kCaller, {View(key), View(value)}, &masked);
    if (pair.has_value()) add(std::string(pair->key), std::string(pair->value));
  }
}

void ForUpstream(const CallContext& call,
                 absl::FunctionRef<void(const std::string& name, const std::string& value)> add) {
  std::string masked;
  for (const auto& [key, value] : call.caller.metadata()) {
    if (!CallerSendsOn(call, View(key))) continue;
    if (call.trace != nullptr && IsTraceHeader(View(key))) continue;
    const auto pair = PairIn(call, policy::MaskView::kUpstream, {View(key), View(value)}, &masked);
    if (pair.has_value()) add(std::string(pair->key), std::string(pair->value));
  }
  if (call.trace == nullptr) return;
  call.trace->ForUpstream([&](std::string_view name, std::string_view value) {
    const auto pair = PairIn(call, policy::MaskView::kUpstream, {name, value}, &masked);
    if (pair.has_value()) add(std::string(pair->key), std::string(pair->value));
  });
}

}  // namespace sallyport::gateway
