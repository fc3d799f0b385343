// Replays hand-written records against servers in this process.
#include "replay/replayer/replayer.h"

#include <grpcpp/security/credentials.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "replay/replayer/response_diff.h"
#include "tests/fakes/scripted_server.h"
#include "tests/replay/fake_call_source.h"
#include "tests/replay/record_builder.h"

namespace sallyport::replay {
namespace {

using Catch::Contains;
using testing::ScriptedCall;
using testing::ScriptedServer;

// Hands out calls and keeps what came of them.
class Audience final : public ReplayAudience {
 public:
  explicit Audience(const std::vector<RecordBuilder>& records) : records_(records.begin(), records.end()) {}

  absl::StatusOr<std::optional<RecordedCall>> NextCall() override {
    if (records_.empty()) return std::optional<RecordedCall>();
    const RecordedCall call = LoadWhole(records_.front());
    records_.pop_front();
    return std::optional<RecordedCall>(call);
  }

  absl::Status OnReplayed(const RecordedCall& record, ReplayedResponse response) override {
    for (const Difference& each : CompareResponses(record, response, policy::Descriptors::Empty(), {})) {
      differences.push_back(absl::StrCat(record.id, ": ", each.where, ": ", each.recorded, " / ", each.replayed));
    }
    ids.push_back(record.id);
    responses.push_back(std::move(response));
    return absl::OkStatus();
  }

  std::vector<uint64_t> ids;
  std::vector<ReplayedResponse> responses;
  std::vector<std::string> differences;

