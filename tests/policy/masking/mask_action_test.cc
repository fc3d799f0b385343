// What becomes of single values, at the borders of what is shown.
#include "policy/masking/mask_action.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "policy/messages/json_text.h"

namespace sallyport::policy {
namespace {

constexpr MaskKey kKey = {7, 8, 9};
constexpr MaskKey kOtherKey = {7, 8, 10};

MaskAction Action(v1::Mask::Action kind, uint32_t length = 0) { return {kind, "", length}; }

std::string Masked(const MaskAction& action, std::string_view text, const MaskKey& key = kKey) {
  std::string masked = "before ";
  AppendMaskedText(action, key, text, &masked);
  REQUIRE(masked.starts_with("before "));
  return masked.substr(7);
}

TEST_CASE("last4 shows four characters of eight or more, and none of fewer") {
  const std::string text = "abcdefghijklmnopqrstuvwxyz";
  for (size_t size = 0; size <= 20; ++size) {
    const std::string expected =
        size < 8 ? std::string(size, '*') : std::string(size - 4, '*') + text.substr(size - 4, 4);
    CHECK(Masked(Action(v1::Mask::last4), text.substr(0, size)) == expected);
  }
  // What stands between counts for nothing and stays; each character beyond ASCII counts as one.
  CHECK(Masked(Action(v1::Mask::last4), "1234-567") == "****-***");
  CHECK(Masked(Action(v1::Mask::last4), "1234-5678") == "****-5678");
  CHECK(Masked(Action(v1::Mask::last4), "äöüÄÖÜß") == "*******");
  CHECK(Masked(Action(v1::Mask::last4), "äöüÄÖÜßx") == "****ÖÜßx");
  CHECK(Masked(Action(v1::Mask::last4), "12345\xff\xfe\xfd\xfc") == "*********");
}

TEST_CASE("first6last4 shows both ends of thirteen characters or more, and of fewer what last4 does") {
  const std::string text = "abcdefghijklmnopqrstuvwxyz";
  for (size_t size = 0; size <= 20; ++size) {
    const std::string whole = text.substr(0, size);
    const std::string expected = size < 13 ? Masked(Action(v1::Mask::last4), whole)
                                           : whole.substr(0, 6) + std::string(size - 10, '*') + whole.substr(size - 4);
    CHECK(Masked(Action(v1::Mask::first6last4), whole) == expected);
  }
}

TEST_CASE("truncate leaves so many characters, however many bytes they have, and the result is UTF-8") {
  const std::string text =
      "aä€😀\xff"
      "b\xe2\x82z";
  const std::string expected[] = {"", "a", "aä", "aä€", "aä€😀", "aä€😀*", "aä€😀*b", "aä€😀*b*", "aä€😀*b**", "aä€😀*b**z"};
  for (uint32_t length = 0; length < 10; ++length) {
    const std::string masked = Masked(Action(v1::Mask::truncate, length), text);
    CHECK(masked == expected[length]);
    CHECK(IsUtf8(masked));
  }
  CHECK(Masked(Action(v1::Mask::truncate, 100), text) == expected[9]);
}

TEST_CASE("hashes and tokens go by the key and by the whole value") {
  for (const auto kind : {v1::Mask::hash, v1::Mask::tokenize}) {
    const MaskAction action = Action(kind);
    std::set<std::string> all;
    std::string text = "Abcdefgh12345678";
    for (size_t at = 0; at < text.size(); ++at) {
      for (int step = 0; step < 3; ++step) {
        std::string other = text;
        other[at] = static_cast<char>(other[at] + step);
        all.insert(Masked(action, other));
      }
    }
    CHECK(all.size() == 2 * text.size() + 1);
    CHECK(Masked(action, text) == Masked(action, text));
    CHECK(Masked(action, text) != Masked(action, text, kOtherKey));
    CHECK(MaskedSigned(action, kKey, 123'456'789'012, INT64_MIN, INT64_MAX) !=
          MaskedSigned(action, kOtherKey, 123'456'789'012, INT64_MIN, INT64_MAX));
    CHECK(MaskedFloating(action, kKey, 1.5) != MaskedFloating(action, kOtherKey, 1.5));
  }
  CHECK(Masked(Action(v1::Mask::hash), "x").size() == 32);
  // A hash says nothing of what kind of value it was.
  CHECK(Masked(Action(v1::Mask::hash), "12345678") != Masked(Action(v1::Mask::hash), ""));
}

TEST_CASE("a token has the form of the value, and none of its characters stay where they could be others") {
  const std::string text = "Ab1-zZ9 _ä";
  std::set<char> at_first;
  for (int i = 0; i < 200; ++i) {
    const std::string value = absl::StrCat(text, i);
    const std::string token = Masked(Action(v1::Mask::tokenize), value);
    REQUIRE(token.size() == value.size() - 1);  // for what is beyond ASCII a letter
    const std::string kinds = "Aa0-aA0 _a";
    for (size_t at = 0; at < kinds.size(); ++at) {
      const char c = token[at];
      CAPTURE(token, at);
      switch (kinds[at]) {
        case 'A':
          CHECK((c >= 'A' && c <= 'Z'));
          break;
        case 'a':
          CHECK((c >= 'a' && c <= 'z'));
          break;
        case '0':
          CHECK((c >= '0' && c <= '9'));
          break;
        default:
          CHECK(c == kinds[at]);
      }
    }
    at_first.insert(token[0]);
  }
  CHECK(at_first.size() > 15);
}

TEST_CASE("numbers become ones within their type, and tokens ones of as many digits and the same sign") {
  const int64_t values[] = {0, 1, 9, 10, 99, 100, 12'345, 999'999'999, 1'000'000'000, INT32_MAX};
  for (const int64_t value : values) {
    for (const int sign : {1, -1}) {
      const int64_t number = sign * value;
      CAPTURE(number);
      const int64_t token = MaskedSigned(Action(v1::Mask::tokenize), kKey, number, INT32_MIN, INT32_MAX);
      CHECK(std::to_string(std::abs(token)).size() == std::to_string(std::abs(number)).size());
      CHECK((number >= 0 ? token >= 0 : token <= 0));
      CHECK(token <= INT32_MAX);
      CHECK(token >= INT32_MIN);
      const int64_t hash = MaskedSigned(Action(v1::Mask::hash), kKey, number, INT32_MIN, INT32_MAX);
      CHECK(hash <= INT32_MAX);
      CHECK(hash >= INT32_MIN);
      for (const auto kind : {v1::Mask::redact, v1::Mask::last4, v1::Mask::truncate, v1::Mask::drop}) {
        CHECK(MaskedSigned(Action(kind), kKey, number, INT32_MIN, INT32_MAX) == 0);
      }
    }
  }
  CHECK(MaskedSigned(Action(v1::Mask::tokenize), kKey, INT64_MIN, INT64_MIN, INT64_MAX) < 0);
  CHECK(MaskedUnsigned(Action(v1::Mask::tokenize), kKey, UINT64_MAX, UINT64_MAX) >= 10'000'000'000'000'000'000u);
  // Both halves of a type come up.
  int negative = 0;
  int large = 0;
  for (int i = 0; i < 200; ++i) {
    negative += MaskedSigned(Action(v1::Mask::hash), kKey, i, INT64_MIN, INT64_MAX) < 0 ? 1 : 0;
    large += MaskedUnsigned(Action(v1::Mask::hash), kKey, static_cast<uint64_t>(i), UINT32_MAX) > INT32_MAX ? 1 : 0;
    const double masked = MaskedFloating(Action(v1::Mask::hash), kKey, i);
    CHECK(masked >= 0);
    CHECK(masked < 1);
  }
  CHECK(negative > 50);
  CHECK(negative < 150);
  CHECK(large > 50);
  CHECK(large < 150);
}

}  // namespace
}  // namespace sallyport::policy
