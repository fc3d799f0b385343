#include "gateway/log_text.h"

#include <spdlog/pattern_formatter.h>

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sallyport::gateway {
namespace {

constexpr char kPattern[] = "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %*";

struct Character {
  uint32_t point = 0;
  size_t bytes = 0;  // 0: no UTF-8
};

// The first character of text that is not empty. Only the shortest form of a point counts as UTF-8.
Character FirstOf(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < bytes) return {};
  uint32_t point = lead & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return {};
    point = point << 6 | (next & 0x3f);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (point < kLeast[bytes] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) return {};
  return {point, bytes};
}

// Acts on a terminal or cannot be seen: controls, soft hyphens, zero widths, separators of lines, directions, tags.
bool IsHidden(uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point <= 0x9f) || point == 0xad || point == 0x61c ||
         (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
         (point >= 0x2060 && point <= 0x206f) || point == 0xfeff || (point >= 0xfff9 && point <= 0xfffb) ||
         (point >= 0xe0000 && point <= 0xe0fff);
}

class EscapedMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/, spdlog::memory_buf_t& line) override {
    const std::string text = LogText({message.payload.data(), message.payload.size()});
    line.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override { return std::make_unique<EscapedMessage>(); }
};

}  // namespace

std::string LogText(std::string_view text, size_t most) {
  std::string out;
  while (!text.empty()) {
    if (out.size() >= most) {
      absl::StrAppend(&out, "… (", text.size(), " bytes more)");
      break;
    }
    const Character character = FirstOf(text);
    const size_t bytes = character.bytes == 0 ? 1 : character.bytes;
    if (character.bytes != 0 && !IsHidden(character.point)) {
      out.append(text.data(), bytes);
    } else if (text[0] == '\n' || text[0] == '\r' || text[0] == '\t') {
      out += text[0] == '\n' ? "\\n" : text[0] == '\r' ? "\\r" : "\\t";
    } else {
      for (size_t i = 0; i < bytes; ++i) absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(text[i]));
    }
    text.remove_prefix(bytes);
  }
  return out;
}

std::unique_ptr<spdlog::formatter> LogLineFormatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<EscapedMessage>('*').set_pattern(kPattern);
  return formatter;
}

}  // namespace sallyport::gateway
