// What the writer of the log does where it cannot go on as usual: without space, without keys, on a disk that fails.
#include "recorder/log/log_writer.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/recorder/faulty_files.h"
#include "tests/recorder/log_fixture.h"

namespace sallyport::recorder {
namespace {

TEST_CASE("space that cannot be had is told, and what was taken before can still be written") {
  TemporaryDirectory directory;
  FaultyFiles files;
  FakeKeys keys;
  const StoreLayout layout(directory.store());
  for (const std::string& path : {layout.directory(), layout.LogDirectory(), layout.TreeDirectory()}) {
    REQUIRE(files.EnsureDirectory(path).ok());
  }
  LogWriter::Options options;
  options.segment_bytes = 1000;
  options.space_ahead = 4000;
  LogWriter writer(layout, options, files, keys, LogWriter::Start());
  REQUIRE(writer.Open(absl::UnixEpoch()).ok());
  files.SetJudge(
      [](Operation operation, const std::string&) { return operation == Operation::kAllocate ? ENOSPC : 0; });
  CHECK(absl::IsResourceExhausted(writer.Reserve(100'000)));
  CHECK(writer.Reserve(2000).ok());
  // The segment is full by its size, but there is no space for another: it goes on.
  const std::string entry = Entries({std::string(100, 'e')});
  const std::vector<CallEntries> group = {{1, entry, 1, false}};
  for (int i = 0; i < 10; ++i) REQUIRE(writer.Append(group, absl::UnixEpoch()).ok());
  CHECK(writer.end().segment() == 1);
  CHECK(writer.end().offset() > 1000);
  files.SetJudge(nullptr);
  REQUIRE(writer.Append(group, absl::UnixEpoch()).ok());
  CHECK(writer.end().segment() == 2);
  REQUIRE(writer.Close(absl::UnixEpoch()).ok());
}

TEST_CASE("once a segment could not be ended or begun for want of space, nothing is written any more") {
  // Space is taken ahead, but not every file system keeps what it promised.
  for (int failing = 0;; ++failing) {
    INFO("operation " << failing);
    TemporaryDirectory directory;
    Log log(directory.store());
    FaultyFiles files;
    LogWriter::Options options;
    options.segment_bytes = 300;
    options.space_ahead = 1000;
    LogWriter writer(log.layout, options, files, log.keys, {2, 1, {}, {}});
    REQUIRE(writer.Open(absl::UnixEpoch()).ok());
    const std::string entries = Entries({std::string(100, 'x')});
    const std::vector<CallEntries> group = {{1, entries, 1, false}};
    REQUIRE(writer.Append(group, absl::UnixEpoch()).ok());
    int operation = 0;
    bool prepared = false;
    files.SetJudge([&](Operation kind, const std::string&) {
      if (operation++ != failing) return 0;
      prepared = kind == Operation::kCreate || kind == Operation::kAllocate || kind == Operation::kRemove;
      return ENOSPC;
    });
    const auto appended = writer.Append(group, absl::UnixEpoch());
    if (operation <= failing) break;
    // Before anything was done to it the present segment goes on; afterwards there is no telling what is on disk.
    CHECK(appended.ok() == prepared);
    if (appended.ok()) CHECK(appended->position.segment() == 2);
  }
}

TEST_CASE("a write that the system cuts short is an error, and what came through of it is no more than a beginning") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/file";
  std::string bytes(10'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 251);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // pwrite takes what fits below the limit, and only then says that no more does.
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {7'000, 7'000};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(1);
    const auto file = RealFileSystem().Create(path);
    if (!file.ok()) _exit(2);
    if ((*file)->Write(0, bytes).ok()) _exit(3);
    _exit(absl::IsResourceExhausted((*file)->Allocate(0, 8'000)) ? 0 : 4);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  CHECK(ReadFile(path) == bytes.substr(0, 7'000));
}

TEST_CASE("while no data key can be made the segment goes on, and the next is begun once one can") {
  TemporaryDirectory directory;
  Log log(directory.store(), 300, 5000);
  const auto append = [&](absl::Time now) {
    const std::string entries = Entries({std::string(100, 'x')});
    const std::vector<CallEntries> group = {{1, entries, 1, false}};
    return log.writer->Append(group, now);
  };
  const absl::Time start = absl::UnixEpoch();
  log.keys.PutOutOfReach(true);
  for (int i = 0; i < 10; ++i) REQUIRE(append(start)->position.segment() == 1);
  CHECK(absl::IsUnavailable(log.writer->next_segment()));
  // It is not asked with each block: a key command may take half a minute to fail.
  CHECK(log.keys.asked() == 2);
  REQUIRE(append(start + absl::Seconds(59)).ok());
  CHECK(log.keys.asked() == 2);
  REQUIRE(append(start + absl::Seconds(60)).ok());
  CHECK(log.keys.asked() == 3);
  SECTION("it comes back") {
    log.keys.PutOutOfReach(false);
    REQUIRE(append(start + absl::Seconds(61))->position.segment() == 1);
    REQUIRE(append(start + absl::Seconds(120))->position.segment() == 2);
    CHECK(log.writer->next_segment().ok());
    CHECK(Bodies(log, OnDamage::kStop).first.size() == 14);
  }
  SECTION("it comes back, and a new segment is asked for") {
    log.keys.PutOutOfReach(false);
    REQUIRE(log.writer->BeginNextSegment(start + absl::Seconds(61)).ok());
    CHECK(log.writer->next_segment().ok());
    CHECK(append(start + absl::Seconds(61))->position.segment() == 2);
  }
  SECTION("it never does: the segment does not grow for ever") {
    absl::Status status;
    int blocks = 0;
    for (; status.ok() && blocks < 100; ++blocks) status = append(start + absl::Seconds(61)).status();
    CHECK(absl::IsUnavailable(status));
    CHECK(blocks < 20);
    INFO(status);
    CHECK(std::string(status.message()).find("segment 1 is as large as one can be") != std::string::npos);
    CHECK(std::string(status.message()).find("the keyring is away") != std::string::npos);
    // What is in it stays readable, and it can be ended.
    CHECK(log.writer->Close(start).ok());
    CHECK(Bodies(log, OnDamage::kStop).first.size() == static_cast<size_t>(12 + blocks - 1));
  }
}

}  // namespace
}  // namespace sallyport::recorder
