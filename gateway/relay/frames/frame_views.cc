#include "gateway/relay/frames/frame_views.h"

#include <grpcpp/support/slice.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "protos/message_encoding.h"

namespace sallyport::gateway {
namespace {

// A buffer of these bytes, which are not copied. `*view` is theirs for as long as the buffer is there.
grpc::ByteBuffer BufferOf(std::string bytes, std::string_view* view) {
  auto* kept = new std::string(std::move(bytes));
  *view = *kept;
  grpc::Slice slice(
      kept->data(), kept->size(), [](void* text) { delete static_cast<std::string*>(text); }, kept);
  return grpc::ByteBuffer(&slice, 1);
}

FrameViews::Refused Unreadable(std::string problem) { return {{}, std::move(problem)}; }

}  // namespace

std::optional<FrameViews::Refused> FrameViews::Make(RawFrame& raw, const Frame& frame, const policy::CallMasks* masks,
                                                    const recorder::RevealKey* reveal_key, size_t most_bytes) {
  raw_ = &raw;
  compressed_ = frame.name.compressed;
  most_recorded_ = frame.most_recorded;
  inflated_bytes_ = 0;
  pieces_.reset();
  if (masks == nullptr) return std::nullopt;
  return MakeMasked(frame, *masks, reveal_key, most_bytes);
}

std::optional<FrameViews::Refused> FrameViews::MakeMasked(const Frame& frame, const policy::CallMasks& masks,
                                                          const recorder::RevealKey* reveal_key, size_t most_bytes) {
  passed_.Clear();
  masked_ = false;
  sealed_.reset();
  shadow_.clear();
  constexpr size_t kKept = size_t{1} << 20;
  if (masked_text_.capacity() > kKept) std::string().swap(masked_text_);
  const policy::MessageMask* record = masks.message(frame.side, policy::MaskView::kRecord);
  const policy::MessageMask* onward =
      masks.message(frame.side, frame.side == policy::MessageSide::kRequest ? policy::MaskView::kUpstream
                                                                            : policy::MaskView::kCaller);
  const bool checks = masks.checks_content(frame.side);
  if (record == nullptr && onward == nullptr && !checks) return std::nullopt;

  pieces_.emplace(raw_->buffer_);
  const absl::Span<const std::string_view> pieces = pieces_->views();
  std::string joined;  // where there are several pieces
  std::string_view original;
  if (pieces.size() == 1) original = pieces[0];
  if (pieces.size() > 1) {
    joined.reserve(raw_->size());
    for (std::string_view piece : pieces) joined.append(piece);
    original = joined;
  }
  std::string inflated;
  std::string_view message = original;
  if (compressed_) {
    absl::StatusOr<std::string> result = Inflated(frame, original, most_bytes);
    if (!result.ok()) {
      // What masks let pass content rules do not, but those in shadow.
      const bool hides = record != nullptr || onward != nullptr;
      if (!masks.enforces_content(frame.side) && (!hides || masks.passes_unreadable())) return std::nullopt;
      return Unreadable(std::string(result.status().message()));
    }
    inflated = *std::move(result);
    message = inflated;
  }

  if (checks) {
    policy::ContentVerdict verdict = masks.CheckContent(frame.side, message);
    if (verdict.unreadable) return Unreadable("it cannot be parsed");
    shadow_ = std::move(verdict.shadow);
    if (!verdict.rule.empty()) return Refused{verdict.rule, ""};
  }

  std::string problem;
  std::string for_onward;
  Outcome of_record = Outcome::kUnchanged;
  Outcome of_onward = Outcome::kUnchanged;
  if (record != nullptr && record != onward) of_record = record->Apply(message, &masked_text_, &problem);
  if (onward != nullptr) of_onward = onward->Apply(message, &for_onward, &problem);
  if (record == onward) of_record = of_onward;
  if (of_record == Outcome::kUnreadable || of_onward == Outcome::kUnreadable) {
    if (masks.passes_unreadable()) return std::nullopt;
    return Unreadable(std::move(problem));
  }
  if (of_onward == Outcome::kMasked) passed_ = BufferOf(std::move(for_onward), &recorded_);
  if (of_record == Outcome::kUnchanged) return std::nullopt;
  if (record != onward) recorded_ = masked_text_;
  masked_ = true;
  return masks.seals() ? Seal(frame, masks, reveal_key, original, message) : std::nullopt;
}

absl::StatusOr<std::string> FrameViews::Inflated(const Frame& frame, std::string_view original, size_t most_bytes) {
  const std::optional<MessageEncoding> encoding = ParseMessageEncoding(EncodingName(frame.encoding));
  // No encoding was announced: what it is compressed with is not known.
  if (!encoding.has_value() || frame.encoding == GRPC_COMPRESS_NONE) {
    return absl::InvalidArgumentError("what it is compressed with is not known");
  }
  const size_t most = std::min(most_bytes, std::max(kInflatedFreely, original.size() * kMostRatio));
  return Inflate(*encoding, original, most, &inflated_bytes_);
}

std::optional<FrameViews::Refused> FrameViews::Seal(const Frame& frame, const policy::CallMasks& masks,
                                                    const recorder::RevealKey* reveal_key, std::string_view original,
                                                    std::string_view message) {
  if (reveal_key == nullptr) return Unreadable("it cannot be sealed: there is no data.reveal_key");
  recorder::FrameName name = frame.name;
  std::string without;  // what masks hide that do not seal
  if (const policy::MessageMask* mask = masks.before_sealing(frame.side); mask != nullptr) {
    std::string problem;
    const Outcome outcome = mask->Apply(message, &without, &problem);
    if (outcome == Outcome::kUnreadable) return Unreadable(std::move(problem));
    if (outcome == Outcome::kMasked) {
      // Those that seal may have hidden nothing in this frame.
      if (without == recorded_) return std::nullopt;
      original = without;
      name.compressed = false;
    }
  }
  // Sealed or not, it would be what the rule says is not to be kept.
  if (original.size() > most_recorded_) return std::nullopt;
  absl::StatusOr<recorder::SealedView> sealed = recorder::SealView(*reveal_key, name, original);
  if (!sealed.ok()) return Unreadable(absl::StrCat("it cannot be sealed: ", sealed.status().message()));
  sealed_ = *std::move(sealed);
  return std::nullopt;
}

absl::Span<const std::string_view> FrameViews::recorded_pieces() {
  if (shortened() && most_recorded_ == 0) return {};
  if (!masked_ && !pieces_.has_value()) pieces_.emplace(raw_->buffer_);
  const absl::Span<const std::string_view> pieces = masked_ ? absl::MakeConstSpan(&recorded_, 1) : pieces_->views();
  if (!shortened()) return pieces;
  cut_.clear();
  uint64_t left = most_recorded_;
  for (const std::string_view piece : pieces) {
    if (left == 0) break;
    cut_.push_back(piece.substr(0, left));
    left -= cut_.back().size();
  }
  return cut_;
}

}  // namespace sallyport::gateway
