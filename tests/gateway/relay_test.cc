// The relay between a real gRPC client and a real gRPC server: neither must be able to tell, whether the method is
// known or not.
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <set>
#include <string>

#include "tests/gateway/rig.h"

namespace sallyport::testing {
namespace {

using Strings = std::vector<std::string>;

Methods Both() { return GENERATE(Methods::kKnown, Methods::kUnknown); }

grpc::Status EchoUnary(ScriptedCall& call) {
  std::string request = call.Read().value_or("");
  call.Write(request);
  return grpc::Status::OK;
}

grpc::Status EchoAll(ScriptedCall& call) {
  while (std::optional<std::string> message = call.Read()) {
    if (!call.Write(*message)) break;
  }
  return grpc::Status::OK;
}

}  // namespace

TEST_CASE("a unary call's messages and metadata pass both ways, duplicates and binary values included") {
  const std::string binary("\0\xff\x80 \n", 5);
  Strings twice;
  Strings bytes;
  std::string host;
  Rig rig({{kUnary,
            [&](ScriptedCall& call) {
              twice = call.Metadata("twice");
              bytes = call.Metadata("bytes-bin");
              host = call.context().host();
              call.context().AddInitialMetadata("header", "a");
              call.context().AddInitialMetadata("header", "b");
              call.context().AddInitialMetadata("header-bin", binary);
              call.context().AddTrailingMetadata("trailer", "c");
              call.context().AddTrailingMetadata("trailer", "d");
              call.context().AddTrailingMetadata("trailer-bin", binary);
              return EchoUnary(call);
            }}},
          Both());
  BlockingCall call(rig.channel(), kUnary);
  call.context().set_authority("pay.example");
  call.context().AddMetadata("twice", "one");
  call.context().AddMetadata("twice", "two");
  call.context().AddMetadata("bytes-bin", binary);
  call.Start();
  call.Write("ping", grpc::WriteOptions().set_last_message());
  CHECK(call.Read() == "ping");
  CHECK(call.Finish().ok());
  CHECK(twice == Strings{"one", "two"});
  CHECK(bytes == Strings{binary});
  CHECK(host == "pay.example");
  CHECK(call.Headers("header") == Strings{"a", "b"});
  CHECK(call.Headers("header-bin") == Strings{binary});
  CHECK(call.Trailers("trailer") == Strings{"c", "d"});
  CHECK(call.Trailers("trailer-bin") == Strings{binary});
}

TEST_CASE("streams of all kinds pass, frame by frame") {
  Methods methods = Both();
  auto collect = [](ScriptedCall& call) {
    std::string all;
    while (std::optional<std::string> message = call.Read()) all += *message;
    call.Write(all);
    return grpc::Status::OK;
  };
  auto spread = [](ScriptedCall& call) {
    std::string request = call.Read().value_or("");
    for (char c : request) call.Write(std::string(1, c));
    return grpc::Status::OK;
  };
  Rig rig({{kClientStream, collect}, {kServerStream, spread}, {kBidi, EchoAll}}, methods);

  BlockingCall up(rig.channel(), kClientStream);
  up.Start();
  for (const char* part : {"a", "", "b", "c"}) REQUIRE(up.Write(part));
  REQUIRE(up.HalfClose());
  CHECK(up.Read() == "abc");
  CHECK(up.Finish().ok());

  BlockingCall down(rig.channel(), kServerStream);
  down.Start();
  REQUIRE(down.Write("xyz", grpc::WriteOptions().set_last_message()));
  CHECK(down.Read() == "x");
  CHECK(down.Read() == "y");
  CHECK(down.Read() == "z");
  CHECK_FALSE(down.Read().has_value());
  CHECK(down.Finish().ok());

  // Each answer is there before the next question is asked: nothing is held back.
  BlockingCall both(rig.channel(), kBidi);
  both.Start();
  for (int i = 0; i < 50; ++i) {
    REQUIRE(both.Write(std::to_string(i)));
    REQUIRE(both.Read() == std::to_string(i));
  }
  REQUIRE(both.HalfClose());
  CHECK_FALSE(both.Read().has_value());
  CHECK(both.Finish().ok());
}

TEST_CASE("an upstream may end a stream before the caller has half-closed") {
  Rig rig({{kBidi,
            [](ScriptedCall& call) {
              call.Read();
              return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "enough");
            }}},
          Both());
  BlockingCall call(rig.channel(), kBidi);
  call.Start();
  REQUIRE(call.Write("one"));
  CHECK_FALSE(call.Read().has_value());
  grpc::Status status = call.Finish();
  CHECK(status.error_code() == grpc::StatusCode::FAILED_PRECONDITION);
  CHECK(status.error_message() == "enough");
}

