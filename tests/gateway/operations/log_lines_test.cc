// The log: lines that hold nobody up, and that say what they say whatever is in them.
#include "gateway/operations/log/log_lines.h"

#include <fcntl.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "gateway/operations/log/call_log.h"

namespace sallyport::gateway {
namespace {

using Json = nlohmann::json;

struct Pipe {
  Pipe() { REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0); }
  ~Pipe() {
    for (const int end : ends) close(end);
  }
  // What can be read by now.
  std::string ReadAll() const {
    std::string text;
    std::array<char, 4096> bytes = {};
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    for (ssize_t got = 0; (got = read(ends[0], bytes.data(), bytes.size())) > 0;) {
      text.append(bytes.data(), static_cast<size_t>(got));
    }
    return text;
  }
  std::array<int, 2> ends = {};
};

LineWriter::DroppedLine Dropped() {
  return [](uint64_t dropped) { return absl::StrCat(dropped, " dropped\n"); };
}

// What is logged as JSON while `log` runs, a document a line.
std::vector<Json> Logged(const std::function<void()>& log) {
  std::ostringstream out;
  const auto former = spdlog::default_logger();
  auto sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(out);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("log_lines_test", sink));
  sink->set_formatter(JsonLineFormatter());
  log();
  spdlog::set_default_logger(former);
  std::vector<Json> lines;
  for (const std::string& text : std::vector<std::string>(absl::StrSplit(out.str(), '\n', absl::SkipEmpty()))) {
    for (const char c : text) CHECK((c >= ' ' && c <= '~'));
    lines.push_back(Json::parse(text));
  }
  return lines;
}

}  // namespace

TEST_CASE("lines are written whole, in order") {
  const Pipe pipe;
  LineWriter writer(pipe.ends[1], {}, Dropped());
  std::string expected;
  for (int i = 0; i < 100; ++i) {
    writer.Write(absl::StrCat("line ", i, "\n"));
    absl::StrAppend(&expected, "line ", i, "\n");
  }
  writer.Close();
  CHECK(pipe.ReadAll() == expected);
  CHECK(writer.dropped() == 0);
}

TEST_CASE("a reader that does not read holds up neither those who log nor the end") {
  const Pipe pipe;
  LineWriter::Options options;
  options.most_bytes = 100'000;
  options.last_words = absl::Milliseconds(200);
  const absl::Time began = absl::Now();
  {
    LineWriter writer(pipe.ends[1], options, Dropped());
    for (int i = 0; i < 10'000; ++i) writer.Write(std::string(99, 'x') + "\n");
    // The pipe holds 64 KiB, and the writer as much as it may, and once more in hand.
    CHECK(writer.dropped() > 10'000 - 3'000);
  }
  CHECK(absl::Now() - began < absl::Seconds(10));
}

TEST_CASE("how many lines were dropped is told once there is room") {
  const Pipe pipe;
  LineWriter::Options options;
  options.most_bytes = 1000;
  LineWriter writer(pipe.ends[1], options, Dropped());
  std::string text;
  uint64_t lines = 0;
  while (writer.dropped() < 5) {
    writer.Write(std::string(99, 'x') + "\n");
    ++lines;
  }
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (text.find(" dropped\n") == std::string::npos && absl::Now() < until) {
    text += pipe.ReadAll();
    absl::SleepFor(absl::Milliseconds(2));
  }
  writer.Close();
  text += pipe.ReadAll();
  uint64_t written = 0;
  uint64_t told = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n', absl::SkipEmpty()))) {
    if (line[0] == 'x') {
      CHECK(line.size() == 99);
      ++written;
    } else {
      told += std::stoul(line);
    }
  }
  CHECK(told == writer.dropped());
  CHECK(written + told == lines);
}

TEST_CASE("a descriptor that cannot be written to is nobody's end") {
  const Pipe pipe;
  LineWriter writer(pipe.ends[0], {}, Dropped());  // the end that is read from
  writer.Write("lost\n");
  writer.Close();
  writer.Write("later\n");
  CHECK(writer.dropped() == 2);
}

TEST_CASE("a line of JSON is one object, whatever was said") {
  const std::string odd = "a \"quoted\" \\ line\nwith \x1b[31m, \xff and \xe2\x80\xae";
  const std::vector<Json> lines = Logged([&] {
    spdlog::info("{}", odd);
    spdlog::error("{}", std::string(100'000, 'x'));
  });
  REQUIRE(lines.size() == 2);
  CHECK(lines[0].size() == 3);
  CHECK(lines[0]["level"] == "info");
  CHECK(lines[0]["message"] == "a \"quoted\" \\ line\\nwith \\x1b[31m, \\xff and \\xe2\\x80\\xae");
  absl::Time time;
  std::string fault;
  CHECK(absl::ParseTime(absl::RFC3339_full, lines[0]["time"].get<std::string>(), &time, &fault));
  CHECK(absl::Now() - time < absl::Minutes(1));
  CHECK(lines[0]["time"].get<std::string>().back() == 'Z');
  CHECK(lines[1]["level"] == "error");
  CHECK(lines[1]["message"].get<std::string>().size() < 5000);
}

TEST_CASE("a call that keeps to former settings of the log breaks no line of it") {
  const std::vector<Json> lines = Logged([] {
    const CallLog log({.json = false, .calls = LogOptions::Calls::kAll, .level = ""});
    log.Tell({.id = "1j7xk2m9q4z", .method = "pay.Pay/\"Do\""});
  });
  REQUIRE(lines.size() == 1);
  CHECK(lines[0]["message"].get<std::string>().starts_with("call 1j7xk2m9q4z pay.Pay/\"Do\" by - from - to -: OK, "));
}

TEST_CASE("a call's line says what is known of it") {
  CallLine call;
  call.id = "1j7xk2m9q4z";
  call.method = "pay.Pay/Do";
  call.peer = "ipv4:10.0.0.7:5151";
  call.code = 5;
  call.status_message = "no\nsuch \"thing\"\x1b[2J" + std::string(10'000, 'y');
  call.ended = "completed";
  call.duration = absl::Microseconds(1500);
  call.request_frames = 1;
  call.response_bytes = 7;
  const auto tell = [&](LogOptions::Calls calls) {
    return Logged([&] {
      LogOptions options;
      options.json = true;
      options.calls = calls;
      const CallLog log(options);
      for (const int code : {0, 5}) {
        call.code = code;
        if (log.Wants(code)) log.Tell(call);
      }
    });
  };
  CHECK(tell(LogOptions::Calls::kOff).empty());
  CHECK(tell(LogOptions::Calls::kFailed).size() == 1);
  const std::vector<Json> all = tell(LogOptions::Calls::kAll);
  REQUIRE(all.size() == 2);
  CHECK(all[0]["status"] == "OK");
  const Json& line = all[1];
  CHECK(line["message"] == "call");
  CHECK(line["level"] == "info");
  CHECK(line["call"] == "1j7xk2m9q4z");
  CHECK(line["method"] == "pay.Pay/Do");
  CHECK(line["status"] == "NOT_FOUND");
  CHECK(line["status_code"] == 5);
  CHECK(line["duration_ms"] == 1.5);
  CHECK(line["request_frames"] == 1);
  CHECK(line["response_bytes"] == 7);
  CHECK(!line.contains("upstream"));
  CHECK(!line.contains("trace_id"));
  const auto said = line["status_message"].get<std::string>();
  CHECK(said.starts_with("no\\nsuch \"thing\"\\x1b[2J"));
  CHECK(said.size() < 700);
}

}  // namespace sallyport::gateway
