// The verifier over stores that the recorder itself has written.
#include <catch2/catch.hpp>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "recorder/evidence/evidence.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/tree_state.h"
#include "recorder/keys/key_admin.h"
#include "recorder/keys/store_keys.h"
#include "recorder/sqlite/database.h"
#include "recorder/verify/evidence_check.h"
#include "recorder/verify/verifier.h"
#include "tests/recorder/forged_store.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

const absl::Time kTime = absl::FromUnixSeconds(1'767'323'045);

// Some whole calls, one cut off by the end of the gateway, in two runs.
class RecordedStore {
 public:
  RecordedStore() {
    for (int run = 0; run < 2; ++run) {
      std::unique_ptr<Recorder> recorder = Open();
      for (int i = 0; i < 5; ++i) {
        const uint64_t id = recorder->NewCallId(kTime);
        REQUIRE(AppendDurably(*recorder, UnaryCall(*recorder, id, kTime, "/shop.Orders/Get")).ok());
        ids.push_back(id);
      }
      const uint64_t open = recorder->NewCallId(kTime);
      EntryBatch batch = recorder->NewBatch(open);
      batch.AddStart(kTime, StartOf("/shop.Orders/Watch"));
      const absl::Status appended = AppendDurably(*recorder, std::move(batch));
      REQUIRE(appended.ok());
      ids.push_back(open);
    }
    keys = *StoreKeys::Open(layout, std::nullopt);
  }

  std::unique_ptr<Recorder> Open() const {
    RecorderOptions options;
    options.directory = directory.store();
    auto recorder = Recorder::Open(options);
    INFO(recorder.status().message());
    REQUIRE(recorder.ok());
    return *std::move(recorder);
  }
  VerifierKey key() const {
    return *VerifierKey::Make(CheckpointOrigin(keys->store_id()), SignatureType::kEd25519,
                              keys->signing_key().public_key());
  }
  VerifyReport Verify(bool with_keys, const std::string& against = "") const {
    VerifyOptions options;
    options.directory = directory.store();
    options.verifier_key = key().Text();
    options.against = against;
    if (with_keys) options.keys = keys.get();
    const absl::StatusOr<VerifyReport> report = VerifyStore(options);
    INFO(report.status().message());
    REQUIRE(report.ok());
    return *report;
  }

  TemporaryDirectory directory;
  StoreLayout layout{directory.store()};
  std::unique_ptr<StoreKeys> keys;
  std::vector<uint64_t> ids;
};

std::string Findings(const VerifyReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) absl::StrAppend(&text, finding.Line(), "\n");
  return text;
}

TEST_CASE("what the recorder writes is verified, with keys and without, at rest and while it writes") {
  RecordedStore store;
  for (const bool with_keys : {false, true}) {
    const VerifyReport report = store.Verify(with_keys);
    INFO(Findings(report));
    CHECK(report.verified());
    CHECK(report.findings.empty());
    CHECK(report.index_checked);
    CHECK(report.checkpoint_size == report.leaves);
    CHECK(report.calls == (with_keys ? 12 : 0));
  }
  const std::string seen = *ReadCheckpoint(store.layout);
  std::unique_ptr<Recorder> recorder = store.Open();
  for (int i = 0; i < 20; ++i) {
    const uint64_t id = recorder->NewCallId(kTime);
    REQUIRE(AppendDurably(*recorder, UnaryCall(*recorder, id, kTime, "/shop.Orders/Get")).ok());
    const VerifyReport report = store.Verify(i % 2 == 0, seen);
    INFO(Findings(report));
    CHECK(report.verified());
    CHECK(report.against_holds);
  }
}

TEST_CASE("every byte of a recorder's log and tree that is flipped is found") {
  RecordedStore store;
  std::vector<std::string> paths = {store.layout.Leaves(), store.layout.Checkpoint()};
  for (const auto& file : std::filesystem::directory_iterator(store.layout.LogDirectory())) {
    paths.push_back(file.path().string());
  }
  for (const std::string& path : paths) {
    const std::string good = ReadFile(path);
    for (size_t i = 0; i < good.size(); ++i) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
      WriteFile(path, bad);
      INFO(path << " byte " << i);
      CHECK(!store.Verify(false).verified());
    }
    WriteFile(path, good);
  }
  CHECK(store.Verify(true).verified());
}

