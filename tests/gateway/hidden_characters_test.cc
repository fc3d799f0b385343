// What no identity may have is printed raw nowhere, over all of Unicode: names, logs and terminals go by one table.
#include <catch2/catch.hpp>
#include <cstdint>
#include <string>

#include "gateway/identity/printable_text.h"
#include "gateway/log_text.h"
#include "protos/visible_text.h"
#include "replay/view/printable.h"

namespace sallyport {
namespace {

// Surrogates too, which are then no UTF-8.
std::string Utf8(uint32_t point) {
  std::string text;
  const auto add = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (point < 0x80) {
    add(point);
    return text;
  }
  if (point < 0x800) {
    add(0xc0 | point >> 6);
  } else if (point < 0x10000) {
    add(0xe0 | point >> 12);
    add(0x80 | (point >> 6 & 0x3f));
  } else {
    add(0xf0 | point >> 18);
    add(0x80 | (point >> 12 & 0x3f));
    add(0x80 | (point >> 6 & 0x3f));
  }
  add(0x80 | (point & 0x3f));
  return text;
}

TEST_CASE("what identities refuse is printed raw by nothing, and what they take is printed as it is") {
  int refused = 0;
  for (uint32_t point = 0; point <= 0x10ffff; ++point) {
    const std::string character = Utf8(point);
    const std::string text = "a" + character + "b";
    const bool taken = gateway::IsPrintable(text, 100);
    refused += taken ? 0 : 1;
    for (const std::string& printed : {replay::Printable(text), gateway::LogText(text), replay::PrintableLines(text)}) {
      if ((printed == text) == taken) continue;
      if (point == '\n' && printed == text) continue;  // PrintableLines keeps those
      CAPTURE(point, printed);
      FAIL_CHECK();
    }
    if (!taken) {
      for (const std::string& printed : {replay::Printable(text), gateway::LogText(text)}) {
        if (printed.find(character) != std::string::npos) FAIL_CHECK(point);
      }
    }
  }
  CHECK(refused > 130'000);  // the private planes alone
  for (const uint32_t point : {0x3164, 0x2800, 0xfe0f, 0xa0, 0x3000}) {
    CHECK_FALSE(gateway::IsPrintable("a" + Utf8(point) + "b", 100));
  }
  CHECK(replay::Printable("a" + Utf8(0x3164) + Utf8(0x2800) + Utf8(0xfe0f)) == "a\\u3164\\u2800\\ufe0f");
}

TEST_CASE("characters are decoded as RFC 3629 says") {
  for (uint32_t point = 0; point <= 0x10ffff; ++point) {
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    const std::string text = Utf8(point);
    const Character character = FirstCharacter(text + "tail");
    if (character.valid == surrogate) FAIL(point);
    if (!surrogate && (character.point != point || character.bytes != text.size())) FAIL(point);
    if (FirstCharacter(std::string_view(text).substr(0, text.size() - 1 + (text.size() == 1))).valid !=
        (text.size() == 1))
      FAIL(point);
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xfe", "\xff", "\xc3", "\xc3\x28"}) {
    CAPTURE(bad);
    const Character character = FirstCharacter(bad);
    CHECK_FALSE(character.valid);
    CHECK(character.bytes == 1);
  }
}

TEST_CASE("characters take the columns that terminals give them") {
  CHECK(ColumnsOf('a') == 1);
  CHECK(ColumnsOf(0xe9) == 1);
  CHECK(ColumnsOf(0x301) == 0);    // an accent on what stands before it
  CHECK(ColumnsOf(0x65e5) == 2);   // 日
  CHECK(ColumnsOf(0x1f600) == 2);  // an emoji
  CHECK(ColumnsOf(0x110000) == 1);
}

}  // namespace
}  // namespace sallyport
