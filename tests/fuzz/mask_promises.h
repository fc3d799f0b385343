// What holds of every mask, whatever the message.
#ifndef SALLYPORT_TESTS_FUZZ_MASK_PROMISES_H_
#define SALLYPORT_TESTS_FUZZ_MASK_PROMISES_H_

#include <optional>
#include <string>
#include <string_view>

#include "policy/masking/masker.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

// The message as it may be shown, which masking again does not change. Nothing if it is refused.
inline std::optional<std::string> MaskedOnce(const policy::MessageMask& mask, std::string_view message) {
  using Outcome = policy::MessageMask::Outcome;
  std::string masked;
  std::string problem;
  const Outcome outcome = mask.Apply(message, &masked, &problem);
  if (outcome == Outcome::kUnreadable) {
    Require(!problem.empty(), "a refusal has a reason");
    return std::nullopt;
  }
  if (outcome == Outcome::kUnchanged) masked = std::string(message);
  std::string again;
  const Outcome second = mask.Apply(masked, &again, &problem);
  Require(second != Outcome::kUnreadable, "what is masked can be read");
  Require(second == Outcome::kUnchanged || again == masked, "masking again changes nothing");
  return masked;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_FUZZ_MASK_PROMISES_H_
