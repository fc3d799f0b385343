// Versions of what is loaded: hashes of its bytes.
#ifndef SALLYPORT_POLICY_CONTENT_HASH_H_
#define SALLYPORT_POLICY_CONTENT_HASH_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace sallyport::policy {

// SHA-256 in lower-case hex.
std::string ContentHash(std::string_view bytes);
// The same of parts as one text. `next` gives one after the other, at last one without data.
std::string ContentHash(absl::FunctionRef<std::string_view()> next);

// HMAC-SHA256 (RFC 2104).
using KeyedDigest = std::array<uint8_t, 32>;
KeyedDigest KeyedHash(const std::array<uint8_t, 32>& key, std::string_view bytes);
// Of `head` and `bytes` as one text.
KeyedDigest KeyedHash(const std::array<uint8_t, 32>& key, std::string_view head, std::string_view bytes);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONTENT_HASH_H_
