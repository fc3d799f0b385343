#include "gateway/log_text.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <sstream>

namespace sallyport::gateway {

TEST_CASE("text of strangers is escaped for the log") {
  CHECK(LogText("upstream u: no route; it's 5 % \"over\"") == "upstream u: no route; it's 5 % \"over\"");
  CHECK(LogText("größer ✓") == "größer ✓");
  CHECK(LogText("a\nb\r\tc") == "a\\nb\\r\\tc");
  CHECK(LogText("\x1b[31mred\x07") == "\\x1b[31mred\\x07");
  CHECK(LogText(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(LogText("\x7f") == "\\x7f");
  CHECK(LogText("\xc2\x9b"
                "31m") == "\\xc2\\x9b31m");  // CSI as one character
  CHECK(LogText("\xe2\x80\xae"
                "x") == "\\xe2\\x80\\xaex");  // right to left from here
  CHECK(LogText("\xe2\x80\xa8"
                "x") == "\\xe2\\x80\\xa8x");                     // a separator of lines
  CHECK(LogText("\xff\xc3") == "\\xff\\xc3");                    // no UTF-8
  CHECK(LogText("\xc0\x8a") == "\\xc0\\x8a");                    // a line feed, overlong
  CHECK(LogText("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // a surrogate
  CHECK(LogText("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // behind the last character
}

TEST_CASE("every byte becomes something that can be printed, and long text is cut") {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string text = {static_cast<char>(first), static_cast<char>(second), 'x'};
      for (const char c : LogText(text)) CHECK((static_cast<unsigned char>(c) >= 0x20 && c != 0x7f));
    }
  }
  CHECK(LogText(std::string(4096, 'a')) == std::string(4096, 'a'));
  CHECK(LogText(std::string(5000, 'a')) == std::string(4096, 'a') + "… (904 bytes more)");
  CHECK(LogText(std::string(1 << 20, '\n')).size() < 4200);
}

TEST_CASE("a message is one line of the log, whatever is in it") {
  std::ostringstream out;
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out);
  spdlog::logger logger("test", sink);
  logger.set_formatter(LogLineFormatter());
  logger.warn("upstream {}: {}", "u", "gone\n2026-01-01T00:00:00.000 info all is well\x1b[2J");
  const std::string line = out.str();
  CHECK(std::count(line.begin(), line.end(), '\n') == 1);
  CHECK(line.back() == '\n');
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK(line.find(" warning upstream u: gone\\n2026-01-01") != std::string::npos);
}

}  // namespace sallyport::gateway
