#include "gateway/files/file_watcher.h"

#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <sstream>
#include <string>

#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/tls/certificates.h"

namespace sallyport::testing {
namespace {

// What is logged while it lives.
class LogCapture {
 public:
  LogCapture() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::ostream_sink_mt>(text_));
    logger->set_pattern("%l %v");
    spdlog::set_default_logger(logger);
  }
  ~LogCapture() { spdlog::set_default_logger(before_); }

  std::string Take() {
    std::string text = text_.str();
    text_.str("");
    return text;
  }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

struct Watched {
  Watched() { WriteText(path, "0"); }

  void LookTwice() {
    files.Look();
    files.Look();
  }

  TemporaryDirectory directory;
  std::string path = directory.path() + "/a";
  std::string other = directory.path() + "/b";
  absl::Status answer;
  int reloads = 0;
  gateway::WatchedFiles files{"the thing", {path, other}, [this] {
                                ++reloads;
                                return answer;
                              }};
};

}  // namespace

TEST_CASE("files are read again when one changed, was replaced, appeared or vanished") {
  Watched watched;
  watched.files.Look();
  CHECK(watched.reloads == 1);
  watched.files.Look();
  CHECK(watched.reloads == 1);
  WriteText(watched.path, "01");
  watched.LookTwice();
  CHECK(watched.reloads == 2);
  // As secrets are replaced where they are mounted: the same size and time, and another file.
  const auto time = std::filesystem::last_write_time(watched.path);
  WriteText(watched.path + ".new", "02");
  std::filesystem::last_write_time(watched.path + ".new", time);
  std::filesystem::rename(watched.path + ".new", watched.path);
  watched.LookTwice();
  CHECK(watched.reloads == 3);
  WriteText(watched.other, "");
  watched.LookTwice();
  CHECK(watched.reloads == 4);
  std::filesystem::remove(watched.other);
  watched.LookTwice();
  CHECK(watched.reloads == 5);
  watched.files.Look();
  CHECK(watched.reloads == 5);
}

TEST_CASE("a file that is being written is left alone until it is still") {
  Watched watched;
  watched.files.Look();
  for (int i = 1; i <= 5; ++i) {
    WriteText(watched.path, std::string(i, 'x'));
    watched.files.Look();
    CHECK(watched.reloads == 1);
  }
  watched.files.Look();
  CHECK(watched.reloads == 2);
  watched.files.Look();
  CHECK(watched.reloads == 2);
}

TEST_CASE("what cannot be read is tried again, and complained about once") {
  LogCapture log;
  Watched watched;
  watched.files.Look();
  CHECK(log.Take().empty());
  watched.answer = absl::InvalidArgumentError("a is broken");
  WriteText(watched.path, "broken");
  for (int i = 0; i < 6; ++i) watched.files.Look();
  CHECK(watched.reloads == 6);
  CHECK(log.Take() == "error the thing changed and is not in order; what was read before stays in use: a is broken\n");
  watched.answer = absl::InvalidArgumentError("b is broken");
  watched.files.Look();
  watched.files.Look();
  CHECK(log.Take() == "error the thing changed and is not in order; what was read before stays in use: b is broken\n");
  watched.answer = absl::OkStatus();
  watched.files.Look();
  watched.files.Look();
  CHECK(log.Take() == "info the thing changed and was read again\n");
  CHECK(watched.reloads == 9);
  // The next trouble is told again, be it the same.
  watched.answer = absl::InvalidArgumentError("b is broken");
  WriteText(watched.path, "broken again");
  watched.LookTwice();
  CHECK(log.Take().starts_with("error"));
}

TEST_CASE("a watcher looks at once and stops at once") {
  TemporaryDirectory directory;
  std::promise<void> looked;
  std::vector<gateway::WatchedFiles> files;
  files.emplace_back("the thing", std::vector<std::string>{directory.path()}, [&] {
    looked.set_value();
    return absl::OkStatus();
  });
  const gateway::FileWatcher watcher(std::move(files), absl::Hours(24));
  CHECK(looked.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
}

}  // namespace sallyport::testing
