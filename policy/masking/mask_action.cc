#include "policy/masking/mask_action.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "absl/strings/ascii.h"
#include "policy/content_hash.h"
#include "protos/utf8.h"

namespace sallyport::policy {
namespace {

// Over what the hash is for, a number and the value.
KeyedDigest HashFor(const MaskKey& key, char purpose, uint64_t number, std::string_view value) {
  char head[9];
  head[0] = purpose;
  std::memcpy(head + 1, &number, sizeof number);
  return KeyedHash(key, {head, sizeof head}, value);
}

uint64_t KeyedNumber(const MaskKey& key, char purpose, std::string_view value) {
  const KeyedDigest digest = HashFor(key, purpose, 0, value);
  uint64_t number = 0;
  std::memcpy(&number, digest.data(), sizeof number);
  return number;
}

constexpr char kHash = 'h';
constexpr char kTokenize = 't';

// Calls visit(character, valid) for each character, one byte each where there is none.
template <typename Visit>
void ForEachCharacter(std::string_view text, Visit visit) {
  for (size_t at = 0; at < text.size();) {
    const size_t size = Utf8CharacterSize(text, at);
    visit(text.substr(at, std::max<size_t>(size, 1)), size != 0);
    at += std::max<size_t>(size, 1);
  }
}

// What counts for last4: letters, digits, and the stars that an earlier masking left, so that masking again changes
// nothing. Of ASCII characters; of the others all do.
constexpr std::array<bool, 128> kCounts = [] {
  std::array<bool, 128> counts{};
  for (unsigned c = 0; c < counts.size(); ++c) {
    counts[c] = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '*';
  }
  return counts;
}();

// All but the first `head` and the last `tail` characters that count become stars; all of them where too few would be
// hidden.
void AppendStarred(std::string_view text, size_t head, size_t tail, std::string* out) {
  size_t counted = 0;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    counted += byte >= 0x80 || kCounts[byte] ? 1 : 0;
    at += byte < 0x80 ? 1 : std::max<size_t>(Utf8CharacterSize(text, at), 1);
  }
  // Of a card with its 13 digits or more, six and four may be seen; of anything shorter, and of less than eight, less.
  if (head > 0 && counted < 13) head = 0;
  if (counted < 2 * tail) tail = 0;
  const size_t before = out->size();
  out->resize(before + text.size());
  char* to = out->data() + before;
  size_t number = 0;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    const size_t size = byte < 0x80 ? 1 : Utf8CharacterSize(text, at);
    const bool counts = byte >= 0x80 || kCounts[byte];
    const bool shown = size != 0 && (!counts || number < head || number + tail >= counted);
    number += counts ? 1 : 0;
    if (shown) {
      to = std::copy_n(text.data() + at, size, to);
    } else {
      *to++ = '*';
    }
    at += std::max<size_t>(size, 1);
  }
  out->resize(static_cast<size_t>(to - out->data()));
}

void AppendTokenized(const MaskKey& key, std::string_view text, std::string* out) {
  KeyedDigest stream;
  uint64_t block = 0;
  size_t used = stream.size();
  const auto next = [&] {
    if (used + 2 > stream.size()) {
      stream = HashFor(key, kTokenize, block++, text);
      used = 0;
    }
    const unsigned value = stream[used] | static_cast<unsigned>(stream[used + 1]) << 8;
    used += 2;
    return value;
  };
  ForEachCharacter(text, [&](std::string_view character, bool valid) {
    const auto c = static_cast<unsigned char>(character[0]);
    if (absl::ascii_isdigit(c)) {
      out->push_back(static_cast<char>('0' + next() % 10));
    } else if (absl::ascii_islower(c)) {
      out->push_back(static_cast<char>('a' + next() % 26));
    } else if (absl::ascii_isupper(c)) {
      out->push_back(static_cast<char>('A' + next() % 26));
    } else if (c >= 0x80) {
      out->push_back(static_cast<char>('a' + next() % 26));
    } else if (valid) {
      out->append(character);
    }
  });
}

