// The power fails after every change of the disk, and of what was not synced by then anything may be missing: each time
// the next start finds all that was promised, and what it finds is in order.
#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "recorder/format/data_key_state.h"
#include "recorder/keys/key_admin.h"
#include "recorder/log/descriptor_archive.h"
#include "recorder/log/segment_reader.h"
#include "recorder/verify/verifier.h"
#include "recorder/write/legal_holds.h"
#include "recorder/write/log_recorder.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/write/crashing_files.h"

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostStates = 12;  // at each point
constexpr char kVersion[] = "0123456789abcdef";

// What marks say.
constexpr char kAcknowledged[] = "acknowledged";
constexpr char kDescriptors[] = "descriptors";
constexpr char kHold[] = "hold";
constexpr char kShredded[] = "shredded";
constexpr char kCheckpoint[] = "checkpoint ";  // and the note

// What was promised by the time the power failed.
struct Promised {
  std::set<uint64_t> acknowledged;  // calls that are whole in the record
  std::set<uint64_t> shredded;      // segments
  bool descriptors = false;
  bool hold = false;
  std::string checkpoint;  // the last one that went out; empty if none did

  void Take(const Change& mark) {
    if (mark.path == kAcknowledged) acknowledged.insert(mark.offset);
    if (mark.path == kShredded) shredded.insert(mark.offset);
    descriptors = descriptors || mark.path == kDescriptors;
    hold = hold || mark.path == kHold;
    if (absl::StartsWith(mark.path, kCheckpoint)) checkpoint = mark.path.substr(sizeof(kCheckpoint) - 1);
  }
};

// Notes each checkpoint that goes out.
class MarkingSink : public CheckpointSink {
 public:
  explicit MarkingSink(NotingFiles& files) : files_(files) {}
  const std::string& name() const override { return name_; }
  absl::Status Publish(const SignedCheckpoint& checkpoint, CheckpointSource&) override {
    files_.Mark(absl::StrCat(kCheckpoint, checkpoint.note));
    return absl::OkStatus();
  }

 private:
  NotingFiles& files_;
  const std::string name_ = "marks";
};

RecorderOptions OptionsFor(const std::string& store) {
  RecorderOptions options;
  options.directory = store;
  options.segment_bytes = 2'000;  // so that some segments are begun
  options.checkpoint_interval = absl::Milliseconds(1);
  return options;
}

// What a gateway does; each promise is marked.
void RecordCalls(const std::string& store, NotingFiles& files, int calls) {
  RecorderOptions options = OptionsFor(store);
  options.checkpoint_sinks = {std::make_shared<MarkingSink>(files)};
  auto recorder = OpenLogRecorder(options, files);
  INFO(recorder.status());
  REQUIRE(recorder.ok());
  REQUIRE((*recorder)->KeepDescriptors(kVersion, "a set").ok());
  files.Mark(kDescriptors);
  for (int i = 0; i < calls; ++i) {
    const uint64_t id = (*recorder)->NewCallId(absl::Now());
    if (i % 5 == 4) {
      EntryBatch open = (*recorder)->NewBatch(id);
      open.AddStart(absl::Now(), StartOf("/a.B/Open"));
      (*recorder)->Append(std::move(open), Until::kAccepted, nullptr);
      continue;
    }
    REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/C")).ok());
    files.Mark(kAcknowledged, id);
  }
}

// One store, at whose place states of the disk are put.
class Machine {
 public:
  Machine() { spdlog::set_level(spdlog::level::off); }
  ~Machine() { spdlog::set_level(spdlog::level::info); }

  const std::string& root() const { return directory_.path(); }
  std::string store() const { return directory_.store(); }
  StoreLayout layout() const { return StoreLayout(store()); }

  void Put(const Files& files) const {
    for (const auto& entry : fs::directory_iterator(root())) fs::remove_all(entry.path());
    PutFiles(root(), files);
  }

  // Fails the power after each change, and checks each state that the disk may then hold. `promised` is what held
  // before. Returns how many states there were.
  size_t FailAfterEach(const NotingFiles& files, const Promised& before,
                       const std::function<void(const Promised&)>& check) const {
    std::mt19937 random(1);
    Disk disk(files);
    Promised promised = before;
    size_t states = 0;
    const std::vector<Change> changes = files.changes();
    for (size_t i = 0; i < changes.size(); ++i) {
      disk.Apply(changes[i]);
      promised.Take(changes[i]);
      // A promise after a change is checked with it.
      if (i + 1 < changes.size() && changes[i + 1].kind == Change::Kind::kMark) continue;
      disk.ForEachState(kMostStates, random, [&](const Files& state) {
        INFO("the power fails after change " << i << " of " << changes.size() << ", " << changes[i].path << " "
                                             << changes[i].to);
        ++states;
        Put(state);
        check(promised);
      });
    }
    return states;
  }

