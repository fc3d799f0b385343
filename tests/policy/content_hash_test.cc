#include "policy/content_hash.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "absl/strings/escaping.h"

namespace sallyport::policy {
namespace {

// Shorter keys are filled up with zeros (RFC 2104), so that the RFC's can be used.
std::string Hmac(const std::string& key, const std::string& text) {
  std::array<uint8_t, 32> padded = {};
  std::copy(key.begin(), key.end(), padded.begin());
  const KeyedDigest digest = KeyedHash(padded, text);
  CHECK(KeyedHash(padded, text.substr(0, 3), text.substr(3)) == digest);
  return absl::BytesToHexString(std::string(digest.begin(), digest.end()));
}

}  // namespace

TEST_CASE("keyed hashes are HMAC-SHA256, whatever key was used before (RFC 4231, 4.2 and 4.3)") {
  const std::string first = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
  const std::string second = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  for (int i = 0; i < 3; ++i) {
    CHECK(Hmac(std::string(20, '\x0b'), "Hi There") == first);
    CHECK(Hmac("Jefe", "what do ya want for nothing?") == second);
    CHECK(Hmac("Jefe", "what do ya want for nothing?") == second);
  }
  std::string elsewhere;
  std::thread([&] { elsewhere = Hmac("Jefe", "what do ya want for nothing?"); }).join();
  CHECK(elsewhere == second);
}

}  // namespace sallyport::policy
