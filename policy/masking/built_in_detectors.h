// The detectors that need no pattern of the policy's: one table, looked for in one pass.
#ifndef SALLYPORT_POLICY_MASKING_BUILT_IN_DETECTORS_H_
#define SALLYPORT_POLICY_MASKING_BUILT_IN_DETECTORS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "policy/masking/detectors.h"

namespace sallyport::policy {

// Those that are wanted of the built-in detectors. Immutable; thread-safe.
class BuiltInDetectors {
 public:
  // Names of all there are.
  static absl::Span<const std::string_view> Names();

  // Names that are none of these do not count.
  explicit BuiltInDetectors(absl::Span<const std::string> wanted);

  // Those that were made, in the order of the table.
  const std::vector<std::string>& names() const { return names_; }

  // As Detectors::FindAtMost, but for their order; `most` counts what is in `found` already.
  bool Find(std::string_view text, size_t most, std::vector<Detection>* found) const;

 private:
  static constexpr size_t kMost = 32;

  std::vector<std::string> names_;
  std::array<uint32_t, kMost> places_ = {};  // in names_, by row of the table; of those that are wanted
  std::array<uint32_t, 256> rows_ = {};      // a bit for each row of which a sign begins with this byte
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_BUILT_IN_DETECTORS_H_
