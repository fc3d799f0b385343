// Which characters a name may have.
#include "gateway/identity/printable_text.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sallyport::gateway {
namespace {

std::string Utf8(uint32_t character) {
  std::string text;
  const auto add = [&](uint32_t byte) { text.push_back(static_cast<char>(byte)); };
  if (character < 0x80) {
    add(character);
  } else if (character < 0x800) {
    add(0xc0 | character >> 6);
  } else if (character < 0x10000) {
    add(0xe0 | character >> 12);
    add(0x80 | (character >> 6 & 0x3f));
  } else {
    add(0xf0 | character >> 18);
    add(0x80 | (character >> 12 & 0x3f));
    add(0x80 | (character >> 6 & 0x3f));
  }
  if (character >= 0x80) add(0x80 | (character & 0x3f));
  return text;
}

bool IsIn(uint32_t character) { return IsPrintable("a" + Utf8(character) + "b", 100); }

TEST_CASE("characters that show nothing, or change how others show, are in no name; their neighbours may be") {
  // Unicode 15: Cc, Cf, Zs (but for the space), Zl, Zp; fillers; variation selectors; private use; noncharacters.
  const std::vector<std::pair<uint32_t, uint32_t>> hidden = {
      {0x00, 0x1f},       {0x7f, 0xa0},       {0xad, 0xad},       {0x34f, 0x34f},     {0x600, 0x605},
      {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},     {0x8e2, 0x8e2},
      {0x115f, 0x1160},   {0x1680, 0x1680},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x2000, 0x200f},
      {0x2028, 0x202f},   {0x205f, 0x206f},   {0x2800, 0x2800},   {0x3000, 0x3000},   {0x3164, 0x3164},
      {0xd800, 0xdfff},   {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
      {0xfff0, 0xfffb},   {0xfffe, 0xffff},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},
      {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0x1fffe, 0x1ffff}, {0x2fffe, 0x2ffff}, {0xe0000, 0xe0fff},
      {0xf0000, 0x10ffff}};
  const auto is_hidden = [&](uint32_t character) {
    for (const auto& [first, last] : hidden) {
      if (character >= first && character <= last) return true;
    }
    return (character & 0xfffe) == 0xfffe;
  };
  for (const auto& [first, last] : hidden) {
    for (const uint32_t character : {first - 1, first, first + (last - first) / 2, last, last + 1}) {
      if (character > 0x10ffff) continue;
      CAPTURE(character);
      CHECK(IsIn(character) == !is_hidden(character));
    }
  }
  int shown = 0;
  for (uint32_t character = 0; character <= 0x10ffff; character += 7) {
    if (IsIn(character) == is_hidden(character)) FAIL(character);
    shown += is_hidden(character) ? 0 : 1;
  }
  CHECK(shown > 100'000);
}

TEST_CASE("a name is UTF-8 in its shortest form, not empty, within its bound, and without spaces around") {
  CHECK(IsPrintable("ada", 3));
  CHECK_FALSE(IsPrintable("adas", 3));
  CHECK(IsPrintable("\xc3\xa4", 2));
  CHECK_FALSE(IsPrintable("\xc3\xa4", 1));
  CHECK_FALSE(IsPrintable("", 3));
  CHECK(IsPrintable("a b", 3));
  for (const char* text :
       {" a", "a ", " ", "\xc3", "\xa4", "\xc0\xaf", "\xe0\x80\xaf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xe2\x82", "\xe2\x82\x41"}) {
    CAPTURE(text);
    CHECK_FALSE(IsPrintable(text, 100));
  }
}

}  // namespace
}  // namespace sallyport::gateway
