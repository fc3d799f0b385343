// What sensitive values look like in text, whatever the field is called.
#ifndef SALLYPORT_POLICY_MASKING_DETECTORS_H_
#define SALLYPORT_POLICY_MASKING_DETECTORS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace sallyport::policy {

// Where one was found: bytes [begin, end) of the text.
struct Detection {
  uint32_t detector;  // its place in names()
  uint32_t begin;
  uint32_t end;
};

// A pattern of the policy's own.
struct CustomDetector {
  std::string name;
  std::string pattern;  // in the syntax of RE2
};

// The built-in detectors that are wanted and those of the policy, made ready to look for all of them in one pass.
// Immutable, thread-safe. An interface, so that the automata behind it are seen by nobody.
class Detectors {
 public:
  // Names of the built-in ones, such as payment_card: the table in built_in_detectors.cc.
  static absl::Span<const std::string_view> BuiltIn();

  // `wanted` are names of built-in ones. INVALID_ARGUMENT for a pattern that is none or matches the empty text; the
  // error names the detector.
  static absl::StatusOr<std::shared_ptr<const Detectors>> Create(absl::Span<const std::string> wanted,
                                                                 absl::Span<const CustomDetector> custom);
  virtual ~Detectors() = default;

  virtual absl::Span<const std::string> names() const = 0;
  // Appends what is found, by beginning, then by detector; finds of one detector do not overlap. Bytes that are not
  // UTF-8 are text like any other. Time is linear in the text. No more than 2^31 bytes. False if there are more finds
  // than `most`, of which some are then there.
  virtual bool FindAtMost(std::string_view text, size_t most, std::vector<Detection>* found) const = 0;
  void Find(std::string_view text, std::vector<Detection>* found) const { FindAtMost(text, SIZE_MAX, found); }
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_DETECTORS_H_
