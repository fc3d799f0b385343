// What upstreams and callers see of the gateway's credentials, through the whole gateway.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/gateway/rig.h"

namespace sallyport::gateway {
namespace {

using testing::BlockingCall;
using testing::kBidi;
using testing::kUnary;
using testing::Methods;
using testing::Rig;
using testing::ScriptedCall;
using testing::TemporaryDirectory;

using Metadata = std::multimap<std::string, std::string>;

Methods Both() { return GENERATE(Methods::kKnown, Methods::kUnknown); }

CredentialOptions FromFile(const TemporaryDirectory& directory, const std::string& name, const std::string& secret) {
  const std::string path = absl::StrCat(directory.path(), "/", name);
  std::ofstream(path) << secret;
  return {name, "", SecretOptions{SecretOptions::Kind::kFile, path}};
}

CredentialOptions FromCommand(const std::string& command) {
  return {"token", "", SecretOptions{SecretOptions::Kind::kCommand, command, absl::Minutes(10), absl::Seconds(60)}};
}

Rig::Adjust With(std::vector<CredentialOptions> credentials, bool forward = false) {
  return [credentials, forward](GatewayOptions& options) {
    if (!credentials.empty()) options.upstreams[0].credentials = UpstreamCredentialsOptions{{}, credentials, {}};
    options.routes[0].match.set_forward_authorization(forward);
  };
}

// An upstream that keeps what it was sent, and ends each call with the status that `answer` gives.
struct SeenCalls {
  std::map<std::string, testing::ScriptedServer::Script> scripts() {
    const auto script = [this](ScriptedCall& call) {
      Metadata seen;
      for (const auto& [key, value] : call.context().client_metadata()) {
        seen.emplace(std::string(key.data(), key.size()), std::string(value.data(), value.size()));
      }
      const std::string request = call.Read().value_or("");
      const grpc::Status status = answer(seen);
      {
        std::lock_guard lock(mutex);
        calls.push_back(std::move(seen));
      }
      if (status.ok()) call.Write(request);
      return status;
    };
    return {{kUnary, script}, {kBidi, script}};
  }
  size_t count() {
    std::lock_guard lock(mutex);
    return calls.size();
  }
  Metadata At(size_t index) {
    std::lock_guard lock(mutex);
    return calls.at(index);
  }

  std::mutex mutex;
  std::vector<Metadata> calls;
  std::function<grpc::Status(const Metadata&)> answer = [](const Metadata&) { return grpc::Status::OK; };
};

std::vector<std::string> Values(const Metadata& metadata, const std::string& key) {
  std::vector<std::string> values;
  const auto [begin, end] = metadata.equal_range(key);
  for (auto pair = begin; pair != end; ++pair) values.push_back(pair->second);
  return values;
}

grpc::Status CallWith(Rig& rig, const Metadata& metadata = {}) {
  BlockingCall call(rig.channel(), kUnary);
  for (const auto& [key, value] : metadata) call.context().AddMetadata(key, value);
  call.Start();
  call.Write("x", grpc::WriteOptions().set_last_message());
  call.Read();
  return call.Finish();
}

// Everything that the record has of all calls.
std::string Record(Rig& rig) {
  std::string all;
  for (const recorder::CallSummary& call : rig.Calls()) {
    for (const v1::Entry& entry : rig.Entries(call.id)) all += entry.DebugString();
  }
  return all;
}

// A pipe that a command reads the secret from, and so waits for.
struct SlowSecret {
  SlowSecret() {
    for (const std::string& made : {path, asked_path}) REQUIRE(mkfifo(made.c_str(), 0600) == 0);
    asked = open(asked_path.c_str(), O_RDWR);
    REQUIRE(asked >= 0);
  }
  ~SlowSecret() { close(asked); }
  CredentialOptions credential() const { return FromCommand("echo > " + asked_path + "; cat " + path); }
  // Returns when the command runs.
  void AwaitAsked() const {
    char end_of_line = 0;
    REQUIRE(read(asked, &end_of_line, 1) == 1);
  }
  // Returns when the command reads, which must have been asked for.
  void Give(const std::string& secret) const { std::ofstream(path) << secret; }