  // What every state has to keep.
  void CheckKept(const Promised& promised) const {
    {
      auto recorder = Recorder::Open(OptionsFor(store()));
      INFO(recorder.status());
      REQUIRE(recorder.ok());
      REQUIRE((*recorder)->Stats().damages == 0);
    }
    auto keys = StoreKeys::Open(layout(), std::nullopt);
    REQUIRE(keys.ok());
    auto reader = RecordReader::Open(store());
    REQUIRE(reader.ok());
    for (const uint64_t id : promised.acknowledged) {
      INFO("call " << id);
      const auto call = (*reader)->Call(id);
      REQUIRE(call.ok());
      if (!promised.shredded.empty() && call->shredded) continue;
      REQUIRE(call->end_reason == v1::END_REASON_COMPLETED);
      REQUIRE(EntriesOf(**reader, id).size() == 6);
    }
    if (promised.descriptors) {
      const auto kept = ReadDescriptors(layout(), **keys, kVersion);
      INFO(kept.status());
      REQUIRE(kept.ok());
      REQUIRE(*kept == "a set");
    }
    const auto holds = LegalHoldList::Load(layout(), **keys);
    REQUIRE(holds.ok());
    if (promised.hold) REQUIRE(holds->holds().size() == 1);
    for (const uint64_t segment : promised.shredded) {
      REQUIRE(StateOfDataKey(layout(), segment) == DataKeyState::kDestroyed);
    }
    CheckVerifies(**keys, promised);
  }

 private:
  void CheckVerifies(StoreKeys& keys, const Promised& promised) const {
    VerifyOptions options;
    options.directory = store();
    options.keys = &keys;
    options.against = promised.checkpoint;
    const auto report = VerifyStore(options);
    REQUIRE(report.ok());
    for (const Finding& finding : report->findings) {
      INFO(finding.Line());
      REQUIRE(finding.weight == Finding::Weight::kNote);
    }
    REQUIRE(report->verified());
    REQUIRE(report->against_holds == !promised.checkpoint.empty());
  }

  TemporaryDirectory directory_;
};

TEST_CASE("whenever the power fails while calls are recorded, everything that was promised is there afterwards") {
  const Machine machine;
  NotingFiles files(machine.root());
  RecordCalls(machine.store(), files, 12);
  const size_t states =
      machine.FailAfterEach(files, {}, [&](const Promised& promised) { machine.CheckKept(promised); });
  CHECK(states > 200);
}

TEST_CASE("whenever the power fails while a torn log is recovered, the next start recovers it") {
  const Machine machine;
  Files torn;
  Promised before;
  {
    NotingFiles files(machine.root());
    RecordCalls(machine.store(), files, 8);
    // Somewhere in the second half a block has arrived in part, behind others.
    Disk disk(files);
    const std::vector<Change> changes = files.changes();
    std::mt19937 random(2);
    for (size_t i = 0; i < changes.size(); ++i) {
      disk.Apply(changes[i]);
      before.Take(changes[i]);
      const bool block =
          changes[i].kind == Change::Kind::kWrite && changes[i].bytes.size() > 300 && i > changes.size() / 2;
      if (!block) continue;
      // The last that is looked at has lost some of it and has some.
      disk.ForEachState(kMostStates, random, [&](const Files& state) { torn = state; });
      machine.Put(torn);
      auto keys = StoreKeys::Open(machine.layout(), std::nullopt);
      REQUIRE(keys.ok());
      VerifyOptions options;
      options.directory = machine.store();
      options.keys = keys->get();
      const auto report = VerifyStore(options);
      REQUIRE(report.ok());
      const bool is_torn = std::any_of(report->findings.begin(), report->findings.end(), [](const Finding& finding) {
        return absl::StartsWith(finding.file, "log/") && finding.length > 0;
      });
      if (is_torn) break;
    }
  }
  machine.Put(torn);
  NotingFiles files(machine.root());
  RecordCalls(machine.store(), files, 2);
  const size_t states =
      machine.FailAfterEach(files, before, [&](const Promised& promised) { machine.CheckKept(promised); });
  CHECK(states > 50);
}

