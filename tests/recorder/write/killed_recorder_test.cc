// What is there after the gateway was killed.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/write/filled_store.h"

namespace sallyport::recorder {
namespace {

// Appends calls from several threads until killed: some short, some left open. Each durable end's id goes to the pipe.
[[noreturn]] void AppendUntilKilled(const std::string& store, int acknowledged) {
  RecorderOptions options;
  options.directory = store;
  options.segment_bytes = 50'000;
  auto recorder = Recorder::Open(options);
  if (!recorder.ok()) _exit(3);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int n = 0;; ++n) {
        const absl::Time now = absl::Now();
        const uint64_t id = (*recorder)->NewCallId(now);
        if (n % 7 == 0) {
          EntryBatch open = (*recorder)->NewBatch(id);
          open.AddStart(now, StartOf("/a.B/Open"));
          open.AddFrame(now, Direction::kRequest, 0, false, {"frame"});
          (*recorder)->Append(std::move(open), Until::kAccepted, nullptr);
          continue;
        }
        EntryBatch call = UnaryCall(**recorder, id, now, i % 2 == 0 ? "/a.B/Even" : "/a.B/Odd", n % 3);
        if (!AppendDurably(**recorder, std::move(call)).ok()) _exit(4);
        if (write(acknowledged, &id, sizeof(id)) != sizeof(id)) _exit(5);
      }
    });
  }
  while (true) pause();
}

// Lets a child append until so many calls were acknowledged, kills it, and returns the ids.
std::vector<uint64_t> AppendAndKill(const std::string& store, size_t calls) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    close(ends[0]);
    AppendUntilKilled(store, ends[1]);
  }
  close(ends[1]);
  std::vector<uint64_t> ids;
  uint64_t id = 0;
  bool killed = false;
  while (read(ends[0], &id, sizeof(id)) == sizeof(id)) {
    ids.push_back(id);
    if (ids.size() >= calls && !killed) {
      kill(child, SIGKILL);
      killed = true;
    }
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  REQUIRE(WIFSIGNALED(status));
  return ids;
}

TEST_CASE(
    "after kill -9 every acknowledged call is there once, open ones are interrupted, and a rebuilt index is equal") {
  TemporaryDirectory directory;
  std::set<uint64_t> acknowledged;
  for (size_t cycle = 0; cycle < 4; ++cycle) {
    for (uint64_t id : AppendAndKill(directory.store(), 40 + 150 * cycle)) {
      INFO("cycle " << cycle);
      CHECK(acknowledged.insert(id).second);
    }
    // Once read as it was left, once recovered.
    for (const bool recover : {false, true}) {
      if (recover) REQUIRE(Recorder::Open({directory.store()}).ok());
      auto reader = RecordReader::Open(directory.store());
      REQUIRE(reader.ok());
      CallQuery query;
      query.limit = 1'000'000;
      auto calls = (*reader)->Calls(query);
      REQUIRE(calls.ok());
      std::map<uint64_t, CallSummary> by_id;
      for (const CallSummary& call : *calls) CHECK(by_id.emplace(call.id, call).second);
      for (uint64_t id : acknowledged) {
        REQUIRE(by_id.count(id) == 1);
        CHECK(by_id[id].end_reason == v1::END_REASON_COMPLETED);
      }
      size_t interrupted = 0;
      for (const CallSummary& call : *calls) {
        CHECK(call.end_reason != v1::END_REASON_UNSPECIFIED);
        if (call.method != "a.B/Open") continue;
        ++interrupted;
        CHECK(call.end_reason == v1::END_REASON_INTERRUPTED);
        CHECK(call.status_code == 14);
        if (recover) CHECK(call.request_bytes == 5);
        CHECK(EntriesOf(**reader, call.id).size() >= 2);
      }
      CHECK(interrupted > 0);
      CHECK(EntriesOf(**reader, *acknowledged.rbegin()).size() == 6);
      reader->reset();
      CheckRebuildGivesTheSame(directory.store());
    }
  }
}

}  // namespace
}  // namespace sallyport::recorder
