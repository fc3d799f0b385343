#include "gateway/log_text.h"

#include <spdlog/pattern_formatter.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "protos/visible_text.h"

namespace sallyport::gateway {
namespace {

constexpr char kPattern[] = "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %*";

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
    const Character character = FirstCharacter(text);
    if (character.valid && !IsHidden(character.point)) {
      out.append(text.data(), character.bytes);
    } else if (text[0] == '\n' || text[0] == '\r' || text[0] == '\t') {
      out += text[0] == '\n' ? "\\n" : text[0] == '\r' ? "\\r" : "\\t";
    } else {
      for (size_t i = 0; i < character.bytes; ++i)
        absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(text[i]));
    }
    text.remove_prefix(character.bytes);
  }
  return out;
}

std::unique_ptr<spdlog::formatter> LogLineFormatter() {
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<EscapedMessage>('*').set_pattern(kPattern);
  return formatter;
}

}  // namespace sallyport::gateway
