#include "protos/seeded_hash.h"

#include <catch2/catch.hpp>
#include <set>
#include <string>

namespace sallyport {
namespace {

TEST_CASE("SipHash-1-3 is what others make of it") {
  // Key and texts of the reference: bytes that count up from 0.
  const std::array<uint64_t, 2> key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  CHECK(SipHash(key, "") == 0xabac0158050fc4dc);
}

TEST_CASE("every byte, its place and the length count") {
  const std::array<uint64_t, 2> key = {1, 2};
  std::set<uint64_t> seen;
  size_t texts = 0;
  for (size_t length = 0; length < 40; ++length) {
    std::string text(length, '\0');
    seen.insert(SipHash(key, text));
    ++texts;
    for (size_t i = 0; i < length; ++i) {
      text[i] = '\x80';
      seen.insert(SipHash(key, text));
      ++texts;
      text[i] = '\0';
    }
  }
  CHECK(seen.size() == texts);
  CHECK(SipHash({1, 2}, "a text") != SipHash({1, 3}, "a text"));
  CHECK(SipHash({1, 2}, "a text") != SipHash({2, 2}, "a text"));
}

TEST_CASE("within a process a text has one hash") {
  const SeededHash hash;
  CHECK(hash("a text") == SeededHash()("a text"));
  CHECK(hash("a text") != hash("another"));
  CHECK(hash(std::array<char, 3>{'a', 'b', 'c'}) == hash("abc"));
}

}  // namespace
}  // namespace sallyport