  TemporaryDirectory directory;
  const std::string path = directory.path() + "/pipe";
  const std::string asked_path = directory.path() + "/asked";
  int asked = -1;
};

}  // namespace

TEST_CASE("the caller's own authorization stays with the gateway, unless the route forwards it") {
  SeenCalls upstream;
  const bool forward = GENERATE(false, true);
  Rig rig(upstream.scripts(), Both(), With({}, forward));
  REQUIRE(CallWith(rig, {{"authorization", "Bearer callers"}, {"authorization-bin", "callers"}, {"x-kept", "1"}}).ok());
  const Metadata seen = upstream.At(0);
  const size_t expected = forward ? 1 : 0;
  CHECK(Values(seen, "authorization").size() == expected);
  CHECK(Values(seen, "authorization-bin").size() == expected);
  CHECK(Values(seen, "x-kept") == std::vector<std::string>{"1"});
}

TEST_CASE(
    "the upstream sees the gateway's secrets and none that the caller sends in their place; the record has neither") {
  TemporaryDirectory directory;
  SeenCalls upstream;
  Rig rig(upstream.scripts(), Both(),
          With({FromFile(directory, "authorization", "canary-1"), FromFile(directory, "x-api-key", "canary-2")}));
  REQUIRE(CallWith(rig, {{"authorization", "Bearer forged"},
                         {"x-api-key", "forged"},
                         {"x_api_key", "forged"},
                         {"x-api-key-bin", "forged"},
                         {"x-other", "kept"}})
              .ok());
  const Metadata seen = upstream.At(0);
  CHECK(Values(seen, "authorization") == std::vector<std::string>{"canary-1"});
  CHECK(Values(seen, "x-api-key") == std::vector<std::string>{"canary-2"});
  CHECK(Values(seen, "x-other") == std::vector<std::string>{"kept"});
  for (const auto& [key, value] : seen) CHECK_FALSE(absl::StrContains(value, "forged"));
  const std::string record = Record(rig);
  CHECK(absl::StrContains(record, "x-other"));
  CHECK_FALSE(absl::StrContains(record, "canary"));
}

TEST_CASE("a call waits for its credentials, and calls that need none do not wait for it") {
  SlowSecret slow;
  SeenCalls upstream;
  Rig rig(upstream.scripts(), Both(), [&](GatewayOptions& options) {
    With({slow.credential()})(options);
    UpstreamOptions other = options.upstreams[0];
    other.name = "other";
    other.credentials.reset();
    options.upstreams.push_back(other);
    RouteOptions route;
    (*route.match.mutable_metadata())["to"] = "other";
    route.upstream = "other";
    options.routes.insert(options.routes.begin(), route);
  });
  constexpr int kWaiting = 20;
  std::vector<std::unique_ptr<BlockingCall>> waiting;
  for (int i = 0; i < kWaiting; ++i) {
    waiting.push_back(std::make_unique<BlockingCall>(rig.channel(), i % 2 == 0 ? kUnary : kBidi));
    waiting.back()->Start();
    waiting.back()->Write("x", grpc::WriteOptions().set_last_message());
  }
  // More than gRPC has threads, should one of those that wait hold one.
  for (int i = 0; i < 50; ++i) REQUIRE(CallWith(rig, {{"to", "other"}}).ok());
  CHECK(upstream.count() == 50);
  slow.Give("s3cret");
  for (const auto& call : waiting) {
    CHECK(call->Read() == "x");
    CHECK(call->Finish().ok());
  }
  REQUIRE(upstream.count() == 50 + kWaiting);
  for (int i = 0; i < kWaiting; ++i) {
    CHECK(Values(upstream.At(50 + i), "token") == std::vector<std::string>{"s3cret"});
  }
}

TEST_CASE("a caller that gives up while its call waits for credentials is let go at once") {
  SlowSecret slow;
  SeenCalls upstream;
  Rig rig(upstream.scripts(), Both(), With({slow.credential()}));
  const bool deadline = GENERATE(false, true);
  for (const char* path : {kUnary, kBidi}) {
    BlockingCall call(rig.channel(), path);
    if (deadline) call.context().set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    call.Start();
    call.Write("x", grpc::WriteOptions().set_last_message());
    if (!deadline) call.context().TryCancel();
    CHECK(call.Finish().error_code() == (deadline ? grpc::StatusCode::DEADLINE_EXCEEDED : grpc::StatusCode::CANCELLED));
  }
  // The gateway is still sound, and what comes in the end goes to who still waits.
  BlockingCall call(rig.channel(), kUnary);
  call.Start();
  call.Write("x", grpc::WriteOptions().set_last_message());
  slow.Give("s3cret");
  CHECK(call.Read() == "x");
  CHECK(call.Finish().ok());
  CHECK(upstream.count() == 1);
  // In no order: a call that was cancelled at once may be taken up after the next one.
  std::map<v1::EndReason, int> reasons;
  for (const recorder::CallSummary& summary : rig.Calls()) ++reasons[summary.end_reason];
  CHECK(reasons == std::map<v1::EndReason, int>{
                       {deadline ? v1::END_REASON_DEADLINE : v1::END_REASON_CANCELLED, 2},
                       {v1::END_REASON_COMPLETED, 1},
                   });
}

TEST_CASE("a gateway that ends does not wait for credentials that calls wait for") {
  SlowSecret slow;
  SeenCalls upstream;
  Rig rig(upstream.scripts(), Both(), With({slow.credential()}));
  BlockingCall call(rig.channel(), kUnary);
  call.Start();
  call.Write("x", grpc::WriteOptions().set_last_message());
  slow.AwaitAsked();
  // Cut short by the gateway, which has all it needs to say so.
  REQUIRE(rig.gateway().Shutdown(absl::Milliseconds(100)).ok());
  CHECK_FALSE(call.Finish().ok());
  slow.Give("too late");
}

TEST_CASE("an upstream that answers UNAUTHENTICATED gets another token with the next call") {
  TemporaryDirectory directory;
  const std::string count = directory.path() + "/count";
  SeenCalls upstream;
  upstream.answer = [](const Metadata& seen) {
    return Values(seen, "token") == std::vector<std::string>{"1"}
               ? grpc::Status(grpc::StatusCode::UNAUTHENTICATED, "invalid token")
               : grpc::Status::OK;
  };
  Rig rig(upstream.scripts(), Both(), With({FromCommand("echo run >> " + count + "; wc -l < " + count)}));
  CHECK(CallWith(rig).error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(CallWith(rig).ok());
  CHECK(CallWith(rig).ok());
  REQUIRE(upstream.count() == 3);
  CHECK(Values(upstream.At(2), "token") == std::vector<std::string>{"2"});
}

TEST_CASE("a call whose credentials cannot be had is refused, and the record says so without a secret") {
  SeenCalls upstream;
  Rig rig(upstream.scripts(), Both(), With({FromCommand("echo canary; echo canary >&2; exit 1")}));
  const grpc::Status status = CallWith(rig);
  CHECK(status.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(status.error_message() == "the gateway cannot obtain its credentials for upstream upstream; its log says why");
  CHECK(upstream.count() == 0);
  const std::string record = Record(rig);
  CHECK(absl::StrContains(record, "END_REASON_REFUSED"));
  CHECK_FALSE(absl::StrContains(record, "canary"));
}

TEST_CASE("an upstream that repeats the gateway's secret is not passed on, neither to the caller nor into the record") {
  TemporaryDirectory directory;
  enum class Where { kHeaders, kTrailers, kMessage };
  const Where where = GENERATE(Where::kHeaders, Where::kTrailers, Where::kMessage);
  const auto repeat = [where](ScriptedCall& call) {
    const std::string secret = call.Metadata("authorization").at(0).substr(7);
    call.Read();
    if (where == Where::kHeaders) call.context().AddInitialMetadata("seen", secret);
    if (where == Where::kTrailers) call.context().AddTrailingMetadata("seen", "token=" + secret);
    if (where != Where::kMessage) call.Write("x");
    return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, where == Where::kMessage ? "who is " + secret + "?" : "");
  };
  CredentialOptions credential = FromFile(directory, "authorization", "canary-123");
  credential.prefix = "Bearer ";
  Rig rig({{kUnary, repeat}}, Both(), With({credential}));
  BlockingCall call(rig.channel(), kUnary);
  call.Start();
  call.Write("x", grpc::WriteOptions().set_last_message());
  call.Read();
  const grpc::Status status = call.Finish();
  CHECK(status.error_code() == grpc::StatusCode::INTERNAL);
  CHECK(absl::StrContains(status.error_message(), "repeat the gateway's own credentials"));
  CHECK(call.Headers("seen").empty());
  CHECK(call.Trailers("seen").empty());
  CHECK_FALSE(absl::StrContains(Record(rig), "canary"));
}

TEST_CASE("a secret that changes in its file is what later calls carry") {
  TemporaryDirectory directory;
  SeenCalls upstream;
  Rig rig(upstream.scripts(), Both(), With({FromFile(directory, "x-api-key", "one")}));
  REQUIRE(CallWith(rig).ok());
  FromFile(directory, "x-api-key", "two");
  std::set<std::string> seen;
  const absl::Time give_up = absl::Now() + absl::Seconds(30);
  while (!seen.contains("two") && absl::Now() < give_up) {
    REQUIRE(CallWith(rig).ok());
    seen.insert(Values(upstream.At(upstream.count() - 1), "x-api-key").at(0));
  }
  CHECK(seen.contains("two"));
}

TEST_CASE("of what callers send in place of credentials the record keeps fingerprints") {
  TemporaryDirectory directory;
  SeenCalls seen;
  const bool routed = GENERATE(true, false);
  Rig rig(seen.scripts(), Both(), [&](GatewayOptions& options) {
    With({FromFile(directory, "x-api-key", "the-gateways-own")})(options);
    // Where it would have gone is not known then.
    if (!routed) options.routes[0].match.add_services("elsewhere.*");
  });
  CallWith(rig, {{"x-api-key", "stolen-1"},
                 {"x_api_key", "stolen-2"},
                 {"authorization-bin", "stolen-3"},
                 {"cookie-bin", "stolen-4"},
                 {"x-other", "open"}});
  const std::vector<recorder::CallSummary> calls = rig.Calls();
  REQUIRE(calls.size() == 1);
  int fingerprints = 0;
  for (const v1::Entry& entry : rig.Entries(calls[0].id)) {
    CHECK_FALSE(absl::StrContains(entry.SerializeAsString(), "stolen"));
    for (const v1::Metadatum& pair : entry.start().metadata()) {
      if (pair.fingerprint()) ++fingerprints;
      if (pair.key() == "x-other") CHECK(pair.value() == "open");
    }
  }
  CHECK(fingerprints == 4);
}

}  // namespace sallyport::gateway