 private:
  std::deque<RecordBuilder> records_;
};

// What servers saw, in order.
class Journal {
 public:
  void Add(const std::string& line) {
    std::lock_guard lock(mutex_);
    lines_.push_back(line);
  }
  std::vector<std::string> lines() {
    std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> lines_;
};

ReplayOptions To(const std::string& target) {
  ReplayOptions options;
  options.target = target;
  options.credentials = grpc::InsecureChannelCredentials();
  return options;
}

grpc::Status Echo(ScriptedCall& call) {
  while (std::optional<std::string> message = call.Read()) {
    if (!call.Write("re: " + *message)) return grpc::Status::CANCELLED;
  }
  call.context().AddTrailingMetadata("x-done", "yes");
  return grpc::Status::OK;
}

TEST_CASE("calls of all four kinds come back equal from a server that behaves the same") {
  ScriptedServer server({{"/p.S/Unary", Echo},
                         {"/p.S/ServerStream",
                          [](ScriptedCall& call) {
                            call.Read();
                            for (const char* text : {"1", "2", "3"}) call.Write(text);
                            return grpc::Status::OK;
                          }},
                         {"/p.S/ClientStream",
                          [](ScriptedCall& call) {
                            std::string all;
                            while (std::optional<std::string> message = call.Read()) all += *message;
                            call.Write(all);
                            return grpc::Status::OK;
                          }},
                         {"/p.S/Bidi", Echo},
                         {"/p.S/Fail", [](ScriptedCall& call) {
                            call.Read();
                            return grpc::Status(grpc::StatusCode::NOT_FOUND, "no \"x\"", "\x08\x05");
                          }}});
  std::vector<RecordBuilder> records;
  records.push_back(RecordBuilder(1, "/p.S/Unary")
                        .Request("a")
                        .HalfClose()
                        .Headers()
                        .Response("re: a")
                        .End()
                        .Trailer("x-done", "yes"));
  records.push_back(RecordBuilder(2, "/p.S/ServerStream", 1'767'323'046'000)
                        .Request("")
                        .HalfClose()
                        .Headers()
                        .Response("1")
                        .Response("2")
                        .Response("3")
                        .End());
  records.push_back(RecordBuilder(3, "/p.S/ClientStream", 1'767'323'047'000)
                        .Request("a")
                        .Request("b")
                        .HalfClose()
                        .Headers()
                        .Response("ab")
                        .End());
  records.push_back(RecordBuilder(4, "/p.S/Bidi", 1'767'323'048'000)
                        .Request("a")
                        .Headers()
                        .Response("re: a")
                        .Request("b")
                        .Response("re: b")
                        .HalfClose()
                        .End()
                        .Trailer("x-done", "yes"));
  records.push_back(RecordBuilder(5, "/p.S/Fail", 1'767'323'049'000)
                        .Request("a")
                        .HalfClose()
                        .End(5, "no \"x\"")
                        .Trailer("grpc-status-details-bin", "\x08\x05"));
  Audience audience(records);
  REQUIRE(Replay(To(server.address()), audience).ok());
  CHECK(audience.differences == std::vector<std::string>{});
  CHECK(audience.ids == std::vector<uint64_t>{1, 2, 3, 4, 5});
  CHECK_FALSE(audience.responses[4].headers_came);
}

TEST_CASE("a frame that followed a response is not sent before that response has come") {
  Journal journal;
  ScriptedServer server({{"/p.S/Slow", [&](ScriptedCall& call) {
                            call.Read();
                            journal.Add("got a");
                            absl::SleepFor(absl::Milliseconds(300));  // a replay that does not wait sends b meanwhile
                            journal.Add("answer");
                            call.Write("1");
                            call.Read();
                            journal.Add("got b");
                            return grpc::Status::OK;
                          }}});
  ReplayOptions options = To(server.address());
  Audience audience(
      {RecordBuilder(1, "/p.S/Slow").Request("a").Headers().Response("1").Request("b").HalfClose().End()});
  REQUIRE(Replay(options, audience).ok());
  CHECK(audience.differences == std::vector<std::string>{});
  CHECK(journal.lines() == std::vector<std::string>{"got a", "answer", "got b"});
  CHECK(audience.responses[0].notes.empty());
}

TEST_CASE("a stream that was open while other calls happened is open again, and is cancelled at the same place") {
  Journal journal;
  absl::Notification put;
  ScriptedServer server({{"/p.S/Watch",
                          [&](ScriptedCall& call) {
                            call.Read();
                            call.Write("created");
                            journal.Add("watching");
                            put.WaitForNotificationWithTimeout(absl::Seconds(20));
                            call.Write("event");
                            call.AwaitCancel();
                            journal.Add("watch cancelled");
                            return grpc::Status::CANCELLED;
                          }},
                         {"/p.S/Put", [&](ScriptedCall& call) {
                            call.Read();
                            journal.Add("put");
                            put.Notify();
                            call.Write("done");
                            return grpc::Status::OK;
                          }}});
  RecordBuilder watch(1, "/p.S/Watch");
  watch.Request("w").Headers().Response("created").At(100).Response("event").At(200).End(1, "CANCELLED",
                                                                                         v1::END_REASON_CANCELLED);
  RecordBuilder later(2, "/p.S/Put", 1'767'323'045'050);
  later.Request("p").HalfClose().Headers().Response("done").End();
  Audience audience({watch, later});
  REQUIRE(Replay(To(server.address()), audience).ok());
  CHECK(audience.differences == std::vector<std::string>{});
  CHECK(audience.ids == std::vector<uint64_t>{2, 1});
  server.Kill();  // joins the scripts
  CHECK(journal.lines() == std::vector<std::string>{"watching", "put", "watch cancelled"});
}

TEST_CASE("metadata, authority, deadline and added metadata reach the target") {
  std::vector<std::string> values;
  std::string host;
  bool has_deadline = false;
  std::vector<std::string> authorizations;
  std::vector<std::string> bytes;
  ScriptedServer server({{"/p.S/Look", [&](ScriptedCall& call) {
                            values = call.Metadata("x-a");
                            bytes = call.Metadata("x-b-bin");
                            authorizations = call.Metadata("authorization");
                            host = call.context().host();
                            has_deadline =
                                call.context().deadline() < std::chrono::system_clock::now() + std::chrono::seconds(60);
                            return grpc::Status::OK;
                          }}});
  RecordBuilder record(1, "/p.S/Look");
  record.HalfClose().End();
  record.Metadata("x-a", "1").Metadata("authorization", "hmac:123", true).Metadata("x-a", "2");
  record.Metadata("x-b-bin", std::string("\0\xff", 2));
  record.start().set_timeout_ns(30'000'000'000);
  ReplayOptions options = To(server.address());
  options.metadata = {{"authorization", "Bearer new"}};
  Audience audience({record});
  REQUIRE(Replay(options, audience).ok());
  CHECK(audience.differences == std::vector<std::string>{});
  CHECK(values == std::vector<std::string>{"1", "2"});
  CHECK(bytes == std::vector<std::string>{std::string("\0\xff", 2)});
  CHECK(authorizations == std::vector<std::string>{"Bearer new"});
  CHECK(host == "recorded.example");
  CHECK(has_deadline);
}

TEST_CASE("compressed frames are sent with the bytes, flag and encoding they had") {
  // "hello" as gzip made it once; the server inflates what is flagged.
  const std::string compressed(
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36\x05\x00\x00\x00", 25);
  ScriptedServer server({{"/p.S/Echo", Echo}});
  RecordBuilder record(1, "/p.S/Echo");
  record.Request(compressed, true)
      .Request("plain")
      .HalfClose()
      .Headers()
      .Response("re: hello")
      .Response("re: plain")
      .End();
  record.Trailer("x-done", "yes");
  record.start().set_encoding("gzip");
  Audience audience({record});
  REQUIRE(Replay(To(server.address()), audience).ok());
  CHECK(audience.differences == std::vector<std::string>{});
}

TEST_CASE("a passed deadline passes again") {
  ScriptedServer server({{"/p.S/Hang", [](ScriptedCall& call) {
                            call.AwaitCancel();
                            return grpc::Status::CANCELLED;
                          }}});
  RecordBuilder record(1, "/p.S/Hang");
  record.Request("a").HalfClose().At(100).End(4, "Deadline Exceeded", v1::END_REASON_DEADLINE);
  record.start().set_timeout_ns(100'000'000);
  Audience audience({record});
  REQUIRE(Replay(To(server.address()), audience).ok());
  CHECK(audience.differences == std::vector<std::string>{});
}

TEST_CASE("a target that ends a call early, or sends too much, differs") {
  ScriptedServer server({{"/p.S/Early",
                          [](ScriptedCall& call) {
                            call.Read();
                            return grpc::Status(grpc::StatusCode::ABORTED, "no");
                          }},
                         {"/p.S/Much", [](ScriptedCall& call) {
                            for (int i = 0; i < 100; ++i) call.Write("x");
                            return grpc::Status::OK;
                          }}});
  RecordBuilder early(1, "/p.S/Early");
  early.Request("a").Headers().Response("1").Request("b").Response("2").HalfClose().End();
  RecordBuilder much(2, "/p.S/Much", 1'767'323'046'000);
  much.HalfClose().Headers().Response("x").End();
  Audience audience({early, much});
  REQUIRE(Replay(To(server.address()), audience).ok());
  REQUIRE(audience.responses.size() == 2);
  CHECK(audience.responses[0].status_code == 10);
  REQUIRE(audience.responses[0].notes.size() == 1);
  CHECK_THAT(audience.responses[0].notes[0], Contains("ended before request frame 1"));
  CHECK(audience.responses[1].frame_count == 100);
  CHECK(audience.responses[1].frames.size() < 50);
  CHECK(audience.differences.size() >= 4);
}

TEST_CASE("what does not come is not waited for longer than allowed") {
  ScriptedServer server({{"/p.S/Hang", [](ScriptedCall& call) {
                            call.AwaitCancel();
                            return grpc::Status::CANCELLED;
                          }}});
  RecordBuilder record(1, "/p.S/Hang");
  record.Request("a").Headers().Response("1").Request("b").Response("2").HalfClose().End();
  ReplayOptions options = To(server.address());
  options.patience = absl::Milliseconds(200);
  Audience audience({record});
  const absl::Time begin = absl::Now();
  REQUIRE(Replay(options, audience).ok());
  CHECK(absl::Now() - begin < absl::Seconds(10));
  CHECK(audience.responses[0].status_code == 1);
  REQUIRE_FALSE(audience.responses[0].notes.empty());
  CHECK_THAT(audience.responses[0].notes[0], Contains("did not come within"));
  CHECK_FALSE(audience.differences.empty());
}

TEST_CASE("a target that does not read is given up") {
  ScriptedServer server({{"/p.S/Deaf", [](ScriptedCall& call) {
                            call.AwaitCancel();
                            return grpc::Status::CANCELLED;
                          }}});
  RecordBuilder record(1, "/p.S/Deaf");
  for (int i = 0; i < 40; ++i) record.Request(std::string(1 << 20, 'x'));
  record.HalfClose().End();
  ReplayOptions options = To(server.address());
  options.patience = absl::Milliseconds(300);
  Audience audience({record});
  REQUIRE(Replay(options, audience).ok());
  REQUIRE_FALSE(audience.responses[0].notes.empty());
  CHECK_THAT(audience.responses[0].notes[0], Contains("did not read"));
}

TEST_CASE("recorded gaps are kept at the speed asked for") {
  ScriptedServer server({{"/p.S/Echo", Echo}});
  const auto replay = [&](std::optional<double> speed) {
    RecordBuilder record(1, "/p.S/Echo");
    record.Request("a").Headers().Response("re: a").At(400).Request("b").At(410).Response("re: b").At(800).HalfClose();
    record.End().Trailer("x-done", "yes");
    ReplayOptions options = To(server.address());
    options.speed = speed;
    Audience audience({record});
    REQUIRE(Replay(options, audience).ok());
    CHECK(audience.differences == std::vector<std::string>{});
    return audience.responses[0].duration;
  };
  CHECK(replay(1) >= absl::Milliseconds(780));
  CHECK(replay(2) >= absl::Milliseconds(390));
}

TEST_CASE("an unreachable target is an error, not a difference") {
  RecordBuilder record(1, "/p.S/M");
  record.HalfClose().End();
  SECTION("from the start") {
    ReplayOptions options = To("127.0.0.1:1");
    options.patience = absl::Milliseconds(300);
    Audience audience({record});
    const absl::Status status = Replay(options, audience);
    CHECK(absl::IsUnavailable(status));
    CHECK_THAT(std::string(status.message()), Contains("127.0.0.1:1"));
    CHECK(audience.ids.empty());
  }
  SECTION("later on") {
    std::unique_ptr<ScriptedServer> server;
    std::thread killer;
    server = std::make_unique<ScriptedServer>(
        std::map<std::string, ScriptedServer::Script>{{"/p.S/M", [&](ScriptedCall& call) {
                                                         killer = std::thread([&] { server->Kill(); });
                                                         call.AwaitCancel();
                                                         return grpc::Status::CANCELLED;
                                                       }}});
    ReplayOptions options = To(server->address());
    options.patience = absl::Milliseconds(500);
    Audience audience({record});
    CHECK(absl::IsUnavailable(Replay(options, audience)));
    CHECK(audience.ids.empty());
    killer.join();
  }
  SECTION("but a server that says UNAVAILABLE is compared") {
    ScriptedServer server(
        {{"/p.S/M", [](ScriptedCall&) { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "closed today"); }}});
    Audience audience({record});
    CHECK(Replay(To(server.address()), audience).ok());
    CHECK(audience.differences.size() == 2);
  }
}

TEST_CASE("an interrupted replay cancels what is open and ends") {
  absl::Notification reached;
  std::atomic<bool> interrupted = false;
  ScriptedServer server({{"/p.S/Hang", [&](ScriptedCall& call) {
                            reached.Notify();
                            call.AwaitCancel();
                            return grpc::Status::CANCELLED;
                          }}});
  RecordBuilder record(1, "/p.S/Hang");
  record.HalfClose().At(3'600'000).End();
  ReplayOptions options = To(server.address());
  options.interrupted = &interrupted;
  Audience audience({record});
  std::thread interrupter([&] {
    reached.WaitForNotification();
    interrupted = true;
  });
  CHECK(absl::IsCancelled(Replay(options, audience)));
  interrupter.join();
  CHECK(audience.ids.empty());
}

}  // namespace
}  // namespace sallyport::replay