TEST_CASE("a call without any message passes as it is, whatever the method is known to be") {
  std::atomic<int> messages{-1};
  auto count = [&](ScriptedCall& call) {
    int n = 0;
    while (call.Read().has_value()) ++n;
    messages = n;
    return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no message");
  };
  Rig rig({{kUnary, count}, {kBidi, count}}, Both());
  for (const char* path : {kUnary, kBidi}) {
    messages = -1;
    BlockingCall call(rig.channel(), path);
    call.Start();
    REQUIRE(call.HalfClose());
    CHECK_FALSE(call.Read().has_value());
    CHECK(call.Finish().error_message() == "no message");
    CHECK(messages == 0);
  }
}

TEST_CASE("messages of 0 bytes and of 64 MiB pass") {
  Methods methods = Both();
  Rig rig({{kUnary, EchoUnary}, {kBidi, EchoAll}}, methods);
  std::string large((64 << 20), 'x');
  large[12345] = 'y';
  for (const char* path : {kUnary, kBidi}) {
    CHECK(CallUnary(rig.channel(), path, "").status.ok());
    UnaryResult result = CallUnary(rig.channel(), path, large);
    INFO(result.status.error_message());
    CHECK(result.status.ok());
    CHECK(result.response == large);
  }
}

TEST_CASE("a message over the configured limit is refused with RESOURCE_EXHAUSTED that names the limit") {
  Methods methods = Both();
  auto answer = [](ScriptedCall& call) {
    call.Read();
    call.Write(std::string(5000, 'x'));
    return grpc::Status::OK;
  };
  Rig rig({{kUnary, answer}, {kBidi, answer}}, methods, [](gateway::GatewayOptions& options) {
    options.message_bytes = 4096;
    options.upstreams[0].message_bytes = 4096;
  });
  for (const char* path : {kUnary, kBidi}) {
    UnaryResult request = CallUnary(rig.channel(), path, std::string(5000, 'x'));
    CHECK(request.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
    CHECK_THAT(request.status.error_message(), Catch::Contains("4096"));
    UnaryResult response = CallUnary(rig.channel(), path, "small");
    CHECK(response.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
    CHECK_THAT(response.status.error_message(), Catch::Contains("4096"));
  }
}

TEST_CASE("response headers arrive when the upstream sends them, before any message") {
  std::promise<void> seen;
  std::shared_future<void> headers_seen = seen.get_future().share();
  auto slow = [headers_seen](ScriptedCall& call) {
    std::string request = call.Read().value_or("");
    call.context().AddInitialMetadata("early", "yes");
    call.SendHeaders();
    // The response waits for the caller to have the headers: a relay that held them back would never end.
    headers_seen.wait_for(std::chrono::seconds(20));
    call.Write(request);
    return grpc::Status::OK;
  };
  Rig rig({{kUnary, slow}, {kBidi, slow}}, Both());
  const char* path = GENERATE(kUnary, kBidi);
  BlockingCall call(rig.channel(), path);
  call.Start();
  REQUIRE(call.Write("late", grpc::WriteOptions().set_last_message()));
  auto begun = std::chrono::steady_clock::now();
  REQUIRE(call.ReadHeaders());
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(15));
  CHECK(call.Headers("early") == Strings{"yes"});
  seen.set_value();
  CHECK(call.Read() == "late");
  CHECK(call.Finish().ok());
}

TEST_CASE("every status code passes with its message and its details, once") {
  const std::string details("\x08\x05\x12\x03odd", 7);
  auto fail = [&](ScriptedCall& call) {
    int code = std::stoi(call.Read().value_or("0"));
    return grpc::Status(static_cast<grpc::StatusCode>(code), "code " + std::to_string(code) + " ü \x01 %", details);
  };
  Rig rig({{kUnary, fail}, {kBidi, fail}}, Both());
  for (const char* path : {kUnary, kBidi}) {
    for (int code = 1; code <= 16; ++code) {
      BlockingCall call(rig.channel(), path);
      call.Start();
      call.Write(std::to_string(code), grpc::WriteOptions().set_last_message());
      CHECK_FALSE(call.Read().has_value());
      grpc::Status status = call.Finish();
      CHECK(status.error_code() == code);
      CHECK(status.error_message() == "code " + std::to_string(code) + " ü \x01 %");
      CHECK(status.error_details() == details);
      CHECK(call.Trailers("grpc-status-details-bin") == Strings{details});
    }
  }
}

TEST_CASE("a record is complete: everything that passed, in order") {
  Methods methods = Both();
  Rig rig({{kUnary,
            [](ScriptedCall& call) {
              call.context().AddInitialMetadata("header", "h");
              call.context().AddTrailingMetadata("trailer", "t");
              std::string request = call.Read().value_or("");
              call.Write(request + "!");
              return grpc::Status::OK;
            }}},
          methods);
  BlockingCall call(rig.channel(), kUnary);
  call.context().AddMetadata("key", "value");
  call.context().AddMetadata("authorization", "Bearer very-secret-token");
  call.context().set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  call.Start();
  call.Write("hello", grpc::WriteOptions().set_last_message());
  call.Read();
  REQUIRE(call.Finish().ok());

  std::vector<recorder::CallSummary> calls = rig.Calls();
  REQUIRE(calls.size() == 1);
  CHECK(calls[0].method == "test.v1.Echo/Unary");
  CHECK(calls[0].identity == "anonymous");
  CHECK(calls[0].upstream == "upstream");
  CHECK(calls[0].session_id == calls[0].id);
  CHECK(calls[0].request_frames == 1);
  CHECK(calls[0].response_bytes == 6);
  std::vector<v1::Entry> entries = rig.Entries(calls[0].id);
  REQUIRE(entries.size() == 6);
  const v1::CallStart& start = entries[0].start();
  CHECK(start.method() == kUnary);
  CHECK(start.timeout_ns() > 20'000'000'000);
  CHECK(start.timeout_ns() <= 30'300'000'000);
  CHECK(start.descriptors().empty() == (methods == Methods::kUnknown));
  CHECK(start.path() == (methods == Methods::kKnown ? v1::PATH_UNARY : v1::PATH_STREAM));
  bool key = false;
  for (const v1::Metadatum& pair : start.metadata()) {
    CHECK_THAT(pair.value(), !Catch::Contains("very-secret-token"));
    if (pair.key() == "authorization") CHECK(pair.fingerprint());
    if (pair.key() == "key") key = pair.value() == "value";
  }
  CHECK(key);
  CHECK(entries[1].frame().payload() == "hello");
  CHECK(entries[1].frame().direction() == v1::DIRECTION_REQUEST);
  std::set<int> kinds;
  for (const v1::Entry& entry : entries) kinds.insert(entry.event_case());
  CHECK(kinds == std::set<int>{v1::Entry::kStart, v1::Entry::kFrame, v1::Entry::kHalfClose, v1::Entry::kResponseHeaders,
                               v1::Entry::kEnd});
  const v1::CallEnd& end = entries[5].end();
  CHECK(end.reason() == v1::END_REASON_COMPLETED);
  CHECK(end.response_frames() == 1);
  CHECK(end.duration_ns() > 0);
  REQUIRE(end.trailers_size() == 1);
  CHECK(end.trailers(0).value() == "t");
}

TEST_CASE("calls pass and are recorded in every durability mode") {
  auto durability =
      GENERATE(gateway::Durability::kWriteAhead, gateway::Durability::kCommit, gateway::Durability::kRelaxed);
  Rig rig({{kUnary, EchoUnary}, {kBidi, EchoAll}}, Both(),
          [durability](gateway::GatewayOptions& options) { options.durability = durability; });
  for (int i = 0; i < 20; ++i) {
    CHECK(CallUnary(rig.channel(), kUnary, "u").response == "u");
    CHECK(CallUnary(rig.channel(), kBidi, "b").response == "b");
  }
  CHECK(rig.Calls().size() == 40);
}

TEST_CASE("calls on one connection are one session, and so are those that name one") {
  Rig rig({{kUnary, EchoUnary}}, Methods::kKnown);
  CallUnary(rig.channel(), kUnary, "1");
  CallUnary(rig.channel(), kUnary, "2");
  for (int i = 0; i < 2; ++i) {
    BlockingCall named(Dial(rig.address()), kUnary);
    named.context().AddMetadata("sallyport-session", "nightly");
    named.Start();
    named.Write("x", grpc::WriteOptions().set_last_message());
    named.Read();
    CHECK(named.Finish().ok());
  }
  std::vector<recorder::CallSummary> calls = rig.Calls();
  REQUIRE(calls.size() == 4);
  CHECK(calls[0].session_id == calls[1].session_id);
  CHECK(calls[2].session_id == calls[3].session_id);
  CHECK(calls[0].session_id != calls[2].session_id);
}

TEST_CASE("names that belong to the gateway are not passed on to the upstream") {
  std::atomic<size_t> seen{99};
  Rig rig({{kUnary,
            [&](ScriptedCall& call) {
              seen = call.Metadata("sallyport-session").size();
              return EchoUnary(call);
            }}},
          Both());
  BlockingCall call(rig.channel(), kUnary);
  call.context().AddMetadata("sallyport-session", "mine");
  call.Start();
  call.Write("x", grpc::WriteOptions().set_last_message());
  call.Read();
  CHECK(call.Finish().ok());
  CHECK(seen == 0);
}

TEST_CASE("a gateway listens on several addresses, UNIX sockets among them") {
  TemporaryDirectory directory;
  std::string socket = "unix:" + directory.path() + "/gateway.sock";
  Rig rig({{kUnary, EchoUnary}}, Methods::kKnown, [&](gateway::GatewayOptions& options) {
    options.listen.push_back(socket);
    options.listen.push_back("127.0.0.1:0");
  });
  REQUIRE(rig.gateway().addresses().size() == 3);
  for (const std::string& address : rig.gateway().addresses()) {
    CHECK(CallUnary(Dial(address), kUnary, "x").response == "x");
  }
}

TEST_CASE("an address that is taken is an error that names it") {
  Rig rig({}, Methods::kUnknown);
  TemporaryDirectory directory;
  gateway::GatewayOptions options = OptionsFor("127.0.0.1:1", directory.path() + "/data");
  options.listen = {rig.address()};
  absl::StatusOr<std::unique_ptr<gateway::Gateway>> second = gateway::Gateway::Start(options);
  REQUIRE_FALSE(second.ok());
  CHECK_THAT(std::string(second.status().message()), Catch::Contains(rig.address()));
}

TEST_CASE("a slow reader holds the writer back: 100,000 frames pass with bounded buffering") {
  constexpr int kFrames = 100'000;
  std::atomic<int> written{0};
  Rig rig({{kServerStream,
            [&](ScriptedCall& call) {
              call.Read();
              std::string frame(2000, 'x');
              for (int i = 0; i < kFrames; ++i) {
                if (!call.Write(frame)) break;
                ++written;
              }
              return grpc::Status::OK;
            }}},
          Both());
  BlockingCall call(rig.channel(), kServerStream);
  call.Start();
  REQUIRE(call.Write("go", grpc::WriteOptions().set_last_message()));
  // While nobody reads, the writer stops after what the flow-control windows and one frame in hand hold: watch it stand
  // still.
  int before = -1;
  for (int now = written; now != before || now == 0; now = written) {
    before = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
  }
  CHECK(written < kFrames / 2);
  int read = 0;
  while (call.Read().has_value()) ++read;
  CHECK(read == kFrames);
  CHECK(call.Finish().ok());
}

}  // namespace sallyport::testing