void AppendTruncated(std::string_view text, uint32_t length, std::string* out) {
  uint32_t taken = 0;
  ForEachCharacter(text, [&](std::string_view character, bool valid) {
    if (taken++ >= length) return;
    if (valid) {
      out->append(character);
    } else {
      out->push_back('*');
    }
  });
}

std::string_view BytesOf(const uint64_t& value) { return {reinterpret_cast<const char*>(&value), sizeof value}; }

// Another number with as many decimal digits, at most `most`.
uint64_t SameDigits(const MaskKey& key, uint64_t value, uint64_t most) {
  if (value < 10) return KeyedNumber(key, kTokenize, BytesOf(value)) % (std::min<uint64_t>(9, most) + 1);
  uint64_t least = 1;
  while (value / least >= 10) least *= 10;
  const uint64_t last = least > most / 10 ? most : std::min(most, least * 10 - 1);
  return least + KeyedNumber(key, kTokenize, BytesOf(value)) % (last - least + 1);
}

}  // namespace

void AppendMaskedText(const MaskAction& action, const MaskKey& key, std::string_view text, std::string* out) {
  constexpr size_t kFirst = 6;
  constexpr size_t kLast = 4;
  constexpr size_t kHashBytes = 16;
  switch (action.kind) {
    case v1::Mask::last4:
      return AppendStarred(text, 0, kLast, out);
    case v1::Mask::first6last4:
      return AppendStarred(text, kFirst, kLast, out);
    case v1::Mask::hash: {
      const KeyedDigest digest = HashFor(key, kHash, 0, text);
      constexpr char kDigits[] = "0123456789abcdef";
      for (size_t i = 0; i < kHashBytes; ++i) {
        out->push_back(kDigits[digest[i] >> 4]);
        out->push_back(kDigits[digest[i] & 0xF]);
      }
      return;
    }
    case v1::Mask::tokenize:
      return AppendTokenized(key, text, out);
    case v1::Mask::truncate:
      return AppendTruncated(text, action.length, out);
    case v1::Mask::drop:
      return;
    default:
      out->append(action.text);
  }
}

int64_t MaskedSigned(const MaskAction& action, const MaskKey& key, int64_t value, int64_t least, int64_t most) {
  const auto bits = static_cast<uint64_t>(value);
  if (action.kind == v1::Mask::hash) {
    const uint64_t range = static_cast<uint64_t>(most) - static_cast<uint64_t>(least);
    const uint64_t number = KeyedNumber(key, kHash, BytesOf(bits));
    return static_cast<int64_t>(static_cast<uint64_t>(least) + (range == UINT64_MAX ? number : number % (range + 1)));
  }
  if (action.kind != v1::Mask::tokenize) return 0;
  if (value >= 0) return static_cast<int64_t>(SameDigits(key, bits, static_cast<uint64_t>(most)));
  return -static_cast<int64_t>(SameDigits(key, ~bits + 1, static_cast<uint64_t>(most)));
}

uint64_t MaskedUnsigned(const MaskAction& action, const MaskKey& key, uint64_t value, uint64_t most) {
  if (action.kind == v1::Mask::hash) {
    const uint64_t number = KeyedNumber(key, kHash, BytesOf(value));
    return most == UINT64_MAX ? number : number % (most + 1);
  }
  return action.kind == v1::Mask::tokenize ? SameDigits(key, value, most) : 0;
}

double MaskedFloating(const MaskAction& action, const MaskKey& key, double value) {
  if (action.kind != v1::Mask::hash && action.kind != v1::Mask::tokenize) return 0;
  constexpr double kRange = 1 << 24;  // what a float holds too
  return static_cast<double>(KeyedNumber(key, kHash, BytesOf(std::bit_cast<uint64_t>(value))) % (1 << 24)) / kRange;
}

}  // namespace sallyport::policy
