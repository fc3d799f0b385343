// Every field of every structure says something else, and all that depends on it is made to fit: hashes, seals, the
// tree, and the checkpoint, signed with the store's own key. Who must notice? What nobody can is what the signature
// alone vouches for.
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "tests/recorder/verify/forging.h"

namespace sallyport::recorder {
namespace {

TEST_CASE("what is told truly is noticed by nobody") {
  Forge("nothing", Who::kNobody, [](ForgedStore::Lies&) {});
}

TEST_CASE("what entries say that other entries contradict") {
  const auto in_frames = [](const std::function<void(v1::Frame&)>& lie) {
    return [lie](v1::Entry& entry) {
      if (entry.call_id() == 13 && entry.has_frame()) lie(*entry.mutable_frame());
    };
  };
  const auto in_end = [](const std::function<void(v1::CallEnd&)>& lie) {
    return [lie](v1::Entry& entry) {
      if (entry.call_id() == 13 && entry.has_end()) lie(*entry.mutable_end());
    };
  };
  struct {
    const char* what;
    Who who;
    std::function<void(v1::Entry&)> lie;
  } const cases[] = {
      {"another call", Who::kKeyHolder, [](v1::Entry& entry) { entry.set_call_id(entry.call_id() + 80); }},
      {"a frame's index", Who::kKeyHolder, in_frames([](v1::Frame& frame) { frame.set_index(frame.index() + 1); })},
      {"a frame's direction", Who::kKeyHolder,
       in_frames([](v1::Frame& frame) { frame.set_direction(v1::DIRECTION_REQUEST); })},
      {"no direction", Who::kKeyHolder,
       in_frames([](v1::Frame& frame) { frame.set_direction(v1::DIRECTION_UNSPECIFIED); })},
      {"a longer payload", Who::kKeyHolder, in_frames([](v1::Frame& frame) { frame.mutable_payload()->append("!"); })},
      {"a frame that is called shortened and is not", Who::kKeyHolder, in_frames([](v1::Frame& frame) {
         frame.set_shortened(true);
         frame.set_whole_length(frame.payload().size());
       })},
      {"a frame that was longer, without a word", Who::kKeyHolder,
       in_frames([](v1::Frame& frame) { frame.set_whole_length(frame.payload().size()); })},
      {"a shortened frame with another length", Who::kKeyHolder, in_frames([](v1::Frame& frame) {
         frame.set_shortened(true);
         frame.set_whole_length(frame.payload().size() + 1);
       })},
      {"more request frames", Who::kKeyHolder, in_end([](v1::CallEnd& end) { end.set_request_frames(2); })},
      {"no request frames", Who::kKeyHolder, in_end([](v1::CallEnd& end) { end.set_request_frames(0); })},
      {"more response frames", Who::kKeyHolder, in_end([](v1::CallEnd& end) { end.set_response_frames(2); })},
      {"more request bytes", Who::kKeyHolder,
       in_end([](v1::CallEnd& end) { end.set_request_bytes(end.request_bytes() + 1); })},
      {"fewer response bytes", Who::kKeyHolder,
       in_end([](v1::CallEnd& end) { end.set_response_bytes(end.response_bytes() - 1); })},
      {"more entries", Who::kKeyHolder, in_end([](v1::CallEnd& end) { end.set_entries(5); })},
      {"fewer entries", Who::kKeyHolder, in_end([](v1::CallEnd& end) { end.set_entries(3); })},
      {"nothing at all", Who::kKeyHolder,
       [](v1::Entry& entry) {
         if (entry.call_id() == 13 && entry.has_frame()) entry.clear_event();
       }},
      {"another payload as long", Who::kNobody, in_frames([](v1::Frame& frame) { frame.set_payload("PAYLOAD"); })},
      {"another status", Who::kNobody, in_end([](v1::CallEnd& end) { end.set_status_code(5); })},
      {"another caller", Who::kNobody,
       [](v1::Entry& entry) {
         if (entry.has_start()) entry.mutable_start()->mutable_identity()->set_subject("mallory");
       }},
      {"another method", Who::kNobody,
       [](v1::Entry& entry) {
         if (entry.has_start()) entry.mutable_start()->set_method("/shop.Orders/List");
       }},
      {"another time", Who::kNobody, [](v1::Entry& entry) { entry.set_time_ns(entry.time_ns() + 1); }},
  };
  for (const auto& each : cases) {
    // The entries' root fits what they say now.
    Forge(each.what, each.who, [&](ForgedStore::Lies& lies) { lies.entry = each.lie; });
  }
}

TEST_CASE("entries that are left out, doubled or out of order") {
  struct {
    const char* what;
    std::vector<v1::Entry> entries;
  } cases[] = {
      {"no start", WholeCall(13)}, {"two starts", WholeCall(13)},       {"a frame before the start", WholeCall(13)},
      {"two ends", WholeCall(13)}, {"a frame left out", WholeCall(13)}, {"a frame doubled", WholeCall(13)},
  };
  cases[0].entries.erase(cases[0].entries.begin());
  cases[1].entries.insert(cases[1].entries.begin(), cases[1].entries.front());
  std::swap(cases[2].entries[0], cases[2].entries[1]);
  cases[3].entries.push_back(cases[3].entries.back());
  cases[4].entries.erase(cases[4].entries.begin() + 1);
  cases[5].entries.insert(cases[5].entries.begin() + 1, cases[5].entries[1]);
  for (auto& each : cases) {
    Forge(
        each.what, Who::kKeyHolder, [](ForgedStore::Lies&) {},
        [&](ForgedStore& log) {
          each.entries.push_back(FrameEntry(12, v1::DIRECTION_REQUEST, 1, "two"));
          log.AddEntries(each.entries);
        });
  }
}

TEST_CASE("every field of a tombstone") {
  struct {
    const char* what;
    Who who;
    std::function<void(v1::Tombstone&)> lie;
  } const cases[] = {
      {"nothing", Who::kNobody, [](v1::Tombstone&) {}},
      {"time", Who::kNobody, [](v1::Tombstone& tombstone) { tombstone.set_time_ns(5); }},
      {"first segment", Who::kAnybody, [](v1::Tombstone& t) { t.mutable_deleted(0)->set_first_segment(2); }},
      {"last segment", Who::kAnybody, [](v1::Tombstone& t) { t.mutable_deleted(0)->set_last_segment(4); }},
      {"first leaf", Who::kAnybody, [](v1::Tombstone& t) { t.mutable_deleted(0)->set_first_leaf(1); }},
      {"end leaf, later", Who::kAnybody,
       [](v1::Tombstone& t) { t.mutable_deleted(0)->set_end_leaf(t.deleted(0).end_leaf() + 1); }},
      {"end leaf, earlier", Who::kAnybody,
       [](v1::Tombstone& t) { t.mutable_deleted(0)->set_end_leaf(t.deleted(0).end_leaf() - 1); }},
      {"first sequence", Who::kAnybody, [](v1::Tombstone& t) { t.mutable_deleted(0)->set_first_sequence(2); }},
      {"end sequence, later", Who::kAnybody,
       [](v1::Tombstone& t) { t.mutable_deleted(0)->set_end_sequence(t.deleted(0).end_sequence() + 1); }},
      {"end sequence, earlier", Who::kAnybody,
       [](v1::Tombstone& t) { t.mutable_deleted(0)->set_end_sequence(t.deleted(0).end_sequence() - 1); }},
      {"a node", Who::kAnybody, [](v1::Tombstone& t) { (*t.mutable_deleted(0)->mutable_nodes(0))[3] ^= 1; }},
      {"a node more", Who::kAnybody, [](v1::Tombstone& t) { t.mutable_deleted(0)->add_nodes(std::string(32, 'n')); }},
      {"no range", Who::kAnybody, [](v1::Tombstone& t) { t.clear_deleted(); }},
      {"a segment that never was", Who::kAnybody,
       [](v1::Tombstone& t) {
         v1::Tombstone::Range& range = *t.add_deleted();
         range = t.deleted(0);
         range.set_first_segment(7);
         range.set_last_segment(7);
         range.set_first_leaf(100);
         range.set_end_leaf(101);
         range.set_first_sequence(1000);
         range.set_end_sequence(1001);
       }},
      {"a range of what is there", Who::kAnybody,
       [](v1::Tombstone& t) {
         *t.add_deleted() = t.deleted(0);
         t.mutable_deleted(1)->set_first_segment(2);
         t.mutable_deleted(1)->set_last_segment(2);
       }},
  };
  for (const auto& each : cases) {
    Store store;
    FillStore(store.log);
    v1::Tombstone tombstone;
    store.log.Delete(1, tombstone);
    each.lie(tombstone);
    store.log.AddTombstone(tombstone);
    store.log.Write(store.directory.store());
    CheckNoticed(each.what, store, each.who);
  }
}

TEST_CASE("the ranges of a tombstone are in order, and two that touch are one") {
  const auto with_deleted = [](const std::vector<uint64_t>& segments, Who who) {
    Store store;
    for (uint64_t call = 20; call < 26; ++call) {
      store.log.BeginSegment();
      store.log.AddEntries(WholeCall(call));
      if (call < 25) store.log.CloseSegment();
    }
    v1::Tombstone tombstone;
    std::string what = "deleted:";
    for (const uint64_t segment : segments) {
      store.log.Delete(segment, tombstone);
      absl::StrAppend(&what, " ", segment);
    }
    store.log.AddTombstone(tombstone);
    store.log.Write(store.directory.store());
    CheckNoticed(what, store, who);
  };
  with_deleted({1, 3, 5}, Who::kNobody);
  with_deleted({1, 5, 3}, Who::kAnybody);
  with_deleted({3, 1}, Who::kAnybody);
  with_deleted({1, 2}, Who::kAnybody);
}

TEST_CASE("leaves of deleted segments are those that the tombstone names, where they are kept") {
  Store store;
  FillStore(store.log);
  v1::Tombstone tombstone;
  store.log.Delete(1, tombstone);
  store.log.AddTombstone(tombstone);
  store.log.Write(store.directory.store());
  const std::string path = StoreLayout(store.directory.store()).Leaves();
  const std::string good = ReadFile(path);
  const size_t leaves = tombstone.deleted(0).end_leaf();
  REQUIRE(leaves > 2);
  for (size_t leaf = 0; leaf < leaves; ++leaf) {
    std::string bad = good;
    bad[leaf * sizeof(Hash)] ^= 1;
    WriteFile(path, bad);
    CheckNoticed(absl::StrCat("leaf ", leaf), store, Who::kAnybody);
    CHECK(FirstError(store.Verify()).file == "tree/leaves");
  }
  // A tree/leaves that was made again does not have them.
  WriteFile(path, std::string(leaves * sizeof(Hash), '\0') + good.substr(leaves * sizeof(Hash)));
  CheckNoticed("none", store, Who::kNobody);
}

TEST_CASE("entries are numbered without a gap, and no number is used twice") {
  for (const int64_t count : {-1, 1, 5}) {
    for (const bool between_segments : {false, true}) {
      Store store;
      store.log.BeginSegment();
      store.log.AddEntries(WholeCall(21));
      if (between_segments) store.log.CloseSegment();
      store.log.SkipNumbers(count);
      if (between_segments) store.log.BeginSegment();
      store.log.AddEntries(WholeCall(22));
      store.log.CloseSegment();
      store.log.Write(store.directory.store());
      CheckNoticed(absl::StrCat(count, between_segments ? " between segments" : " between blocks"), store,
                   Who::kAnybody);
      const Finding error = FirstError(store.Verify());
      CHECK(error.text.find("number") != std::string::npos);
      CHECK(error.segment == (between_segments ? 2 : 1));
    }
  }
}

TEST_CASE("what entries of a call in one segment say is held against those in another") {
  const v1::Entry frame = FrameEntry(21, v1::DIRECTION_REQUEST, 0, "one");
  struct {
    const char* what;
    Who who;
    std::vector<v1::Entry> first;
    std::vector<v1::Entry> second;
  } const cases[] = {
      {"nothing", Who::kNobody, {StartEntry(21), frame}, {EndEntry(21, 1, 0, 3, 0)}},
      {"two starts", Who::kKeyHolder, {StartEntry(21), frame}, {StartEntry(21), EndEntry(21, 1, 0, 3, 0)}},
      {"two starts, whole the second time", Who::kKeyHolder, {StartEntry(21)}, WholeCall(21)},
      {"two starts and no end", Who::kKeyHolder, {StartEntry(21)}, {StartEntry(21)}},
      {"no start", Who::kKeyHolder, {frame}, {EndEntry(21, 1, 0, 3, 0)}},
      {"no frame", Who::kKeyHolder, {StartEntry(21)}, {EndEntry(21, 1, 0, 3, 0)}},
      {"a frame left out",
       Who::kKeyHolder,
       {StartEntry(21), frame},
       {FrameEntry(21, v1::DIRECTION_REQUEST, 2, "two"), EndEntry(21, 2, 0, 6, 0)}},
      {"the first frame left out",
       Who::kKeyHolder,
       {StartEntry(21)},
       {FrameEntry(21, v1::DIRECTION_RESPONSE, 1, "two"), EndEntry(21, 0, 1, 0, 3)}},
      {"a frame doubled", Who::kKeyHolder, {StartEntry(21), frame}, {frame, EndEntry(21, 2, 0, 6, 0)}},
      {"a response more", Who::kKeyHolder, {StartEntry(21), frame}, {EndEntry(21, 1, 1, 3, 0)}},
      {"a byte less", Who::kKeyHolder, {StartEntry(21), frame}, {EndEntry(21, 1, 0, 2, 0)}},
      {"a frame behind the end", Who::kNobody, WholeCall(21), {FrameEntry(21, v1::DIRECTION_REQUEST, 1, "late")}},
  };
  for (const auto& each : cases) {
    Store store;
    store.log.BeginSegment();
    store.log.AddEntries(each.first);
    store.log.CloseSegment();
    store.log.BeginSegment();
    store.log.AddEntries(each.second);
    store.log.Write(store.directory.store());
    CheckNoticed(each.what, store, each.who);
  }
}

TEST_CASE("a tombstone that names a segment which is there is told, and what it says of it is compared") {
  struct {
    const char* what;
    Who who;
    std::function<void(v1::Tombstone::Range&)> lie;
  } const cases[] = {
      {"nothing", Who::kNobody, [](auto&) {}},
      {"first leaf", Who::kAnybody, [](auto& range) { range.set_first_leaf(range.first_leaf() - 1); }},
      {"end leaf", Who::kAnybody, [](auto& range) { range.set_end_leaf(range.end_leaf() + 1); }},
      {"first sequence", Who::kAnybody, [](auto& range) { range.set_first_sequence(range.first_sequence() - 1); }},
      {"end sequence", Who::kAnybody, [](auto& range) { range.set_end_sequence(range.end_sequence() + 1); }},
  };
  for (const auto& each : cases) {
    Store store;
    FillStore(store.log);
    v1::Tombstone tombstone;
    store.log.NameDeleted(2, tombstone);
    each.lie(*tombstone.mutable_deleted(0));
    store.log.AddTombstone(tombstone);
    store.log.Write(store.directory.store());
    CheckNoticed(each.what, store, each.who);
    CHECK(Findings(store.Verify()).find("deleted, as the last tombstone says, but there") != std::string::npos);
  }
}

TEST_CASE("every field of a checkpoint and of what is kept with it") {
  Store store;
  FillStore(store.log);
  const FakeStoreKeys other('b');
  const std::string good = store.log.CheckpointAt(store.log.size());
  const auto stored = [&] { return *StoredCheckpoint::Parse(good); };
  const auto with = [&](const std::function<void(StoredCheckpoint&)>& lie) {
    StoredCheckpoint checkpoint = stored();
    lie(checkpoint);
    return checkpoint.Format();
  };
  const uint64_t size = store.log.size();
  const std::pair<const char*, std::string> cases[] = {
      {"another log's, signed with the store's key", with([&](auto& checkpoint) {
         checkpoint.checkpoint.note = SignNote(store.keys, size, store.log.root(), CheckpointOrigin(other.store_id()));
       })},
      {"another log's, signed with the store's key in that log's name", with([&](StoredCheckpoint& checkpoint) {
         Checkpoint text = *Checkpoint::Parse(SignedNote::Parse(checkpoint.checkpoint.note)->text);
         text.origin = CheckpointOrigin(other.store_id());
         checkpoint.checkpoint.note = SignCheckpoint(text, store.keys.signing_key())->note;
       })},
      {"signed by another", store.log.CheckpointAt(size, other)},
      {"another root",
       with([&](auto& checkpoint) { checkpoint.checkpoint.note = SignNote(store.keys, size, Sha256({"another"})); })},
      {"a leaf more",
       with([&](auto& checkpoint) { checkpoint.checkpoint.note = SignNote(store.keys, size + 1, store.log.root()); })},
      {"a leaf less",
       with([&](auto& checkpoint) { checkpoint.checkpoint.note = SignNote(store.keys, size - 1, store.log.root()); })},
      {"another place", with([](auto& checkpoint) {
         checkpoint.state.end = {2, checkpoint.state.end.offset()};
       })},
      {"another offset", with([](auto& checkpoint) {
         checkpoint.state.end = {3, checkpoint.state.end.offset() + 1};
       })},
      {"other nodes", with([](auto& checkpoint) {
         std::vector<Hash> nodes = checkpoint.state.range.nodes();
         nodes[0][0] ^= 1;
         checkpoint.state.range = *CompactRange::FromNodes(0, checkpoint.state.range.end(), nodes);
       })},
  };
  store.log.Write(store.directory.store());
  CheckNoticed("nothing", store, Who::kNobody);
  for (const auto& [what, checkpoint] : cases) {
    store.log.Write(store.directory.store(), checkpoint);
    CheckNoticed(what, store, Who::kAnybody);
  }
  // How many entries came before is for the next start, which compares it with the log.
  store.log.Write(store.directory.store(), with([](auto& checkpoint) { checkpoint.state.next_sequence += 1; }));
  CheckNoticed("another sequence", store, Who::kNobody);
}

}  // namespace
}  // namespace sallyport::recorder
