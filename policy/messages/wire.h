// Protobuf's wire format, read with bounds. https://protobuf.dev/programming-guides/encoding
#ifndef SALLYPORT_POLICY_MESSAGES_WIRE_H_
#define SALLYPORT_POLICY_MESSAGES_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::policy {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kLength = 2, kStartGroup = 3, kEndGroup = 4, kFixed32 = 5 };

inline constexpr uint64_t kMostLength = (uint64_t{1} << 31) - 1;
// How deep messages may be nested, the outermost included: one less than protobuf for C++ reads, known or not.
inline constexpr int kMostDepth = 100;

inline size_t VarintLength(uint64_t value) {
  size_t length = 1;
  for (; value >= 0x80; value >>= 7) ++length;
  return length;
}

inline void AppendVarint(uint64_t value, std::string* out) {
  for (; value >= 0x80; value >>= 7) out->push_back(static_cast<char>(value | 0x80));
  out->push_back(static_cast<char>(value));
}

// Little-endian, the low `size` bytes.
inline void AppendFixed(uint64_t value, size_t size, std::string* out) {
  for (size_t i = 0; i < size; ++i) out->push_back(static_cast<char>(value >> (8 * i)));
}

inline uint64_t TagOf(uint32_t number, WireType type) { return uint64_t{number} << 3 | static_cast<uint64_t>(type); }

// A place in a message. Every Read returns false where the bytes do not hold what is asked for, and is then at no
// particular place.
class WireReader {
 public:
  explicit WireReader(std::string_view bytes) : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}
  WireReader(const char* at, const char* end) : at_(at), end_(end) {}

  const char* at() const { return at_; }
  bool done() const { return at_ == end_; }
  std::string_view rest() const { return {at_, static_cast<size_t>(end_ - at_)}; }

  // At most ten bytes. `*minimal` is false where fewer would have done, or bits beyond 64 were set.
  bool ReadVarint(uint64_t* value, bool* minimal) {
    if (at_ < end_ && static_cast<uint8_t>(*at_) < 0x80) {
      *value = static_cast<uint8_t>(*at_++);
      *minimal = true;
      return true;
    }
    uint64_t result = 0;
    for (int i = 0; i < 10 && at_ < end_; ++i) {
      const auto byte = static_cast<uint8_t>(*at_++);
      result |= uint64_t{byte & 0x7Fu} << (7 * i);
      if (byte >= 0x80) continue;
      *value = result;
      *minimal = byte != 0 && (i < 9 || byte == 1);
      return true;
    }
    return false;
  }

  // False too for tags of more than five bytes or 32 bits, for numbers that no field may have and for wire types that
  // there are not: parsers read them differently.
  bool ReadTag(uint32_t* number, WireType* type, bool* minimal) {
    const char* const begin = at_;
    uint64_t tag = 0;
    if (!ReadVarint(&tag, minimal) || at_ - begin > 5 || tag > UINT32_MAX) return false;
    *number = static_cast<uint32_t>(tag >> 3);
    const auto wire = static_cast<uint8_t>(tag & 7);
    *type = static_cast<WireType>(wire);
    return *number != 0 && wire <= 5;
  }

  // False too for lengths of more than five bytes or 2^31 - 1.
  bool ReadLength(std::string_view* bytes, bool* minimal) {
    const char* const begin = at_;
    uint64_t length = 0;
    if (!ReadVarint(&length, minimal) || at_ - begin > 5 || length > kMostLength) return false;
    if (length > static_cast<uint64_t>(end_ - at_)) return false;
    *bytes = std::string_view(at_, static_cast<size_t>(length));
    at_ += length;
    return true;
  }

  bool Skip(size_t bytes) {
    if (bytes > static_cast<size_t>(end_ - at_)) return false;
    at_ += bytes;
    return true;
  }

  // Goes past the value of a field whose tag has been read; of a group, past its end, at most `depth` groups deep.
  bool SkipValue(uint32_t number, WireType type, int depth) {
    bool minimal = false;
    uint64_t varint = 0;
    std::string_view bytes;
    switch (type) {
      case WireType::kVarint:
        return ReadVarint(&varint, &minimal);
      case WireType::kFixed64:
        return Skip(8);
      case WireType::kFixed32:
        return Skip(4);
      case WireType::kLength:
        return ReadLength(&bytes, &minimal);
      case WireType::kStartGroup:
        return SkipGroup(number, depth);
      case WireType::kEndGroup:
        return false;
    }
    return false;
  }

 private:
  // Without recursion: what is open is on a stack of numbers.
  bool SkipGroup(uint32_t number, int depth) {
    uint32_t open[kMostDepth];
    if (depth > kMostDepth) depth = kMostDepth;
    int count = 0;
    if (depth < 1) return false;
    open[count++] = number;
    while (count > 0) {
      uint32_t inner = 0;
      WireType type = WireType::kVarint;
      bool minimal = false;
      if (!ReadTag(&inner, &type, &minimal)) return false;
      if (type == WireType::kEndGroup) {
        if (inner != open[--count]) return false;
      } else if (type == WireType::kStartGroup) {
        if (count == depth) return false;
        open[count++] = inner;
      } else if (!SkipValue(inner, type, 0)) {
        return false;
      }
    }
    return true;
  }

  const char* at_;
  const char* end_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_WIRE_H_
