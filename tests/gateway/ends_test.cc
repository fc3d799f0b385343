// However a call ends, and whatever state it is in then: the record says what a caller beside it saw on the wire.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/relay/legs/misdescribed_methods.h"
#include "recorder/api_keys/api_key_file.h"
#include "tests/fakes/raw_caller.h"
#include "tests/gateway/rig.h"

namespace sallyport::testing {
namespace {

// How far a call has come.
enum class State {
  kSilent,      // nothing of the request has come
  kWaiting,     // for what its upstream is to be shown
  kAsked,       // the upstream has the request and says nothing
  kHeaders,     // there are response headers
  kStreaming,   // a response message has come
  kHalfClosed,  // likewise, and there are no more requests
  kUnread,      // a response message is on its way to a caller that takes none
  kPaused,      // a limit holds both directions back
};

enum class Ender { kStop, kSecondSignal, kExpiry, kCancel, kClose, kCrash, kDeadline, kUpstreamStops };

const char* Name(State state) {
  constexpr const char* kNames[] = {"silent",    "waiting",     "asked",  "headers",
                                    "streaming", "half-closed", "unread", "paused"};
  return kNames[static_cast<int>(state)];
}
const char* Name(Ender ender) {
  constexpr const char* kNames[] = {"the gateway stops", "a second signal",   "expiry", "cancel", "close", "crash",
                                    "deadline",          "the upstream stops"};
  return kNames[static_cast<int>(ender)];
}

// A pipe that the upstream's credential comes from, which never comes.
struct SlowSecret {
  SlowSecret() {
    for (const std::string& made : {path, asked_path}) REQUIRE(mkfifo(made.c_str(), 0600) == 0);
    asked = open(asked_path.c_str(), O_RDWR);
    REQUIRE(asked >= 0);
  }
  ~SlowSecret() { close(asked); }
  void Install(gateway::GatewayOptions& options) const {
    const gateway::SecretOptions secret{gateway::SecretOptions::Kind::kCommand,
                                        "echo > " + asked_path + "; cat " + path, absl::Minutes(10), absl::Seconds(60)};
    options.upstreams[0].credentials = gateway::UpstreamCredentialsOptions{{}, {{"token", "", secret}}, {}};
  }
  void AwaitAsked() const {
    char end_of_line = 0;
    REQUIRE(read(asked, &end_of_line, 1) == 1);
  }
  // Lets the command go, if it runs.
  void Release() const {
    const int pipe = open(path.c_str(), O_WRONLY | O_NONBLOCK);
    if (pipe >= 0) close(pipe);
  }

