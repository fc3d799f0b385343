// JSON Web Key Sets: every key is taken or skipped with a reason, and what is taken can be used.
#include <string>

#include "gateway/identity/jwt/jwks.h"
#include "gateway/identity/printable_text.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzKeySet(std::string_view input) {
  const absl::StatusOr<std::shared_ptr<const gateway::KeySet>> set = gateway::KeySet::Parse(input);
  if (!set.ok()) {
    Require(!set.status().message().empty(), "a refusal has a reason");
    return;
  }
  const gateway::KeySet& keys = **set;
  Require(!keys.keys().empty() && keys.keys().size() + keys.skipped().size() <= gateway::KeySet::kMostKeys,
          "a key set is bounded");
  for (const gateway::JsonWebKey& key : keys.keys()) {
    Require(!key.id.has_value() || gateway::IsPrintable(*key.id, 256), "an id can be printed");
    int fitting = 0;
    for (const char* name : {"RS256", "PS512", "ES256", "ES384", "ES512", "EdDSA"}) {
      const gateway::SignatureAlgorithm algorithm = *gateway::FindAlgorithm(name);
      fitting += key.key.Fits(algorithm) ? 1 : 0;
      for (const size_t size : {size_t{0}, size_t{64}, size_t{96}, size_t{132}, size_t{256}}) {
        Require(!key.key.Verify(algorithm, "message", std::string(size, '\x17')), "a signature needs the key");
      }
    }
    Require(fitting == 1 || fitting == 2, "a key has one type");
    Require(!key.algorithm.has_value() || key.key.Fits(*key.algorithm), "a key fits its algorithm");
  }
  for (const std::string& skipped : keys.skipped()) Require(skipped.starts_with("key "), "a skipped key is named");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzKeySet)
