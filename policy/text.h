// std::string_view where Abseil wants its own. Debian's Abseil is built for C++14, where the two are different types.
#ifndef SALLYPORT_POLICY_TEXT_H_
#define SALLYPORT_POLICY_TEXT_H_

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"

namespace sallyport::policy {

inline absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// For texts that the policy chooses. What strangers choose is kept under SeededHash (protos/seeded_hash.h).
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return absl::Hash<absl::string_view>()(View(text)); }
};

// A map by text that can be searched without making a string.
template <typename Value>
using TextMap = absl::flat_hash_map<std::string, Value, TextHash, std::equal_to<>>;

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_TEXT_H_
