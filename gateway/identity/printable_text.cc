#include "gateway/identity/printable_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sallyport::gateway {
namespace {

struct Range {
  uint32_t first;
  uint32_t last;
};

// Characters of Unicode's categories Cc, Cf, Zs, Zl and Zp, but for the space; fillers that show nothing; variation
// selectors; noncharacters of the basic plane. Sorted.
constexpr std::array<Range, 35> kHidden = {{
    {0x00, 0x1f},       {0x7f, 0xa0},       {0xad, 0xad},       {0x34f, 0x34f},       {0x600, 0x605},
    {0x61c, 0x61c},     {0x6dd, 0x6dd},     {0x70f, 0x70f},     {0x890, 0x891},       {0x8e2, 0x8e2},
    {0x115f, 0x1160},   {0x1680, 0x1680},   {0x17b4, 0x17b5},   {0x180b, 0x180f},     {0x2000, 0x200f},
    {0x2028, 0x202f},   {0x205f, 0x206f},   {0x2800, 0x2800},   {0x3000, 0x3000},     {0x3164, 0x3164},
    {0xd800, 0xdfff},   {0xfdd0, 0xfdef},   {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},     {0xffa0, 0xffa0},
    {0xfff0, 0xfffb},   {0x110bd, 0x110bd}, {0x110cd, 0x110cd}, {0x13430, 0x1343f},   {0x1bca0, 0x1bca3},
    {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff}, {0xf0000, 0xfffff}, {0x100000, 0x10ffff}, {0x110000, 0xffffffff},
}};

bool IsHidden(uint32_t character) {
  if ((character & 0xfffe) == 0xfffe) return true;
  const auto* range = std::lower_bound(kHidden.begin(), kHidden.end(), character,
                                       [](const Range& candidate, uint32_t value) { return candidate.last < value; });
  return range != kHidden.end() && range->first <= character;
}

// Takes the next character off the front of UTF-8 that is in its shortest form; false if it is not.
bool TakeCharacter(std::string_view& text, uint32_t& character) {
  const auto lead = static_cast<unsigned char>(text.front());
  const size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (length == 0 || text.size() < length) return false;
  character = length == 1 ? lead : lead & (0x7fU >> length);
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return false;
    character = character << 6 | (next & 0x3f);
  }
  constexpr std::array<uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  text.remove_prefix(length);
  return character >= kLeast[length];
}

}  // namespace

bool IsPrintable(std::string_view text, size_t most) {
  if (text.empty() || text.size() > most || text.front() == ' ' || text.back() == ' ') return false;
  while (!text.empty()) {
    uint32_t character = 0;
    if (!TakeCharacter(text, character) || IsHidden(character)) return false;
  }
  return true;
}

}  // namespace sallyport::gateway
