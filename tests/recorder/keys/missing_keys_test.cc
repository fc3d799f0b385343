// Keys of segments that are not there although nobody destroyed them: a store that was copied in part, a volume that is
// not mounted. Nothing else may be lost because of it.
#include <catch2/catch.hpp>
#include <filesystem>

#include "absl/time/clock.h"
#include "recorder/keys/key_admin.h"
#include "recorder/log/segment_reader.h"
#include "recorder/rebuild.h"
#include "recorder/verify/verifier.h"
#include "recorder/write/log_recorder.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/store_fixture.h"
#include "tests/recorder/verified_store.h"

namespace sallyport::recorder {
namespace {

namespace fs = std::filesystem;

// A store of some segments, nobody writing to it.
struct Store {
  Store() {
    options.directory = directory.store();
    options.segment_bytes = 3000;
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    for (int i = 0; i < 20; ++i) {
      ids.push_back((*recorder)->NewCallId(absl::Now()));
      REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, ids.back(), absl::Now(), "/a.B/C")).ok());
    }
    recorder->reset();
    REQUIRE(ListSegments(layout)->size() > 2);
  }

  void TakeKeyAway() const { fs::rename(layout.DataKey(1), away); }
  void PutKeyBack() const { fs::rename(away, layout.DataKey(1)); }
  std::unique_ptr<RecordReader> Reader() const {
    auto reader = RecordReader::Open(directory.store());
    INFO(reader.status());
    REQUIRE(reader.ok());
    return *std::move(reader);
  }
  // Opens a recorder and waits until it has looked after the house.
  void RunRecorder() const {
    auto recorder = Recorder::Open(options);
    INFO(recorder.status());
    REQUIRE(recorder.ok());
    const absl::Time give_up = absl::Now() + absl::Seconds(20);
    while ((*recorder)->Stats().housekeepings == 0) REQUIRE(absl::Now() < give_up);
  }

  TemporaryDirectory directory;
  const StoreLayout layout{directory.store()};
  const std::string away = directory.store() + ".away";
  RecorderOptions options;
  std::vector<uint64_t> ids;
};

TEST_CASE("a key that is missing takes nothing out of the index, and once it is back everything is as before") {
  Store store;
  const std::string before = DumpIndex(store.layout.directory());
  store.TakeKeyAway();
  if (GENERATE(true, false)) store.RunRecorder();
  {
    const auto reader = store.Reader();
    const auto call = reader->Call(store.ids.front());
    REQUIRE(call.ok());
    CHECK_FALSE(call->shredded);
    CHECK(call->method == "a.B/C");
    const absl::Status read = reader->ReadCall(store.ids.front(), [](const v1::Entry&) { return absl::OkStatus(); });
    INFO(read);
    CHECK(std::string(read.message()).find("missing") != std::string::npos);
    CHECK(std::string(read.message()).find(store.layout.DataKey(1)) != std::string::npos);
    const auto gaps = reader->Gaps();
    REQUIRE(gaps.ok());
    CHECK(gaps->segments_without_key == 1);
    CHECK(gaps->shredded_segments == 0);
    CHECK_FALSE(gaps->damaged);
  }
  store.PutKeyBack();
  CHECK(DumpIndex(store.layout.directory()) == before);
  const auto reader = store.Reader();
  CHECK(EntriesOf(*reader, store.ids.front()).size() == 6);
  CHECK(reader->Gaps()->segments_without_key == 0);
  CheckVerifies(store.layout.directory());
}

TEST_CASE("an index made without a key says that calls are missing, until it is made again with it") {
  Store store;
  const std::string before = DumpIndex(store.layout.directory());
  store.TakeKeyAway();
  REQUIRE(RebuildIndex(store.layout.directory(), {}, [](const RebuildProgress&) {}).ok());
  CHECK(store.Reader()->Gaps()->damaged);
  store.PutKeyBack();
  CHECK(store.Reader()->Gaps()->damaged);
  REQUIRE(RebuildIndex(store.layout.directory(), {}, [](const RebuildProgress&) {}).ok());
  CHECK_FALSE(store.Reader()->Gaps()->damaged);
  CHECK(DumpIndex(store.layout.directory()) == before);
}

TEST_CASE("verifying tells a missing key from one that was destroyed") {
  Store store;
  store.TakeKeyAway();
  const auto keys = StoreKeys::Open(store.layout, std::nullopt);
  REQUIRE(keys.ok());
  VerifyOptions options;
  options.directory = store.layout.directory();
  options.keys = keys->get();
  const auto missing = VerifyStore(options);
  REQUIRE(missing.ok());
  CHECK(missing->verified());
  CHECK(missing->segments_without_key == 1);
  CHECK(missing->shredded_segments == 0);
  REQUIRE(missing->findings.size() == 1);
  CHECK(missing->findings[0].weight == Finding::Weight::kNote);
  CHECK(missing->findings[0].file == "keys/00000001.key");
  // Once somebody says that it is meant to be gone, it is shredded as any other.
  REQUIRE(ShredSegment(store.layout, 1, RealFileSystem()).ok());
  store.RunRecorder();
  const auto destroyed = VerifyStore(options);
  REQUIRE(destroyed.ok());
  CHECK(destroyed->verified());
  CHECK(destroyed->segments_without_key == 0);
  CHECK(destroyed->shredded_segments == 1);
  CHECK(destroyed->findings.empty());
  CHECK(store.Reader()->Call(store.ids.front())->shredded);
}

}  // namespace
}  // namespace sallyport::recorder