TEST_CASE("whenever the power fails while keys are rotated and destroyed and a hold is placed, nothing else is lost") {
  const Machine machine;
  Promised before;
  {
    NotingFiles files(machine.root());
    RecordCalls(machine.store(), files, 10);
    for (const Change& change : files.changes()) before.Take(change);
  }
  fs::remove_all(machine.layout().IndexDirectory());
  NotingFiles files(machine.root());
  const StoreLayout layout = machine.layout();
  const std::string destroyed = *ReadWholeFile(layout.DataKey(1), 1 << 20);
  {
    auto keys = StoreKeys::Open(layout, std::nullopt);
    REQUIRE(keys.ok());
    LegalHoldList holds = *LegalHoldList::Load(layout, **keys);
    REQUIRE(holds.Add({0, 0, "https://idp.test#alice", "a trial", absl::Now()}).ok());
    REQUIRE(holds.Save(layout, **keys, files).ok());
  }
  files.Mark(kHold);
  REQUIRE(RotateKeyring(layout, std::nullopt, absl::Now(), files).ok());
  REQUIRE(RewrapKeys(layout, std::nullopt, UnusedKeys::kDrop, files, [](uint64_t, uint64_t) {}).ok());
  const std::string rewrapped = *ReadWholeFile(layout.DataKey(1), 1 << 20);
  REQUIRE(rewrapped != destroyed);
  REQUIRE(ShredSegment(layout, 1, files).ok());
  files.Mark(kShredded, 1);
  bool may_be_shredded = false;
  const size_t states = machine.FailAfterEach(files, before, [&](Promised promised) {
    // Once it is begun it may have come true; once it is promised the key is nowhere.
    for (const auto& [path, bytes] : ReadFiles(machine.root())) {
      if (!promised.shredded.empty()) REQUIRE(bytes.find(rewrapped.substr(rewrapped.size() / 2)) == std::string::npos);
    }
    if (StateOfDataKey(layout, 1) != DataKeyState::kThere) {
      may_be_shredded = true;
      REQUIRE(StateOfDataKey(layout, 1) == DataKeyState::kDestroyed);
      promised.shredded.insert(1);
    }
    machine.CheckKept(promised);
  });
  CHECK(may_be_shredded);
  CHECK(states > 30);
}

TEST_CASE("whenever the power fails while old segments are deleted, the rest is whole, and the log accounts for them") {
  const Machine machine;
  Promised before;
  {
    NotingFiles files(machine.root());
    RecordCalls(machine.store(), files, 12);
    for (const Change& change : files.changes()) before.Take(change);
  }
  const std::vector<uint64_t> segments = *ListSegments(machine.layout());
  REQUIRE(segments.size() >= 3);
  fs::remove_all(machine.layout().IndexDirectory());
  NotingFiles files(machine.root());
  {
    RecorderOptions options = OptionsFor(machine.store());
    options.retention.bytes = 2 * options.segment_bytes;
    options.retention.min_age = absl::ZeroDuration();
    options.checkpoint_sinks = {std::make_shared<MarkingSink>(files)};
    auto recorder = OpenLogRecorder(options, files);
    REQUIRE(recorder.ok());
    const absl::Time give_up = absl::Now() + absl::Seconds(20);
    while ((*recorder)->Stats().housekeepings == 0) REQUIRE(absl::Now() < give_up);
  }
  REQUIRE(ListSegments(machine.layout())->front() > segments.front());
  const size_t states = machine.FailAfterEach(files, before, [&](Promised promised) {
    {
      auto recorder = Recorder::Open(OptionsFor(machine.store()));
      INFO(recorder.status());
      REQUIRE(recorder.ok());
    }
    auto reader = RecordReader::Open(machine.store());
    REQUIRE(reader.ok());
    const auto deleted = (*reader)->Gaps();
    REQUIRE(deleted.ok());
    REQUIRE(deleted->missing_segments == 0);
    std::erase_if(promised.acknowledged, [&](uint64_t id) {
      return deleted->deleted_segments > 0 && (absl::IsNotFound((*reader)->Call(id).status()));
    });
    reader->reset();
    machine.CheckKept(promised);
  });
  CHECK(states > 50);
}

}  // namespace
}  // namespace sallyport::recorder
