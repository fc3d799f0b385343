#include "protos/seeded_hash.h"

#include <bit>
#include <cstring>
#include <random>

namespace sallyport {
namespace {

class Sip {
 public:
  explicit Sip(const std::array<uint64_t, 2>& key)
      : a_(key[0] ^ 0x736f6d6570736575),
        b_(key[1] ^ 0x646f72616e646f6d),
        c_(key[0] ^ 0x6c7967656e657261),
        d_(key[1] ^ 0x7465646279746573) {}

  void Add(uint64_t word) {
    d_ ^= word;
    Round();
    a_ ^= word;
  }

  uint64_t Finish() {
    c_ ^= 0xff;
    for (int i = 0; i < 3; ++i) Round();
    return a_ ^ b_ ^ c_ ^ d_;
  }

 private:
  void Round() {
    a_ += b_;
    b_ = std::rotl(b_, 13) ^ a_;
    a_ = std::rotl(a_, 32);
    c_ += d_;
    d_ = std::rotl(d_, 16) ^ c_;
    a_ += d_;
    d_ = std::rotl(d_, 21) ^ a_;
    c_ += b_;
    b_ = std::rotl(b_, 17) ^ c_;
    c_ = std::rotl(c_, 32);
  }

  uint64_t a_, b_, c_, d_;
};

const std::array<uint64_t, 2>& KeyOfProcess() {
  static const std::array<uint64_t, 2> key = [] {
    std::random_device random;
    std::array<uint64_t, 2> made = {};
    for (uint64_t& word : made) word = uint64_t{random()} << 32 | random();
    return made;
  }();
  return key;
}

}  // namespace

uint64_t SipHash(const std::array<uint64_t, 2>& key, std::string_view text) {
  static_assert(std::endian::native == std::endian::little, "words are read as they lie");
  Sip sip(key);
  const size_t whole = text.size() / 8 * 8;
  for (size_t i = 0; i < whole; i += 8) {
    uint64_t word = 0;
    std::memcpy(&word, text.data() + i, 8);
    sip.Add(word);
  }
  uint64_t last = uint64_t{text.size()} << 56;
  for (size_t i = whole; i < text.size(); ++i) last |= uint64_t{static_cast<uint8_t>(text[i])} << (8 * (i - whole));
  sip.Add(last);
  return sip.Finish();
}

size_t SeededHash::operator()(std::string_view text) const { return SipHash(KeyOfProcess(), text); }

}  // namespace sallyport
