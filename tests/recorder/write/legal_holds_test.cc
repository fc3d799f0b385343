// Legal holds are kept sealed, and say which segments must stay.
#include "recorder/write/legal_holds.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "absl/strings/str_cat.h"
#include "recorder/log/segment_reader.h"
#include "recorder/recorder.h"
#include "tests/recorder/fake_keys.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

LegalHold HoldOn(uint64_t session, std::string identity) {
  LegalHold hold;
  hold.session_id = session;
  hold.identity = std::move(identity);
  hold.reason = "case 4711";
  hold.created = absl::FromUnixSeconds(1'700'000'000);
  return hold;
}

TEST_CASE("holds come back as they were placed, and are sealed") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.path());
  const FakeKeys keys;
  auto holds = LegalHoldList::Load(layout, keys);
  REQUIRE(holds.ok());
  CHECK(holds->holds().empty());
  CHECK(*holds->Add(HoldOn(0, "*#mallory")) == 1);
  CHECK(*holds->Add(HoldOn(1'700'000'000'000'001, "")) == 2);
  CHECK(absl::IsInvalidArgument(holds->Add(HoldOn(0, "")).status()));
  CHECK(absl::IsInvalidArgument(holds->Add(HoldOn(5, "alice")).status()));
  REQUIRE(holds->Save(layout, keys, RealFileSystem()).ok());
  const std::string sealed = BytesOf(layout.LegalHolds());
  CHECK(sealed.find("mallory") == std::string::npos);
  CHECK(sealed.find("4711") == std::string::npos);

  auto again = LegalHoldList::Load(layout, keys);
  REQUIRE(again.ok());
  REQUIRE(again->holds().size() == 2);
  CHECK(again->holds()[0].identity == "*#mallory");
  CHECK(again->holds()[0].session_id == 0);
  CHECK(again->holds()[0].reason == "case 4711");
  CHECK(again->holds()[0].created == absl::FromUnixSeconds(1'700'000'000));
  CHECK(again->holds()[1].session_id == 1'700'000'000'000'001);
  CHECK(again->holds()[1].identity == "");

  // A number is never given twice, even if the last hold is gone.
  CHECK(absl::IsNotFound(again->Release(7)));
  REQUIRE(again->Release(2).ok());
  REQUIRE(again->Save(layout, keys, RealFileSystem()).ok());
  again = LegalHoldList::Load(layout, keys);
  REQUIRE(again.ok());
  CHECK(again->holds().size() == 1);
  CHECK(*again->Add(HoldOn(9, "")) == 3);
  for (const uint64_t id : {1, 3}) REQUIRE(again->Release(id).ok());
  REQUIRE(again->Save(layout, keys, RealFileSystem()).ok());
  again = LegalHoldList::Load(layout, keys);
  REQUIRE(again.ok());
  CHECK(again->holds().empty());
  CHECK(*again->Add(HoldOn(9, "")) == 4);
}

TEST_CASE("a damaged list of holds is said to be one, not an empty one") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.path());
  const FakeKeys keys;
  LegalHoldList holds;
  REQUIRE(holds.Add(HoldOn(0, "bob")).ok());
  REQUIRE(holds.Save(layout, keys, RealFileSystem()).ok());
  const std::string bytes = BytesOf(layout.LegalHolds());
  const auto load_with = [&](const std::string& changed) {
    std::ofstream(layout.LegalHolds(), std::ios::binary | std::ios::trunc) << changed;
    return LegalHoldList::Load(layout, keys).status();
  };
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
    CHECK(absl::IsDataLoss(load_with(flipped)));
    CHECK(absl::IsDataLoss(load_with(bytes.substr(0, i))));
  }
  CHECK(load_with(bytes).ok());
}

TEST_CASE("the segments of held calls are held, and no others") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = 4096;
  auto recorder = Recorder::Open(options);
  REQUIRE(recorder.ok());
  const absl::Time begin = absl::FromUnixSeconds(1'700'000'000);
  const auto add = [&](int at, const std::string& who, uint64_t session, bool start, bool end) {
    EntryBatch batch =
        (*recorder)->NewBatch(static_cast<uint64_t>(absl::ToUnixMicros(begin)) + static_cast<uint64_t>(at));
    if (start) {
      CallStart call = StartOf("/a.B/C", "u", session);
      call.identity = {"", who, {}, 1};
      batch.AddStart(begin, call);
    }
    // What does not compress, so that each call has a segment of its own.
    std::string payload;
    std::mt19937 random(static_cast<uint32_t>(at));
    while (payload.size() < 5000) payload += static_cast<char>(random());
    const std::string_view view = payload;
    batch.AddFrame(begin, Direction::kRequest, 0, false, {view});
    if (end) batch.AddEnd(begin, {});
    const absl::Status appended = AppendDurably(**recorder, std::move(batch));
    REQUIRE(appended.ok());
  };
  add(1, "alice", 11, true, true);  // segment 1
  add(2, "bob", 12, true, false);   // 2
  add(3, "carol", 13, true, true);  // 3
  add(2, "bob", 12, false, true);   // 4
  add(4, "alice", 14, true, true);  // 5
  add(5, "dave", 15, true, false);  // 6, and open
  add(6, "carol", 13, true, true);  // 7
  add(7, "eve", 16, true, true);    // 8, which is still written
  REQUIRE((*recorder)->Flush().ok());

  auto keys = StoreKeys::Open(layout, std::nullopt);
  REQUIRE(keys.ok());
  const auto held = [&](const std::vector<LegalHold>& wanted) {
    LegalHoldList list;
    for (const LegalHold& hold : wanted) REQUIRE(list.Add(hold).ok());
    REQUIRE(list.Save(layout, **keys, RealFileSystem()).ok());
    auto segments = HeldSegments(layout, **keys);
    REQUIRE(segments.status() == absl::OkStatus());
    // Of the segment that is written the index may not know all.
    while (!segments->empty() && *segments->rbegin() > 7) segments->erase(*segments->rbegin());
    return *segments;
  };
  CHECK(held({}) == std::set<uint64_t>{});
  CHECK(held({HoldOn(0, "alice")}) == std::set<uint64_t>{1, 5});
  CHECK(held({HoldOn(12, "")}) == std::set<uint64_t>{2, 3, 4});
  CHECK(held({HoldOn(0, "c*"), HoldOn(11, "")}) == std::set<uint64_t>{1, 3, 7});
  CHECK(held({HoldOn(0, "dave")}) == std::set<uint64_t>{6, 7});
  CHECK(held({HoldOn(0, "nobody")}) == std::set<uint64_t>{});
}

TEST_CASE("segments that the index does not know wholly are held, as long as anything is") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  RecorderOptions options;
  options.directory = directory.store();
  options.segment_bytes = 2000;
  const auto add_calls = [&](int calls) {
    auto recorder = Recorder::Open(options);
    REQUIRE(recorder.ok());
    for (int i = 0; i < calls; ++i) {
      const uint64_t id = (*recorder)->NewCallId(absl::Now());
      REQUIRE(AppendDurably(**recorder, UnaryCall(**recorder, id, absl::Now(), "/a.B/C")).ok());
    }
  };
  add_calls(8);
  const uint64_t known = ListSegments(layout)->back();
  const std::string early = directory.path() + "/early";
  std::filesystem::copy(layout.IndexDirectory(), early);
  add_calls(8);
  const std::vector<uint64_t> segments = *ListSegments(layout);
  REQUIRE(segments.back() > known + 1);
  // As it is where the index could not be written since then.
  std::filesystem::remove_all(layout.IndexDirectory());
  std::filesystem::copy(early, layout.IndexDirectory());

  auto keys = StoreKeys::Open(layout, std::nullopt);
  REQUIRE(keys.ok());
  CHECK(HeldSegments(layout, **keys)->empty());
  LegalHoldList list;
  REQUIRE(list.Add(HoldOn(0, "nobody")).ok());
  REQUIRE(list.Save(layout, **keys, RealFileSystem()).ok());
  std::set<uint64_t> unknown;
  for (const uint64_t segment : segments) {
    if (segment > known) unknown.insert(segment);
  }
  CHECK(*HeldSegments(layout, **keys) == unknown);
  // The one in which its knowledge ends, too, where more follows there.
  std::ofstream(layout.Segment(known), std::ios::binary | std::ios::app) << std::string(500, 'x');
  unknown.insert(known);
  CHECK(*HeldSegments(layout, **keys) == unknown);
}

}  // namespace
}  // namespace sallyport::recorder
