// What of calls is recorded, and how surely, by rule.
#ifndef SALLYPORT_POLICY_RECORD_RULES_H_
#define SALLYPORT_POLICY_RECORD_RULES_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "policy/matching/match.h"
#include "sallyport/v1/policy.pb.h"

namespace sallyport::policy {

// Of frames that are recorded whole.
inline constexpr uint64_t kWholeFrames = std::numeric_limits<uint64_t>::max();
// The most bytes of a frame that "first …" may say: a frame never has more.
inline constexpr uint64_t kMostFirstBytes = uint64_t{4} << 30;

// One of the policy's `record.rules`. The first that matches a call decides.
struct RecordRule {
  std::string name;
  Match match;
  // How many bytes of each frame's payload are recorded, from its beginning: 0 for none, kWholeFrames for all.
  uint64_t frame_bytes = kWholeFrames;
  std::optional<v1::RecordRule::Durability> durability;  // the configuration's unless given
  int line = 0;                                          // of the policy file

  bool shortens() const { return frame_bytes != kWholeFrames; }
};

// Reads what `frames` says: "all", "none", or "first 16KiB". INVALID_ARGUMENT says what is expected.
absl::StatusOr<uint64_t> ParseFrames(const std::string& text);

// "all", "none" or "first 16384 bytes".
std::string FramesText(uint64_t frame_bytes);
// What a rule does, for people: "frames: none, durability: relaxed".
std::string EffectText(const RecordRule& rule);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_RECORD_RULES_H_