  TemporaryDirectory directory;
  const std::string path = directory.path() + "/pipe";
  const std::string asked_path = directory.path() + "/asked";
  int asked = -1;
};

// An upstream that does what the first request says, and then holds the call open.
struct Upstream {
  grpc::Status Serve(ScriptedCall& call) {
    const std::string request = call.Read().value_or("");
    if (request == "headers") call.SendHeaders();
    if (request == "stream") call.Write("one");
    if (request == "large") call.Write(std::string(100'000, 'x'));
    if (request.size() > 1000) call.Write(request);
    ++asked;
    call.AwaitCancel();
    return grpc::Status::CANCELLED;
  }
  std::map<std::string, ScriptedServer::Script> scripts() {
    const auto script = [this](ScriptedCall& call) { return Serve(call); };
    return {{kBidi, script}, {kUnary, script}};
  }
  void AwaitAsked() const {
    const absl::Time limit = absl::Now() + absl::Seconds(60);
    while (asked == 0 && absl::Now() < limit) absl::SleepFor(absl::Milliseconds(1));
    REQUIRE(asked > 0);
  }
  std::atomic<int> asked{0};
};

constexpr char kSlowLimit[] =
    "access: {default: allow}\n"
    "limits: [{name: bytes, bytes_per_second: 1KiB}]\n";

// One call and all around it.
class Stage {
 public:
  Stage(State state, Ender ender, Methods methods, const char* path)
      : state_(state),
        rig_(upstream_.scripts(), methods,
             [&](gateway::GatewayOptions& options) {
               if (state == State::kWaiting) secret_.Install(options);
               if (state == State::kPaused) {
                 options.policy_file = directory_.path() + "/policy.yaml";
                 std::ofstream(options.policy_file) << kSlowLimit;
               }
               if (ender != Ender::kExpiry) return;
               options.identity.api_keys_file = directory_.path() + "/api-keys";
               const auto key = recorder::IssueApiKey(options.identity.api_keys_file, "bob", {}, absl::Now(),
                                                      absl::Now() + absl::Seconds(4), recorder::RealFileSystem());
               REQUIRE(key.ok());
               metadata_.emplace_back("authorization", absl::StrCat("Bearer ", std::string(key->text.view())));
             }),
        caller_(rig_.address(), state == State::kUnread ? 100 : 16 << 20) {
    if (ender == Ender::kDeadline) metadata_.emplace_back("grpc-timeout", "1500m");
    stream_ = caller_.Open(path, metadata_);
    Reach();
  }
  ~Stage() { secret_.Release(); }

  void End(Ender ender) {
    switch (ender) {
      case Ender::kStop:
        REQUIRE(rig_.gateway().Shutdown(absl::ZeroDuration()).ok());
        break;
      case Ender::kSecondSignal:
        rig_.gateway().EndGrace();
        REQUIRE(rig_.gateway().Shutdown(absl::Minutes(10)).ok());
        break;
      case Ender::kExpiry:
      case Ender::kDeadline:
        break;
      case Ender::kCancel:
        caller_.Cancel(stream_);
        break;
      case Ender::kClose:
      case Ender::kCrash:
        caller_.Close(ender == Ender::kCrash);
        break;
      case Ender::kUpstreamStops:
        rig_.upstream().Kill();
        break;
    }
  }

  const RawCaller::Seen& Seen() { return caller_.AwaitEnd(stream_); }

  // Of the one call.
  v1::CallEnd Recorded() {
    const std::vector<recorder::CallSummary> calls = rig_.Calls();
    REQUIRE(calls.size() == 1);
    const std::vector<v1::Entry> entries = rig_.Entries(calls[0].id);
    REQUIRE(entries.back().has_end());
    return entries.back().end();
  }

 private:
  void Reach() {
    switch (state_) {
      case State::kSilent:
        break;
      case State::kWaiting:
        caller_.Send(stream_, "wait");
        secret_.AwaitAsked();
        break;
      case State::kAsked:
        caller_.Send(stream_, "wait");
        upstream_.AwaitAsked();
        break;
      case State::kHeaders:
        caller_.Send(stream_, "headers");
        REQUIRE(caller_.AwaitHeaders(stream_));
        break;
      case State::kStreaming:
      case State::kHalfClosed:
        caller_.Send(stream_, "stream");
        if (state_ == State::kHalfClosed) caller_.HalfClose(stream_);
        REQUIRE(caller_.AwaitMessages(stream_, 1));
        break;
      case State::kUnread:
        caller_.Send(stream_, "large");
        REQUIRE(caller_.AwaitHeaders(stream_));
        upstream_.AwaitAsked();
        break;
      case State::kPaused:
        // More than the rate allows for a minute.
        caller_.Send(stream_, std::string(60'000, 'x'));
        REQUIRE(caller_.AwaitMessages(stream_, 1));
        caller_.Send(stream_, "held back");
        break;
    }
  }

  const State state_;
  TemporaryDirectory directory_;
  SlowSecret secret_;
  Upstream upstream_;
  RawCaller::Pairs metadata_;
  Rig rig_;
  RawCaller caller_;
  uint32_t stream_ = 0;
};

struct Expected {
  v1::EndReason reason;
  int code;
  const char* message;  // part of it
  bool told;            // the status is on the wire
};

Expected ExpectedOf(Ender ender) {
  switch (ender) {
    case Ender::kStop:
    case Ender::kSecondSignal:
      return {v1::END_REASON_REFUSED, 14, "the gateway is stopping", true};
    case Ender::kExpiry:
      return {v1::END_REASON_REFUSED, 16, "has expired", true};
    case Ender::kDeadline:
      return {v1::END_REASON_DEADLINE, 4, "Deadline Exceeded", true};
    case Ender::kUpstreamStops:
      return {v1::END_REASON_COMPLETED, 14, "", true};
    case Ender::kCancel:
    case Ender::kClose:
    case Ender::kCrash:
      break;
  }
  return {v1::END_REASON_CANCELLED, 1, "Cancelled", false};
}

v1::Told ToldOf(Ender ender, State state) {
  if ((ender == Ender::kStop || ender == Ender::kSecondSignal) && state == State::kUnread) return v1::TOLD_UNSURE;
  return ExpectedOf(ender).told ? v1::TOLD_STATUS : v1::TOLD_NOTHING;
}

v1::EndedBy EndedByOf(Ender ender) {
  switch (ExpectedOf(ender).reason) {
    case v1::END_REASON_REFUSED:
      return v1::ENDED_BY_GATEWAY;
    case v1::END_REASON_COMPLETED:
      return v1::ENDED_BY_UPSTREAM;
    default:
      return v1::ENDED_BY_CALLER;
  }
}

// Whether what a stopping gateway says of a write depends on which came first: what was written may have arrived before
// the gateway knows so, and what is to stay unread may not have been begun.
bool IsClose(Ender ender, State state) {
  return (ender == Ender::kStop || ender == Ender::kSecondSignal) &&
         (state == State::kStreaming || state == State::kHalfClosed || state == State::kUnread);
}

// Returns what the record says the caller was told.
v1::Told CheckOnce(Ender ender, State state, Methods methods, const char* path) {
  Stage stage(state, ender, methods, path);
  stage.End(ender);
  const Expected expected = ExpectedOf(ender);
  const bool there = ender != Ender::kCancel && ender != Ender::kClose && ender != Ender::kCrash;
  const RawCaller::Seen seen = there ? stage.Seen() : RawCaller::Seen();
  const v1::CallEnd end = stage.Recorded();
  CHECK(v1::EndReason_Name(end.reason()) == v1::EndReason_Name(expected.reason));
  CHECK(end.status_code() == expected.code);
  CHECK_THAT(end.status_message(), Catch::Contains(expected.message));
  CHECK(seen.status.has_value() == expected.told);
  CHECK(end.connection_lost() == (ender == Ender::kClose || ender == Ender::kCrash));
  CHECK(v1::EndedBy_Name(end.ended_by()) == v1::EndedBy_Name(EndedByOf(ender)));
  if (seen.status.has_value()) {
    CHECK(*seen.status == absl::StrCat(end.status_code()));
    CHECK(seen.message == end.status_message());
  }
  return end.told();
}

void Check(Ender ender, State state, Methods methods, const char* path) {
  INFO(Name(ender) << ", call " << Name(state) << ", method " << path
                   << (methods == Methods::kKnown ? ", known" : ", unknown"));
  v1::Told told = CheckOnce(ender, state, methods, path);
  for (int again = 0; again < 5 && IsClose(ender, state) && told != ToldOf(ender, state); ++again) {
    // Neither is wrong, and which it is mostly is not left to chance.
    CHECK((told == v1::TOLD_STATUS || told == v1::TOLD_UNSURE));
    told = CheckOnce(ender, state, methods, path);
  }
  CHECK(v1::Told_Name(told) == v1::Told_Name(ToldOf(ender, state)));
}

}  // namespace

TEST_CASE("a stream's end is recorded as its caller saw it, whoever ends it in whichever state") {
  for (const Ender ender : {Ender::kStop, Ender::kCancel, Ender::kClose, Ender::kCrash, Ender::kDeadline}) {
    for (const State state : {State::kWaiting, State::kAsked, State::kHeaders, State::kStreaming, State::kHalfClosed,
                              State::kUnread, State::kPaused}) {
      Check(ender, state, Methods::kUnknown, kBidi);
    }
  }
  for (const State state : {State::kAsked, State::kHeaders, State::kStreaming, State::kHalfClosed}) {
    Check(Ender::kUpstreamStops, state, Methods::kUnknown, kBidi);
  }
}

TEST_CASE("a stream whose caller's proof expires is told so in whichever state") {
  for (const State state :
       {State::kAsked, State::kHeaders, State::kStreaming, State::kHalfClosed, State::kUnread, State::kPaused}) {
    Check(Ender::kExpiry, state, Methods::kUnknown, kBidi);
  }
}

TEST_CASE("the end of a call of a method known to be unary is recorded as its caller saw it, whoever ends it") {
  for (const Ender ender : {Ender::kStop, Ender::kCancel, Ender::kClose, Ender::kCrash, Ender::kDeadline}) {
    for (const State state : {State::kWaiting, State::kAsked, State::kHeaders}) {
      Check(ender, state, Methods::kKnown, kUnary);
    }
  }
  for (const State state : {State::kAsked, State::kHeaders}) {
    Check(Ender::kUpstreamStops, state, Methods::kKnown, kUnary);
  }
}

TEST_CASE("a deadline ends calls that nothing of the request has come of, and is recorded as their callers saw it") {
  Check(Ender::kDeadline, State::kSilent, Methods::kKnown, kUnary);
  Check(Ender::kDeadline, State::kSilent, Methods::kUnknown, kBidi);
}

TEST_CASE("a gateway that is told to hurry does not wait for its grace to run out") {
  Check(Ender::kSecondSignal, State::kStreaming, Methods::kUnknown, kBidi);
}

namespace {

// A call by hand of one request; what was seen of its end.
RawCaller::Seen CallOnce(Rig& rig, const char* path, const std::string& request,
                         const RawCaller::Pairs& metadata = {}) {
  RawCaller caller(rig.address());
  const uint32_t stream = caller.Open(path, metadata);
  caller.Send(stream, request);
  caller.HalfClose(stream);
  return caller.AwaitEnd(stream);
}

// Every end of the record in order.
std::vector<v1::CallEnd> Ends(Rig& rig) {
  std::vector<v1::CallEnd> ends;
  for (const recorder::CallSummary& call : rig.Calls()) {
    const std::vector<v1::Entry> entries = rig.Entries(call.id);
    REQUIRE(entries.back().has_end());
    ends.push_back(entries.back().end());
  }
  return ends;
}

}  // namespace

TEST_CASE("statuses of an upstream are recorded as its callers get them, also those that gRPC has no name for") {
  const auto answer = [](ScriptedCall& call) {
    const std::string request = call.Read().value_or("");
    if (request == "answer") call.Write("text");
    return grpc::Status(static_cast<grpc::StatusCode>(request == "answer" ? 0 : std::stoi(request)), "as it came: ä%");
  };
  for (const auto& [methods, path] : {std::pair(Methods::kKnown, kUnary), std::pair(Methods::kUnknown, kBidi)}) {
    Rig rig({{path, answer}}, methods);
    std::vector<RawCaller::Seen> seen;
    for (const char* code : {"answer", "0", "5", "16", "17", "99", "-1", "2147483647"}) {
      seen.push_back(CallOnce(rig, path, code));
    }
    const std::vector<v1::CallEnd> ends = Ends(rig);
    REQUIRE(ends.size() == seen.size());
    for (size_t i = 0; i < ends.size(); ++i) {
      INFO(i << ": " << ends[i].ShortDebugString());
      REQUIRE(seen[i].status.has_value());
      CHECK(*seen[i].status == absl::StrCat(ends[i].status_code()));
      CHECK(seen[i].message == ends[i].status_message());
    }
    CHECK(ends[5].status_code() == 99);
  }
}

TEST_CASE("what the gateway itself refuses is recorded as its callers are told it") {
  const auto echo = [](ScriptedCall& call) {
    call.Write(call.Read().value_or(""));
    return grpc::Status::OK;
  };
  for (const auto& [methods, path] : {std::pair(Methods::kKnown, kUnary), std::pair(Methods::kUnknown, kBidi)}) {
    Rig rig({{path, echo}}, methods, [](gateway::GatewayOptions& options) {
      options.message_bytes = 4096;
      options.upstreams[0].message_bytes = 4096;
    });
    std::vector<RawCaller::Seen> seen;
    seen.push_back(CallOnce(rig, path, std::string(5000, 'x')));  // too large
    seen.push_back(CallOnce(rig, path, "x", {{"authorization", "a"}, {"authorization", "b"}}));
    seen.push_back(CallOnce(rig, "/no-such-path", "x"));
    {
      RawCaller caller(rig.address());
      const uint32_t stream = caller.Open(path, {{"grpc-encoding", "zstd"}});
      caller.SendBytes(stream, std::string("\1\0\0\0\1x", 6), true);  // compressed, nobody knows how
      seen.push_back(caller.AwaitEnd(stream));
    }
    const std::vector<v1::CallEnd> ends = Ends(rig);
    REQUIRE(ends.size() == seen.size());
    for (size_t i = 0; i < ends.size(); ++i) {
      INFO(path << " " << i << ": recorded " << ends[i].ShortDebugString() << "; seen "
                << seen[i].status.value_or("no status") << " " << seen[i].message);
      REQUIRE(seen[i].status.has_value());
      CHECK(*seen[i].status == absl::StrCat(ends[i].status_code()));
      CHECK(seen[i].message == ends[i].status_message());
      CHECK(ends[i].reason() == v1::END_REASON_REFUSED);
      CHECK(ends[i].told() == v1::TOLD_STATUS);
      CHECK(ends[i].ended_by() == v1::ENDED_BY_GATEWAY);
    }
  }
}

TEST_CASE("a second response to a method known to be unary ends the call at once, and the next is a stream") {
  const auto twice = [](ScriptedCall& call) {
    call.Read();
    call.Write("one");
    call.Write("two");
    return grpc::Status::OK;
  };
  Rig rig({{kUnary, twice}}, Methods::kKnown);
  const RawCaller::Seen first = CallOnce(rig, kUnary, "x");
  CHECK(first.status == "13");
  CHECK_THAT(first.message, Catch::Contains("test.v1.Echo/Unary"));
  const RawCaller::Seen second = CallOnce(rig, kUnary, "x");
  CHECK(second.status == "0");
  CHECK(second.messages == std::vector<std::string>{"one", "two"});
  const std::vector<v1::CallEnd> ends = Ends(rig);
  REQUIRE(ends.size() == 2);
  CHECK(ends[0].reason() == v1::END_REASON_REFUSED);
  CHECK(ends[0].status_code() == 13);
  CHECK(ends[0].status_message() == first.message);
  CHECK(ends[1].reason() == v1::END_REASON_COMPLETED);
  CHECK(ends[1].response_frames() == 2);
}

TEST_CASE("a second response is noticed however long after the first it comes") {
  const auto slowly = [](ScriptedCall& call) {
    call.Read();
    call.SendHeaders();
    absl::SleepFor(absl::Milliseconds(50));
    call.Write("one");
    absl::SleepFor(absl::Milliseconds(300));
    call.Write("two");
    call.AwaitCancel();
    return grpc::Status::OK;
  };
  Rig rig({{kUnary, slowly}}, Methods::kKnown);
  CHECK(CallOnce(rig, kUnary, "x").status == "13");
}

TEST_CASE("a status that comes long after the response of a unary method is not cut") {
  const auto late = [](ScriptedCall& call) {
    const bool headers_first = call.Read() == "headers first";
    if (headers_first) {
      call.SendHeaders();
      absl::SleepFor(absl::Milliseconds(100));
    }
    call.Write("one");
    absl::SleepFor(absl::Milliseconds(500));
    call.context().AddTrailingMetadata("late", "yes");
    return grpc::Status(headers_first ? grpc::StatusCode::OK : grpc::StatusCode::DATA_LOSS, "");
  };
  Rig rig({{kUnary, late}}, Methods::kKnown);
  const RawCaller::Seen seen = CallOnce(rig, kUnary, "headers first");
  CHECK(seen.status == "0");
  CHECK(seen.messages == std::vector<std::string>{"one"});
  CHECK(CallOnce(rig, kUnary, "x").status == "15");
}

TEST_CASE("what was learnt of a method holds for its upstream and its descriptors, and is bounded") {
  gateway::MisdescribedMethods methods;
  const auto* one = reinterpret_cast<const gateway::Upstream*>(&methods);
  CHECK_FALSE(methods.Has(one, "/a.B/C", "v1"));
  methods.Add(one, "/a.B/C", "v1");
  CHECK(methods.Has(one, "/a.B/C", "v1"));
  CHECK_FALSE(methods.Has(one, "/a.B/C", "v2"));
  CHECK_FALSE(methods.Has(one, "/a.B/D", "v1"));
  CHECK_FALSE(methods.Has(nullptr, "/a.B/C", "v1"));
  size_t kept = 0;
  for (int i = 0; i < 3000; ++i) methods.Add(one, absl::StrCat("/a.B/", i), "v1");
  for (int i = 0; i < 3000; ++i) kept += methods.Has(one, absl::StrCat("/a.B/", i), "v1") ? 1 : 0;
  CHECK(kept <= gateway::MisdescribedMethods::kMost);
}

}  // namespace sallyport::testing
