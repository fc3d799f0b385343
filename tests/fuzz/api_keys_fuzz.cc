// API keys, as callers show them, and the file that keeps what is needed to check them: what is accepted has one
// spelling.
#include <string>

#include "recorder/api_keys/api_key_file.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzApiKeys(std::string_view input) {
  if (const std::optional<std::string_view> id = ApiKeyIdOf(input); id.has_value()) {
    Require(IsApiKeyId(*id) && IsApiKeyLike(input), "a key holds an id");
    std::string changed(input);
    changed.back() = changed.back() == 'a' ? 'b' : 'a';
    Require(!ApiKeyIdOf(changed).has_value(), "a checksum has one value");
  }
  const absl::StatusOr<std::vector<ApiKey>> keys = ParseApiKeys(input, "keys");
  if (!keys.ok()) {
    Require(absl::IsDataLoss(keys.status()), "a file that is no file of keys is damaged");
    return;
  }
  Require(FormatApiKeys(*keys) == input, "a file of keys has one spelling");
  for (const ApiKey& key : *keys) {
    Require(IsApiKeyId(key.id) && CheckAccountName(key.subject).ok(), "what is read can be used");
    Require(!key.Matches(input), "nobody has the key to a hash");
  }
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzApiKeys)
