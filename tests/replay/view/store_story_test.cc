// Frames, sessions, checkpoints and verification of a data directory.
#include <catch2/catch.hpp>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/store_layout.h"
#include "tests/replay/view/reader_fixture.h"

namespace sallyport::replay {
namespace {

using recorder::FormatId;

TEST_CASE("a frame comes in parts of at most 64 KiB, behind what is known of it") {
  ShopStore store;
  const uint64_t id = store.NewId(absl::ZeroDuration());
  std::string large(200'000, 'x');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  recorder::EntryBatch batch = store.recorder().NewBatch(id);
  batch.AddStart(ShopTime(), store.Start("/shop.Orders/Upload"));
  batch.AddFrame(ShopTime(), recorder::Direction::kRequest, 0, false, {kOrder});
  batch.AddFrame(ShopTime(), recorder::Direction::kRequest, 1, false, {large});
  batch.AddFrame(ShopTime(), recorder::Direction::kRequest, 2, false, {""});
  store.Append(std::move(batch));
  LocalStore source(OpenStore(store));
  v1::GetFrameRequest request;
  request.set_call(FormatId(id));
  request.set_direction(v1::DIRECTION_REQUEST);
  request.set_index(1);
  std::string data;
  int parts = 0;
  REQUIRE(source
              .GetFrame(request,
                        [&](const v1::FramePart& part) {
                          CHECK(part.has_frame() == (parts == 0));
                          CHECK(part.data().size() <= 64 << 10);
                          CHECK(part.frame().payload().empty());
                          if (parts++ == 0) CHECK(part.frame().size() == large.size());
                          data += part.data();
                          return absl::OkStatus();
                        })
              .ok());
  CHECK(parts == 5);
  CHECK(data == large);
  const auto count = [&](const v1::FramePart& part) {
    ++parts;
    return absl::OkStatus();
  };
  parts = 0;
  request.set_index(2);
  CHECK(source.GetFrame(request, count).ok());
  CHECK(parts == 1);
  request.set_index(3);
  CHECK(absl::IsNotFound(source.GetFrame(request, count)));
  request.set_direction(v1::DIRECTION_RESPONSE);
  request.set_index(0);
  CHECK(absl::IsNotFound(source.GetFrame(request, count)));
  request.clear_direction();
  CHECK(absl::IsInvalidArgument(source.GetFrame(request, count)));
}

TEST_CASE("a session is told in the order of time, call by call in the order of each") {
  ShopStore store;
  std::vector<uint64_t> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(AddCall(store, absl::Seconds(i), {.session = 500, .ends = false}));
    AddCall(store, absl::Seconds(i), {.session = 501});
  }
  // What is written last happened between the others.
  recorder::EntryBatch batch = store.recorder().NewBatch(ids[0]);
  batch.AddFrame(ShopTime() + absl::Milliseconds(1500), recorder::Direction::kResponse, 0, false, {kOrder});
  // By a clock that was set back.
  batch.AddFrame(ShopTime() + absl::Milliseconds(1200), recorder::Direction::kResponse, 1, false, {kOrder});
  batch.AddEnd(ShopTime() + absl::Milliseconds(2500), {});
  store.Append(std::move(batch));
  LocalStore source(OpenStore(store));
  v1::GetSessionRequest request;
  request.set_id(FormatId(500));
  std::vector<std::pair<std::string, std::string>> told;
  REQUIRE(source
              .GetSession(request,
                          [&](const v1::SessionEvent& said) {
                            if (said.has_session()) {
                              CHECK(told.empty());
                              CHECK(said.session().calls() == 3);
                              CHECK(said.session().identity() == "alice");
                              return absl::OkStatus();
                            }
                            const v1::Event& event = said.event();
                            told.emplace_back(event.call(), event.has_beginning() ? "begin"
                                                            : event.has_frame()   ? absl::StrCat(event.frame().index())
                                                                                  : "end");
                            return absl::OkStatus();
                          })
              .ok());
  const std::string a = FormatId(ids[0]);
  const std::string b = FormatId(ids[1]);
  const std::string c = FormatId(ids[2]);
  const std::vector<std::pair<std::string, std::string>> expected = {
      {a, "begin"}, {a, "0"}, {b, "begin"}, {b, "0"}, {a, "0"}, {a, "1"}, {c, "begin"}, {c, "0"}, {a, "end"}};
  CHECK(told == expected);
  request.set_id(FormatId(502));
  const auto taken = [](const v1::SessionEvent& /*said*/) { return absl::OkStatus(); };
  CHECK(absl::IsNotFound(source.GetSession(request, taken)));
  // Calls that were refused before they joined one have no session together.
  request.set_id("0");
  CHECK(absl::IsNotFound(source.GetSession(request, taken)));
}

TEST_CASE("the last checkpoint is given with the key that verifies it") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.Close();
  LocalStore source(OpenStore(store));
  const auto response = source.GetCheckpoints({});
  REQUIRE(response.ok());
  REQUIRE(response->checkpoints_size() == 1);
  const auto key = recorder::VerifierKey::Parse(response->key());
  REQUIRE(key.ok());
  const auto checkpoint = recorder::OpenCheckpoint(response->checkpoints(0), {*key});
  REQUIRE(checkpoint.ok());
  CHECK(checkpoint->checkpoint.size > 0);
  v1::GetCheckpointsRequest request;
  request.set_page_size(-1);
  CHECK(absl::IsInvalidArgument(source.GetCheckpoints(request).status()));
}

TEST_CASE("verification says that all is well, or what is not, and stops when nobody waits") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  store.Close();
  LocalStore source(OpenStore(store));
  v1::VerifyResult result;
  const auto keep = [&](const v1::VerifyStoreResponse& said) {
    if (said.has_result()) result = said.result();
    return absl::OkStatus();
  };
  REQUIRE(source.VerifyStore({}, {}, keep).ok());
  CHECK(result.good());
  CHECK(result.faults_size() == 0);
  CHECK(result.calls() == 1);
  std::stop_source stopped;
  stopped.request_stop();
  CHECK(absl::IsCancelled(source.VerifyStore({}, stopped.get_token(), keep)));
  {
    std::fstream segment(recorder::StoreLayout(store.data()).Segment(1),
                         std::ios::in | std::ios::out | std::ios::binary);
    segment.seekp(300);
    segment.put('\x7f').put('\x01');
  }
  REQUIRE(source.VerifyStore({}, {}, keep).ok());
  CHECK_FALSE(result.good());
  REQUIRE(result.faults_size() > 0);
  CHECK(absl::StrContains(result.faults(0), "log/00000001.seg"));
}

TEST_CASE("to verify, and what says how much others do, is for who may see the store") {
  ShopStore store;
  store.AddGet(absl::ZeroDuration());
  const auto opened = OpenStore(store);
  ReaderSource source(opened, Investigator({"*"}));
  const auto taken = [](const v1::VerifyStoreResponse& /*said*/) { return absl::OkStatus(); };
  CHECK(absl::IsPermissionDenied(source.VerifyStore({}, {}, taken)));
  CHECK(source.GetGaps({}).value().unindexed_calls() == 0);
  CHECK(absl::IsPermissionDenied(ReaderSource(opened, ReaderRights()).GetCheckpoints({}).status()));
}

}  // namespace
}  // namespace sallyport::replay
