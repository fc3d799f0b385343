#include "gateway/operations/log/call_log.h"

#include <spdlog/spdlog.h>

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "gateway/log_text.h"
#include "gateway/operations/log/log_lines.h"

namespace sallyport::gateway {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostText = 512;
constexpr std::array kStatusNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

// Upstreams may send what gRPC has no name for.
std::string StatusName(int code) {
  if (code < 0 || static_cast<size_t>(code) >= kStatusNames.size()) return absl::StrCat("CODE_", code);
  return kStatusNames[static_cast<size_t>(code)];
}

std::string Short(const std::string& text) { return LogText(text, kMostText); }

// The members, each with a comma before it.
std::string JsonMembers(const CallLine& line) {
  Json json;
  const auto add_text = [&json](const char* name, const std::string& text) {
    if (!text.empty()) json[name] = Short(text);
  };
  add_text("call", line.id);
  add_text("method", line.method);
  add_text("identity", line.identity);
  add_text("peer", line.peer);
  add_text("upstream", line.upstream);
  json["status"] = StatusName(line.code);
  json["status_code"] = line.code;
  add_text("status_message", line.status_message);
  json["ended"] = line.ended;
  json["duration_ms"] = absl::ToDoubleMilliseconds(line.duration);
  json["request_frames"] = line.request_frames;
  json["response_frames"] = line.response_frames;
  json["request_bytes"] = line.request_bytes;
  json["response_bytes"] = line.response_bytes;
  add_text("trace_id", line.trace_id);
  std::string text = json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  text.front() = ',';
  text.pop_back();
  return text;
}

std::string Text(const CallLine& line) {
  const auto or_dash = [](const std::string& text) { return text.empty() ? std::string("-") : Short(text); };
  std::string text = absl::StrCat(
      "call ", or_dash(line.id), " ", or_dash(line.method), " by ", or_dash(line.identity), " from ",
      or_dash(line.peer), " to ", or_dash(line.upstream), ": ", StatusName(line.code), ", ", line.ended, " in ",
      absl::FormatDuration(absl::Trunc(line.duration, absl::Microseconds(1))), ", ", line.request_frames, " frames (",
      line.request_bytes, " bytes) up, ", line.response_frames, " (", line.response_bytes, ") down");
  if (!line.trace_id.empty()) absl::StrAppend(&text, ", trace ", line.trace_id);
  if (!line.status_message.empty()) absl::StrAppend(&text, ": ", Short(line.status_message));
  return text;
}

}  // namespace

CallLog::CallLog(const LogOptions& options)
    : json_(options.json),
      calls_(options.calls),
      logger_(std::make_shared<spdlog::logger>(kCallLogger, spdlog::default_logger()->sinks().begin(),
                                               spdlog::default_logger()->sinks().end())) {
  // Whoever asks for lines of calls gets them, whatever else is logged.
  logger_->set_level(spdlog::level::trace);
}

void CallLog::Tell(const CallLine& line) const {
  logger_->log(spdlog::level::info, json_ ? JsonMembers(line) : Text(line));
}

}  // namespace sallyport::gateway
