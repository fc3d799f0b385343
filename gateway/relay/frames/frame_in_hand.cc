#include "gateway/relay/frames/frame_in_hand.h"

#include <grpcpp/support/status.h>

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "gateway/operations/metrics/call_metrics.h"
#include "gateway/relay/timers/steady_time.h"

namespace sallyport::gateway {
namespace {

constexpr char kUnknownEncoding[] =
    "the message is compressed with an encoding that the gateway cannot pass on faithfully: use identity, gzip or "
    "deflate";

}  // namespace

Refusal FrameInHand::LookInto(const RelayContext& shared, const CallContext& call, bool compressed,
                              grpc_compression_algorithm encoding) {
  ++next_index_;
  compressed_ = compressed;
  if (compressed && encoding == GRPC_COMPRESS_NONE) return {grpc::StatusCode::UNIMPLEMENTED, kUnknownEncoding, ""};
  const bool request = side_ == policy::MessageSide::kRequest;
  FrameViews::Frame about{side_, {}, encoding};
  about.name.compressed = compressed;
  about.most_recorded = call.recording.frame_bytes();
  if (call.masks != nullptr) {
    about.name.call_id = call.id;
    about.name.direction = static_cast<int>(request ? recorder::Direction::kRequest : recorder::Direction::kResponse);
    about.name.index = index();
  }
  const std::optional<FrameViews::Refused> refused =
      views_.Make(raw_, about, call.masks.get(), shared.reveal_key, shared.most_message_bytes);
  if (shared.metrics != nullptr && call.masks != nullptr) {
    if (views_.masked() || views_.passed() != raw_.to_fill()) shared.metrics->CountMasked(request);
    for (const std::string_view rule : views_.shadow()) shared.metrics->shadow().Add(rule);
  }
  if (!refused.has_value()) return {};
  if (!refused->rule.empty()) {
    return MakeRefusal(request ? grpc::StatusCode::INVALID_ARGUMENT : grpc::StatusCode::PERMISSION_DENIED,
                       absl::StrCat("the gateway's policy does not let this ", request ? "request" : "response",
                                    " pass (rule \"", std::string(refused->rule), "\")"),
                       "CONTENT_DENIED", {{"rule", std::string(refused->rule)}, {"call", call.IdText()}});
  }
  return MakeRefusal(request ? grpc::StatusCode::INVALID_ARGUMENT : grpc::StatusCode::INTERNAL,
                     absl::StrCat("the gateway has to look into this ", request ? "request" : "response",
                                  " and cannot: ", refused->problem),
                     "UNREADABLE", {{"call", call.IdText()}});
}

void FrameInHand::Charge(const CallContext& call) {
  if (!call.rules->limits_bytes) return;
  pause_ = call.verdict.ticket.Charge(std::max(raw_.size(), views_.inflated_bytes()), SteadyNow());
}

}  // namespace sallyport::gateway
