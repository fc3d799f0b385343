// Reads conditions.
#ifndef SALLYPORT_POLICY_CONDITIONS_PARSER_H_
#define SALLYPORT_POLICY_CONDITIONS_PARSER_H_

#include <memory>
#include <string_view>

#include "absl/status/statusor.h"
#include "policy/conditions/node.h"

namespace sallyport::policy {

// The tree of a text, macros made out. INVALID_ARGUMENT says what is wrong and where. At most kMostConditionBytes long,
// kMostConditionDepth deep, and kMostHeight high.
inline constexpr int kMostHeight = 500;
absl::StatusOr<std::shared_ptr<const Syntax>> ParseCondition(std::string_view text);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_PARSER_H_
