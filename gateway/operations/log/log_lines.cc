#include "gateway/operations/log/log_lines.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gateway/log_text.h"

namespace sallyport::gateway {
namespace {

using Json = nlohmann::json;

constexpr char kReset[] = "\x1b[m";

std::string Quoted(std::string_view text) {
  return Json(std::string(text)).dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

std::string_view LevelName(spdlog::level::level_enum level) {
  const auto name = spdlog::level::to_string_view(level);
  return {name.data(), name.size()};
}

// `members`: further ones, each with a comma before it.
std::string JsonLine(absl::Time time, std::string_view level, std::string_view message, std::string_view members) {
  const std::string when = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
  const auto plain = [](std::string_view text) { return absl::string_view(text.data(), text.size()); };
  return absl::StrCat("{\"time\":\"", when, "\",\"level\":\"", plain(level), "\",\"message\":", Quoted(message),
                      plain(members), "}\n");
}

std::string DroppedLine(bool json, uint64_t dropped) {
  const std::string text = absl::StrCat(dropped, " lines of the log were dropped: nobody read them in time");
  if (json) return JsonLine(absl::Now(), "warning", text, absl::StrCat(",\"dropped\":", dropped));
  return absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3S", absl::Now(), absl::LocalTimeZone()), " warning ", text,
                      "\n");
}

class JsonFormatter final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& line) override {
    const std::string_view payload(message.payload.data(), message.payload.size());
    const std::string_view logger(message.logger_name.data(), message.logger_name.size());
    const absl::Time time =
        absl::FromChrono(std::chrono::time_point_cast<std::chrono::system_clock::duration>(message.time));
    // A call that began before the log was of this form says it in the other one.
    const bool members = logger == kCallLogger && payload.starts_with(",\"");
    const std::string text = members ? JsonLine(time, LevelName(message.level), "call", payload)
                                     : JsonLine(time, LevelName(message.level), LogText(payload), "");
    line.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<JsonFormatter>(); }
};

class LineWriterSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  LineWriterSink(std::shared_ptr<LineWriter> writer, bool coloured) : writer_(std::move(writer)), coloured_(coloured) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    // Of the formatter that was set last, which may have no colours.
    message.color_range_start = 0;
    message.color_range_end = 0;
    formatter_->format(message, line);
    std::string text(line.data(), line.size());
    if (coloured_ && message.color_range_end > message.color_range_start) {
      text.insert(message.color_range_end, kReset);
      text.insert(message.color_range_start, ColourOf(message.level));
    }
    writer_->Write(std::move(text));
  }
  void flush_() override {}

  static const char* ColourOf(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::warn:
        return "\x1b[33m\x1b[1m";
      case spdlog::level::err:
      case spdlog::level::critical:
        return "\x1b[31m\x1b[1m";
      case spdlog::level::info:
        return "\x1b[32m";
      default:
        return "\x1b[36m";
    }
  }

  const std::shared_ptr<LineWriter> writer_;
  const bool coloured_;
};

}  // namespace

std::unique_ptr<spdlog::formatter> JsonLineFormatter() { return std::make_unique<JsonFormatter>(); }

spdlog::sink_ptr LineSink(std::shared_ptr<LineWriter> writer, bool coloured) {
  return std::make_shared<LineWriterSink>(std::move(writer), coloured);
}

ProcessLog::ProcessLog(int descriptor)
    : lines_(std::make_shared<LineWriter>(descriptor, LineWriter::Options(),
                                          [json = json_](uint64_t dropped) { return DroppedLine(*json, dropped); })) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("sallyportd", LineSink(lines_, isatty(descriptor) == 1)));
  Apply({}, "");
}

void ProcessLog::Apply(const LogOptions& options, const std::string& level) {
  json_->store(options.json);
  spdlog::set_formatter(options.json ? JsonLineFormatter() : LogLineFormatter());
  const std::string& wanted = level.empty() ? options.level : level;
  spdlog::set_level(wanted.empty() ? spdlog::level::info : spdlog::level::from_str(wanted));
}

}  // namespace sallyport::gateway
