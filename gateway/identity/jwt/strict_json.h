// JSON from outside, read so that no two readers can understand it differently.
#ifndef SALLYPORT_GATEWAY_IDENTITY_JWT_STRICT_JSON_H_
#define SALLYPORT_GATEWAY_IDENTITY_JWT_STRICT_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace sallyport::gateway {

// One JSON object (RFC 8259) and nothing else but white space around it: well-formed UTF-8 without a byte order mark,
// no member twice in one object however it is spelt, nested at most 16 deep, numbers within a double's range.
// INVALID_ARGUMENT says which of these it is not, and repeats nothing of the text.
absl::StatusOr<nlohmann::json> ParseStrictObject(std::string_view text);

// RFC 4648 section 5 without padding; nothing unless `text` is the one spelling of some bytes.
std::optional<std::string> ParseBase64Url(std::string_view text);

// The way to a claim: member names joined with dots; a dot or a backslash in a name has a backslash before it, as in
// "kubernetes\.io.namespace". A value.
class ClaimPath {
 public:
  // INVALID_ARGUMENT, saying what is expected.
  static absl::StatusOr<ClaimPath> Parse(std::string_view text);

  // Null if it does not lead anywhere. The result lives as long as `claims`.
  const nlohmann::json* Find(const nlohmann::json& claims) const;
  const std::string& text() const { return text_; }
  const std::string& first() const { return names_.front(); }

 private:
  std::string text_;
  std::vector<std::string> names_;  // at least one
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_JWT_STRICT_JSON_H_
