// Small things about text. Abseil wants its own string_view: Debian's is built for C++14, where the two are different
// types.
#ifndef SALLYPORT_RECORDER_CRYPTO_TEXT_H_
#define SALLYPORT_RECORDER_CRYPTO_TEXT_H_

#include <algorithm>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "protos/seeded_hash.h"

namespace sallyport::recorder {

inline absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

// 0x20 to 0x7e, all of it.
inline bool IsPrintableAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

// Callers choose many of the texts.
using TextHash = SeededHash;

// A map by text that can be searched without making a string.
template <typename Value>
using TextMap = absl::flat_hash_map<std::string, Value, TextHash, std::equal_to<>>;

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CRYPTO_TEXT_H_
