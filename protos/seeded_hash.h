// A hash for tables whose keys strangers choose.
#ifndef SALLYPORT_PROTOS_SEEDED_HASH_H_
#define SALLYPORT_PROTOS_SEEDED_HASH_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sallyport {

// SipHash-1-3 (https://www.aumasson.jp/siphash) under a key of 128 bits.
uint64_t SipHash(const std::array<uint64_t, 2>& key, std::string_view text);

// SipHash under a key that is random in every process: who does not know it cannot choose texts that meet in one
// bucket. (Hashes whose seed is an address or whose constants are known do not keep to that.) Not for what is stored.
// Takes about as long as reading the text; thread-safe.
struct SeededHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const;
  template <typename Byte, size_t kSize>
  size_t operator()(const std::array<Byte, kSize>& bytes) const {
    static_assert(sizeof(Byte) == 1);
    return (*this)(std::string_view(reinterpret_cast<const char*>(bytes.data()), kSize));
  }
};

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_SEEDED_HASH_H_