TEST_CASE("a recorder's index that was edited alone is found") {
  RecordedStore store;
  const auto edit = [&](const std::string& sql, bool with_keys = false) {
    std::filesystem::copy(store.layout.IndexDirectory(), store.directory.path() + "/index");
    {
      auto database = Database::Open(store.layout.Index(), Database::Mode::kWrite);
      REQUIRE(database.ok());
      REQUIRE((*database)->Execute(sql).ok());
    }
    const VerifyReport report = store.Verify(with_keys);
    std::filesystem::remove_all(store.layout.IndexDirectory());
    std::filesystem::rename(store.directory.path() + "/index", store.layout.IndexDirectory());
    return report.verified();
  };
  const std::string where = " WHERE id = " + std::to_string(store.ids[3]);
  CHECK(edit("SELECT 1"));
  CHECK(edit("SELECT 1", true));
  // What only the entries tell takes keys.
  for (const char* change :
       {"status = 5", "identity = method", "start_ns = start_ns + 1", "port = 7", "end_reason = -1",
        "request_frames = 2", "session = 3", "trace_high = 3", "trace_low = 3"}) {
    INFO(change);
    CHECK(!edit(std::string("UPDATE calls SET ") + change + where, true));
  }
  CHECK(!edit("UPDATE names SET sealed = (SELECT sealed FROM names ORDER BY id LIMIT 1)", true));
  CHECK(!edit("DELETE FROM calls WHERE id = " + std::to_string(store.ids[3])));
  CHECK(!edit("UPDATE calls SET position = position + 1 WHERE id = " + std::to_string(store.ids[3])));
  CHECK(!edit("UPDATE calls SET id = id + 1000 WHERE id = " + std::to_string(store.ids[3])));
}

TEST_CASE("a recorder's directory put back to an older state does not extend the checkpoint seen since") {
  RecordedStore store;
  const std::string older = store.directory.path() + "/older";
  std::filesystem::copy(store.directory.store(), older, std::filesystem::copy_options::recursive);
  {
    std::unique_ptr<Recorder> recorder = store.Open();
    REQUIRE(AppendDurably(*recorder, UnaryCall(*recorder, recorder->NewCallId(kTime), kTime, "/shop.Orders/Pay")).ok());
  }
  const std::string seen = *ReadCheckpoint(store.layout);
  CHECK(store.Verify(false, seen).verified());
  std::filesystem::remove_all(store.directory.store());
  std::filesystem::rename(older, store.directory.store());
  CHECK(store.Verify(false).verified());
  CHECK(!store.Verify(false, seen).verified());
}

TEST_CASE("the evidence of a recorded call outlives the key of its segment") {
  RecordedStore store;
  auto reader = RecordReader::Open(store.directory.store());
  REQUIRE(reader.ok());
  const uint64_t id = store.ids[2];
  const absl::StatusOr<std::vector<Position>> blocks = (*reader)->CallBlocks(id);
  REQUIRE(blocks.ok());
  const absl::StatusOr<v1::Evidence> evidence = BuildCallEvidence(store.layout, *store.keys, id, *blocks);
  INFO(evidence.status().message());
  REQUIRE(evidence.ok());
  for (const Position at : *blocks) REQUIRE(ShredSegment(store.layout, at.segment(), RealFileSystem()).ok());
  const absl::StatusOr<ProvenEvidence> proven = VerifyEvidence(*evidence, store.key());
  INFO(proven.status().message());
  REQUIRE(proven.ok());
  CHECK(std::get<ProvenCall>(proven->about).stated.method == "shop.Orders/Get");
  CHECK(std::get<ProvenCall>(proven->about).entries == 6);
  const VerifyReport report = store.Verify(true);
  INFO(Findings(report));
  CHECK(report.verified());
  CHECK(report.shredded_segments == 1);
}

}  // namespace
}  // namespace sallyport::recorder
