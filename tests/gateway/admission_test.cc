// Who may call what, from the wire to the record: with API keys, which need nobody else, and a policy.
#include <catch2/catch.hpp>
#include <fstream>
#include <future>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "google/rpc/status.pb.h"
#include "recorder/api_keys/api_key_file.h"
#include "recorder/format/call_id.h"
#include "tests/gateway/rig.h"

namespace sallyport::testing {
namespace {

using Strings = std::vector<std::string>;

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

// A gateway that takes API keys.
class Guarded {
 public:
  explicit Guarded(std::string policy = "", Methods methods = Methods::kKnown, bool anonymous = false,
                   ScriptedServer::Script unary = EchoUnary, Rig::Adjust adjust = {})
      : alice_(Issue("alice", {"dev"}, absl::InfiniteFuture())),
        rig_({{kUnary, std::move(unary)}, {kBidi, EchoAll}}, methods, [&](gateway::GatewayOptions& options) {
          options.identity.api_keys_file = keys_file();
          options.identity.anonymous = anonymous;
          if (!policy.empty()) {
            WritePolicy(policy);
            options.policy_file = policy_file();
          }
          if (adjust) adjust(options);
          options_ = options;
        }) {}

  std::string Issue(const std::string& subject, const Strings& groups, absl::Time expires) {
    absl::StatusOr<recorder::NewApiKey> key =
        recorder::IssueApiKey(keys_file(), subject, groups, absl::Now(), expires, recorder::RealFileSystem());
    INFO(key.status().ToString());
    REQUIRE(key.ok());
    return std::string(key->text.view());
  }
  void WritePolicy(const std::string& text) { std::ofstream(policy_file()) << text; }

  std::string keys_file() const { return directory_.path() + "/api-keys"; }
  std::string policy_file() const { return directory_.path() + "/policy.yaml"; }
  const std::string& alice() const { return alice_; }
  Rig& rig() { return rig_; }
  const gateway::GatewayOptions& options() const { return options_; }  // what the gateway was started with
  std::string FileAt(const std::string& name) const { return directory_.path() + "/" + name; }

 private:
  TemporaryDirectory directory_;
  std::string alice_;
  gateway::GatewayOptions options_;
  Rig rig_;
};

struct Answer {
  grpc::Status status;
  std::string response;
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
};

Answer Call(const std::shared_ptr<grpc::Channel>& channel, const std::string& authorization,
            const std::string& path = kUnary) {
  BlockingCall call(channel, path);
  if (!authorization.empty()) call.context().AddMetadata("authorization", authorization);
  call.Start();
  call.Write("ping", grpc::WriteOptions().set_last_message());
  Answer answer;
  answer.response = call.Read().value_or("");
  answer.status = call.Finish();
  if (answer.details.ParseFromString(answer.status.error_details()) && answer.details.details_size() > 0) {
    answer.details.details(0).UnpackTo(&answer.info);
  }
  return answer;
}

const v1::Entry& EntryOf(const std::vector<v1::Entry>& entries, v1::Entry::EventCase event) {
  for (const v1::Entry& entry : entries) {
    if (entry.event_case() == event) return entry;
  }
  FAIL("the call has no entry of that kind");
  return entries.front();
}

Methods Both() { return GENERATE(Methods::kKnown, Methods::kUnknown); }

constexpr char kReaders[] =
    "access:\n"
    "  default: deny\n"
    "  rules:\n"
    "    - {name: readers, match: {groups: [dev], methods: [\"test.v1.Echo/*\"]}, action: allow}\n";

}  // namespace

TEST_CASE("a caller with a key gets in, and the record says who it was and how that was known") {
  Guarded guarded("", Both());
  Answer answer = Call(guarded.rig().channel(), "Bearer " + guarded.alice());
  INFO(answer.status.error_message());
  CHECK(answer.status.ok());
  CHECK(answer.response == "ping");

  const std::vector<recorder::CallSummary> calls = guarded.rig().Calls();
  REQUIRE(calls.size() == 1);
  CHECK(calls[0].identity == "api-keys#alice");
  const std::vector<v1::Entry> entries = guarded.rig().Entries(calls[0].id);
  const v1::CallStart& start = EntryOf(entries, v1::Entry::kStart).start();
  CHECK(start.identity().subject() == "alice");
  CHECK(start.identity().groups(0) == "dev");
  CHECK(start.identity().proof() == v1::PROOF_API_KEY);
  const v1::Decision& decision = EntryOf(entries, v1::Entry::kDecision).decision();
  CHECK(decision.outcome() == v1::Decision::OUTCOME_ALLOWED);
  uint64_t before = 0;
  for (const v1::Entry& entry : entries) {
    CHECK(entry.time_ns() >= before);
    before = entry.time_ns();
  }
  REQUIRE(decision.proofs_size() == 1);
  CHECK(decision.proofs(0).kind() == v1::PROOF_API_KEY);
  CHECK(decision.proofs(0).credential().starts_with("key="));
  for (const v1::Entry& entry : entries) CHECK(entry.SerializeAsString().find(guarded.alice()) == std::string::npos);
}

TEST_CASE("nobody gets in without a proof, or with one that does not hold, and that is recorded") {
  Guarded guarded("", Both());
  const std::string wrong[] = {"",
                               "Bearer",
                               "Bearer ",
                               "Basic YWxpY2U6eA==",
                               "Bearer " + guarded.alice() + "x",
                               guarded.alice(),
                               "Bearer nonsense",
                               "Bearer  sallyport_0_0"};
  for (const std::string& authorization : wrong) {
    CAPTURE(authorization);
    Answer answer = Call(guarded.rig().channel(), authorization);
    CHECK(answer.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
    CHECK(answer.response.empty());
    CHECK(answer.info.reason() == "UNAUTHENTICATED");
    CHECK(answer.info.domain() == "sallyport");
    CHECK(recorder::ParseId(answer.info.metadata().at("call")).has_value());
    CHECK(answer.status.error_message().find(guarded.alice()) == std::string::npos);
  }
  const std::vector<recorder::CallSummary> calls = guarded.rig().Calls();
  REQUIRE(calls.size() == std::size(wrong));
  for (const recorder::CallSummary& call : calls) {
    CHECK(call.identity == "anonymous");
    CHECK(call.end_reason == v1::END_REASON_REFUSED);
    CHECK(call.status_code == grpc::StatusCode::UNAUTHENTICATED);
    const std::vector<v1::Entry> entries = guarded.rig().Entries(call.id);
    CHECK(EntryOf(entries, v1::Entry::kDecision).decision().outcome() == v1::Decision::OUTCOME_UNAUTHENTICATED);
  }
}

TEST_CASE("a key that is revoked or has expired lets nobody in") {
  Guarded guarded;
  const std::string short_lived = guarded.Issue("bob", {}, absl::Now() + absl::Hours(1));
  const std::string revoked = guarded.Issue("carol", {}, absl::InfiniteFuture());
  // Keys come into use when the gateway has read the file again.
  for (const std::string& key : {short_lived, revoked}) {
    while (!Call(guarded.rig().channel(), "Bearer " + key).status.ok()) absl::SleepFor(absl::Milliseconds(20));
  }
  const std::string id(*recorder::ApiKeyIdOf(revoked));
  REQUIRE(recorder::RevokeApiKey(guarded.keys_file(), id, absl::Now(), recorder::RealFileSystem()).ok());
  Answer answer;
  do {
    answer = Call(guarded.rig().channel(), "Bearer " + revoked);
  } while (answer.status.ok());
  CHECK(answer.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(Call(guarded.rig().channel(), "Bearer " + short_lived).status.ok());
}

TEST_CASE("anonymous callers get in where the configuration says so, but a wrong proof is worse than none") {
  Guarded guarded("", Methods::kKnown, true);
  CHECK(Call(guarded.rig().channel(), "").status.ok());
  CHECK(Call(guarded.rig().channel(), "Bearer nonsense").status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  const std::vector<recorder::CallSummary> calls = guarded.rig().Calls();
  for (const v1::Entry& entry : guarded.rig().Entries(calls.at(0).id)) CHECK_FALSE(entry.has_decision());
}

TEST_CASE("what no rule allows is refused, with the rule and the call's id, and recorded") {
  Guarded guarded(kReaders, Both());
  const std::string bob = guarded.Issue("bob", {"sales"}, absl::InfiniteFuture());
  while (Call(guarded.rig().channel(), "Bearer " + bob).status.error_code() == grpc::StatusCode::UNAUTHENTICATED) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  Answer denied = Call(guarded.rig().channel(), "Bearer " + bob);
  CHECK(denied.status.error_code() == grpc::StatusCode::PERMISSION_DENIED);
  CHECK(denied.info.reason() == "ACCESS_DENIED");
  CHECK(denied.info.metadata().at("rule") == "default");
  Answer allowed = Call(guarded.rig().channel(), "Bearer " + guarded.alice());
  CHECK(allowed.status.ok());
  // What there is to be called is nothing for who may call nothing.
  CHECK(Call(guarded.rig().channel(), "Bearer " + guarded.alice(), "/other.v1.Service/Get").status.error_code() ==
        grpc::StatusCode::PERMISSION_DENIED);

  const std::optional<uint64_t> id = recorder::ParseId(denied.info.metadata().at("call"));
  REQUIRE(id.has_value());
  guarded.rig().Calls();
  const std::vector<v1::Entry> entries = guarded.rig().Entries(*id);
  const v1::Decision& decision = EntryOf(entries, v1::Entry::kDecision).decision();
  CHECK(decision.outcome() == v1::Decision::OUTCOME_DENIED);
  CHECK(decision.rule() == "default");
  CHECK(decision.policy().size() == 16);
  // The caller's status details are in the record as it got them.
  const v1::CallEnd& end = EntryOf(entries, v1::Entry::kEnd).end();
  CHECK(end.reason() == v1::END_REASON_REFUSED);
  REQUIRE(end.trailers_size() == 1);
  CHECK(end.trailers(0).value() == denied.status.error_details());
}

TEST_CASE("a rule in shadow refuses nobody and is recorded") {
  Guarded guarded(
      "access:\n"
      "  default: allow\n"
      "  rules:\n"
      "    - {name: no-alice, match: {identities: [alice]}, action: deny, shadow: true}\n");
  CHECK(Call(guarded.rig().channel(), "Bearer " + guarded.alice()).status.ok());
  const std::vector<recorder::CallSummary> calls = guarded.rig().Calls();
  const std::vector<v1::Entry> entries = guarded.rig().Entries(calls.at(0).id);
  const v1::Decision& decision = EntryOf(entries, v1::Entry::kDecision).decision();
  CHECK(decision.outcome() == v1::Decision::OUTCOME_ALLOWED);
  REQUIRE(decision.shadow_size() == 1);
  CHECK(decision.shadow(0) == "no-alice");
}

TEST_CASE("a limit that is exceeded says when to come again") {
  Guarded guarded(
      "access: {default: allow}\n"
      "limits:\n"
      "  - {name: slow, per: [identity], calls_per_second: 0.001, burst: 2}\n");
  CHECK(Call(guarded.rig().channel(), "Bearer " + guarded.alice()).status.ok());
  CHECK(Call(guarded.rig().channel(), "Bearer " + guarded.alice()).status.ok());
  Answer limited = Call(guarded.rig().channel(), "Bearer " + guarded.alice());
  CHECK(limited.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(limited.info.reason() == "LIMIT_EXCEEDED");
  CHECK(limited.info.metadata().at("limit") == "slow");
  REQUIRE(limited.details.details_size() == 2);
  google::rpc::RetryInfo retry;
  REQUIRE(limited.details.details(1).UnpackTo(&retry));
  CHECK(retry.retry_delay().seconds() > 100);
  const std::vector<recorder::CallSummary> calls = guarded.rig().Calls();
  const std::vector<v1::Entry> entries = guarded.rig().Entries(calls.at(2).id);
  CHECK(EntryOf(entries, v1::Entry::kDecision).decision().outcome() == v1::Decision::OUTCOME_LIMITED);
}

TEST_CASE("calls that are open count until they end") {
  Guarded guarded(
      "access: {default: allow}\n"
      "limits:\n"
      "  - {name: one, per: [identity], open_calls: 1}\n",
      Both());
  BlockingCall open(guarded.rig().channel(), kBidi);
  open.context().AddMetadata("authorization", "Bearer " + guarded.alice());
  open.Start();
  REQUIRE(open.Write("a"));
  REQUIRE(open.Read() == "a");
  CHECK(Call(guarded.rig().channel(), "Bearer " + guarded.alice()).status.error_code() ==
        grpc::StatusCode::RESOURCE_EXHAUSTED);
  open.HalfClose();
  CHECK(open.Finish().ok());
  // The caller hears of the end just before the gateway is done with the call.
  while (!Call(guarded.rig().channel(), "Bearer " + guarded.alice()).status.ok()) {
  }
}

TEST_CASE("messages over the limit of bytes are slowed down, and a call that is held back can be cancelled") {
  Guarded guarded(
      "access: {default: allow}\n"
      "limits:\n"
      "  - {name: bytes, bytes_per_second: 10KiB}\n",
      Both());
  BlockingCall call(guarded.rig().channel(), kBidi);
  call.context().AddMetadata("authorization", "Bearer " + guarded.alice());
  call.Start();
  // Far more than the rate allows for minutes: the next message is held back.
  REQUIRE(call.Write(std::string(2 << 20, 'x')));
  REQUIRE(call.Write("held back"));
  CHECK(call.Read().value_or("").size() == 2 << 20);
  call.context().TryCancel();
  CHECK(call.Finish().error_code() == grpc::StatusCode::CANCELLED);
  const std::vector<recorder::CallSummary> calls = guarded.rig().Calls();
  REQUIRE(calls.size() == 1);
  CHECK(calls[0].end_reason == v1::END_REASON_CANCELLED);
  CHECK(calls[0].request_frames == 1);
}

TEST_CASE("a stream ends when its caller's proof expires") {
  Guarded guarded("", Both());
  const std::string key = guarded.Issue("bob", {}, absl::Now() + absl::Seconds(4));
  while (!Call(guarded.rig().channel(), "Bearer " + key).status.ok()) absl::SleepFor(absl::Milliseconds(20));
  BlockingCall call(guarded.rig().channel(), kBidi);
  call.context().AddMetadata("authorization", "Bearer " + key);
  call.Start();
  REQUIRE(call.Write("a"));
  REQUIRE(call.Read() == "a");
  CHECK_FALSE(call.Read().has_value());  // nobody sends anything: the gateway ends it
  const grpc::Status status = call.Finish();
  CHECK(status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(status.error_details()));
  google::rpc::ErrorInfo info;
  REQUIRE(details.details(0).UnpackTo(&info));
  CHECK(info.reason() == "PROOF_EXPIRED");
}

TEST_CASE("a policy that changes counts for the next call, and a broken one changes nothing") {
  Guarded guarded(kReaders);
  const auto call = [&] { return Call(guarded.rig().channel(), "Bearer " + guarded.alice()).status.error_code(); };
  CHECK(call() == grpc::StatusCode::OK);
  guarded.WritePolicy("access: {default: deny, rules: [{name: x, actoin: allow}]}\n");
  CHECK_FALSE(guarded.rig().gateway().ReloadPolicy().ok());
  CHECK(call() == grpc::StatusCode::OK);
  guarded.WritePolicy("access: {default: deny}\n");
  REQUIRE(guarded.rig().gateway().ReloadPolicy().ok());
  CHECK(call() == grpc::StatusCode::PERMISSION_DENIED);
}

TEST_CASE("policies that change under load drop no call") {
  Guarded guarded(kReaders, Both());
  std::atomic<bool> stop = false;
  std::vector<std::future<int>> callers;
  for (int i = 0; i < 4; ++i) {
    callers.push_back(std::async(std::launch::async, [&] {
      int bad = 0;
      while (!stop) {
        if (!Call(guarded.rig().channel(), "Bearer " + guarded.alice(), kBidi).status.ok()) ++bad;
      }
      return bad;
    }));
  }
  for (int i = 0; i < 50; ++i) {
    guarded.WritePolicy(absl::StrCat(kReaders, "# ", i, "\n"));
    REQUIRE(guarded.rig().gateway().ReloadPolicy().ok());
  }
  stop = true;
  for (std::future<int>& caller : callers) CHECK(caller.get() == 0);
}

TEST_CASE("a configuration that is read again counts for the next call, and its policy file is watched from then on") {
  Guarded guarded;
  const auto call = [&] { return Call(guarded.rig().channel(), "Bearer " + guarded.alice()).status.error_code(); };
  BlockingCall open(guarded.rig().channel(), kBidi);
  open.context().AddMetadata("authorization", "Bearer " + guarded.alice());
  open.Start();
  REQUIRE(open.Write("a"));
  REQUIRE(open.Read() == "a");
  CHECK(call() == grpc::StatusCode::OK);

  gateway::GatewayOptions changed = guarded.options();
  changed.policy_file = guarded.FileAt("later.yaml");
  CHECK_FALSE(guarded.rig().gateway().Reload(changed).ok());  // there is no such file: nothing changes
  CHECK(call() == grpc::StatusCode::OK);
  std::ofstream(changed.policy_file) << "access: {default: deny}\n";
  REQUIRE(guarded.rig().gateway().Reload(changed).ok());
  CHECK(call() == grpc::StatusCode::PERMISSION_DENIED);
  std::ofstream(changed.policy_file) << "access: {default: allow}\n";
  while (call() != grpc::StatusCode::OK) absl::SleepFor(absl::Milliseconds(20));

  // Callers are now asked for other keys; the call that is open goes on as it began.
  changed.identity.api_keys_file = guarded.FileAt("other-keys");
  REQUIRE(recorder::IssueApiKey(changed.identity.api_keys_file, "bob", {}, absl::Now(), absl::InfiniteFuture(),
                                recorder::RealFileSystem())
              .ok());
  REQUIRE(guarded.rig().gateway().Reload(changed).ok());
  CHECK(call() == grpc::StatusCode::UNAUTHENTICATED);
  REQUIRE(open.Write("b"));
  CHECK(open.Read() == "b");
  open.HalfClose();
  CHECK(open.Finish().ok());
}

TEST_CASE("an API key is shown to no token endpoint") {
  // Nobody listens there: had the gateway asked, the call would end as UNAVAILABLE.
  gateway::TokenExchangeOptions exchange;
  exchange.endpoint.url = "http://127.0.0.1:1/token";
  exchange.endpoint.auth = gateway::ClientAuth::kNone;
  exchange.subject_token_type = "urn:ietf:params:oauth:token-type:access_token";
  Guarded guarded("", Both(), false, EchoUnary, [&](gateway::GatewayOptions& options) {
    options.upstreams[0].credentials =
        gateway::UpstreamCredentialsOptions{{}, {{"authorization", "Bearer ", exchange}}, {}};
  });
  CHECK(Call(guarded.rig().channel(), "Bearer " + guarded.alice()).status.error_code() ==
        grpc::StatusCode::UNAUTHENTICATED);
}

TEST_CASE("the caller's authorization stays with the gateway") {
  Strings authorization = {"not called"};
  Guarded guarded("", Both(), false, [&](ScriptedCall& call) {
    authorization = call.Metadata("authorization");
    return EchoUnary(call);
  });
  CHECK(Call(guarded.rig().channel(), "Bearer " + guarded.alice()).status.ok());
  CHECK(authorization.empty());
}

}  // namespace sallyport::testing
