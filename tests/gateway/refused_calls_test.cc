// Floods of refused calls, from the wire to the record and the disk: with API keys, which need nobody else.
#include <catch2/catch.hpp>
#include <filesystem>
#include <random>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/admin/metrics.h"
#include "gateway/relay/recording/refused_record.h"
#include "google/rpc/status.pb.h"
#include "recorder/api_keys/api_key_file.h"
#include "recorder/crypto/text.h"
#include "recorder/format/gateway_notes.h"
#include "sallyport/v1/record.pb.h"
#include "tests/gateway/rig.h"

namespace sallyport::testing {
namespace {

using gateway::RefusalTable;

grpc::Status EchoUnary(ScriptedCall& call) {
  call.Write(call.Read().value_or(""));
  return grpc::Status::OK;
}

// A gateway that takes one API key, and lets few calls be refused.
class Guarded {
 public:
  explicit Guarded(gateway::RefusalLimits limits)
      : key_(Issue()), rig_({{kUnary, EchoUnary}}, Methods::kKnown, [&](gateway::GatewayOptions& options) {
          options.identity.api_keys_file = keys_file();
          options.identity.anonymous = false;
          options.refusals = limits;
        }) {}

  const std::string& key() const { return key_; }
  Rig& rig() { return rig_; }

 private:
  std::string keys_file() const { return directory_.path() + "/api-keys"; }
  std::string Issue() {
    absl::StatusOr<recorder::NewApiKey> key = recorder::IssueApiKey(keys_file(), "alice", {}, absl::Now(),
                                                                    absl::InfiniteFuture(), recorder::RealFileSystem());
    REQUIRE(key.ok());
    return std::string(key->text.view());
  }

  TemporaryDirectory directory_;
  std::string key_;
  Rig rig_;
};

using Metadata = std::vector<std::pair<std::string, std::string>>;

grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel, const std::string& token,
                  const Metadata& metadata = {}, const std::string& path = kUnary) {
  BlockingCall call(channel, path);
  if (!token.empty()) call.context().AddMetadata("authorization", "Bearer " + token);
  for (const auto& [name, value] : metadata) call.context().AddMetadata(name, value);
  call.Start();
  call.Write("ping", grpc::WriteOptions().set_last_message());
  call.Read();
  return call.Finish();
}

std::string ReasonOf(const grpc::Status& status, google::rpc::RetryInfo* retry = nullptr) {
  google::rpc::Status details;
  google::rpc::ErrorInfo info;
  if (!details.ParseFromString(status.error_details()) || details.details_size() == 0) return "";
  details.details(0).UnpackTo(&info);
  if (retry != nullptr && details.details_size() > 1) details.details(1).UnpackTo(retry);
  return info.reason();
}

std::string ValueOf(const google::protobuf::RepeatedPtrField<v1::Metadatum>& metadata, std::string_view key) {
  for (const v1::Metadatum& pair : metadata) {
    if (pair.key() == key) return pair.value();
  }
  return "";
}

size_t BytesOf(const std::vector<v1::Entry>& entries) {
  size_t bytes = 0;
  for (const v1::Entry& entry : entries) bytes += entry.ByteSizeLong() + 4;
  return bytes;
}

std::string Random(std::minstd_rand& random, size_t size) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>('!' + random() % 90);
  return text;
}

uint64_t BytesIn(const std::string& directory) {
  uint64_t bytes = 0;
  for (const auto& file : std::filesystem::recursive_directory_iterator(directory)) {
    if (file.is_regular_file()) bytes += file.file_size();
  }
  return bytes;
}

}  // namespace

TEST_CASE("a session's name that is too long is refused, and refused calls are in no session") {
  Guarded guarded({});
  const grpc::Status refused =
      Call(guarded.rig().channel(), guarded.key(), {{"sallyport-session", std::string(6000, 'n')}});
  CHECK(refused.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(absl::StrContains(refused.error_message(), "256"));
  CHECK(Call(guarded.rig().channel(), "", {{"sallyport-session", "night"}}).error_code() ==
        grpc::StatusCode::UNAUTHENTICATED);
  CHECK(Call(guarded.rig().channel(), guarded.key(), {{"sallyport-session", std::string(256, 'n')}}).ok());
  const std::vector<recorder::CallSummary> calls = guarded.rig().Calls();
  REQUIRE(calls.size() == 3);
  for (size_t i : {0, 1}) {
    CHECK(calls[i].session_id == 0);
    const std::vector<v1::Entry> entries = guarded.rig().Entries(calls[i].id);
    CHECK(entries.at(0).start().session_name().empty());
    CHECK_FALSE(ValueOf(entries.at(0).start().metadata(), "sallyport-session").empty());
  }
  CHECK(calls[2].session_id == calls[2].id);
  CHECK(guarded.rig().Entries(calls[2].id).at(0).start().session_name() == std::string(256, 'n'));
}

TEST_CASE(
    "who floods with bad proofs is refused unheard, a known caller behind the same address is served, and all is "
    "counted") {
  Guarded guarded({.per_peer = 0.1, .recorded = 0.1});
  const std::shared_ptr<grpc::Channel>& channel = guarded.rig().channel();
  constexpr int kCalls = 100;
  int unauthenticated = 0;
  int too_many = 0;
  for (int i = 0; i < kCalls; ++i) {
    const grpc::Status status = Call(channel, absl::StrCat("nonsense", i));
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) ++unauthenticated;
    if (status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED) continue;
    ++too_many;
    google::rpc::RetryInfo retry;
    CHECK(ReasonOf(status, &retry) == "TOO_MANY_REFUSED_CALLS");
    CHECK(retry.retry_delay().seconds() + retry.retry_delay().nanos() > 0);
  }
  CHECK(unauthenticated + too_many == kCalls);
  CHECK(unauthenticated >= 1);
  CHECK(too_many > kCalls / 2);
  CHECK(Call(channel, guarded.key()).ok());
  // Neither are calls looked at that are not even legal.
  CHECK(Call(channel, guarded.key(), {}, "/no.Such/Method/At.All").error_code() ==
        grpc::StatusCode::RESOURCE_EXHAUSTED);

  uint64_t counted = 0;
  uint64_t singly = 0;
  for (const recorder::CallSummary& call : guarded.rig().Calls()) {
    const std::vector<v1::Entry> entries = guarded.rig().Entries(call.id);
    if (call.status_code == 0) {
      CHECK(call.identity == "api-keys#alice");
    } else if (recorder::IsCountedMethod(call.method)) {
      uint64_t calls = 0;
      const v1::CallStart& start = entries.at(0).start();
      REQUIRE(absl::SimpleAtoi(ValueOf(start.metadata(), "refused-calls"), &calls));
      counted += calls;
      CHECK(call.peer == "ipv4:127.0.0.1");
      CHECK(call.end_reason == v1::END_REASON_REFUSED);
      CHECK(absl::EndsWith(call.method, calls == 1 ? "1 refused call)" : " refused calls)"));
      CHECK(absl::StartsWith(ValueOf(start.metadata(), "first-method"), "/"));
      CHECK(absl::StrContains(entries.back().end().status_message(),
                              absl::StrCat(calls, calls == 1 ? " call" : " calls", " refused")));
    } else {
      ++singly;
      CHECK(call.session_id == 0);
    }
  }
  CHECK(singly >= 1);
  CHECK(singly < kCalls / 2);
  CHECK(singly + counted == kCalls + 1);
}

TEST_CASE("callers who need prove nothing are served while others at their address are refused") {
  Rig rig({{kUnary, EchoUnary}}, Methods::kKnown,
          [](gateway::GatewayOptions& options) { options.refusals = {.per_peer = 0.1, .recorded = 0.1}; });
  bool over = false;
  for (int i = 0; i < 30; ++i) {
    const grpc::Status status = Call(rig.channel(), "", {}, "/a/b/c");
    over = over || status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED;
  }
  CHECK(over);
  CHECK(Call(rig.channel(), "").ok());
}

TEST_CASE("the record of a refused call is at most 4 KiB, and says what is missing") {
  Guarded guarded({});
  Metadata metadata = {{"cookie", std::string(500, 'c')}, {"x-long", std::string(5000, 'v')}};
  for (int i = 0; i < 60; ++i) metadata.emplace_back(absl::StrCat("x-", i), std::string(300, 'w'));
  metadata.emplace_back("sallyport-truncated", "nothing");
  const std::string path = "/t.T/" + std::string(2000, 'M');
  CHECK(Call(guarded.rig().channel(), "nonsense", metadata, path).error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  CHECK(Call(guarded.rig().channel(), "nonsense").error_code() == grpc::StatusCode::UNAUTHENTICATED);
  const std::vector<recorder::CallSummary> calls = guarded.rig().Calls();
  REQUIRE(calls.size() == 2);
  const std::vector<v1::Entry> entries = guarded.rig().Entries(calls[0].id);
  CHECK(BytesOf(entries) <= RefusalTable::kMostRecordBytes);
  const v1::CallStart& start = entries.at(0).start();
  CHECK(start.method() == path.substr(0, 256));
  const std::string note = ValueOf(entries.back().end().trailers(), recorder::kTruncatedNote);
  INFO(note);
  CHECK(absl::StrContains(note, "method: 256 of 2005 bytes"));
  CHECK(absl::StrContains(note, absl::StrCat("metadata: ", start.metadata_size(), " of ")));
  // A short one is whole, and nothing says that it is not.
  const std::vector<v1::Entry> whole = guarded.rig().Entries(calls[1].id);
  CHECK(ValueOf(whole.back().end().trailers(), recorder::kTruncatedNote).empty());
  CHECK(ValueOf(whole.at(0).start().metadata(), "authorization").starts_with("hmac-sha256:"));
}

TEST_CASE("what is cut is noted whatever it is, and stays below the bound") {
  std::minstd_rand random(1);
  for (int i = 0; i < 300; ++i) {
    const auto text = [&](size_t most) { return Random(random, random() % most); };
    const std::string method = "/" + text(70'000);
    const std::string authority = text(5000);
    const std::string peer = text(300);
    const std::string message = text(3000);
    const std::string details = text(3000);
    std::vector<std::pair<std::string, std::string>> texts;
    const size_t pairs = random() % 200;
    texts.reserve(pairs);
    for (size_t j = 0; j < pairs; ++j) texts.emplace_back(text(j % 7 == 0 ? 3000 : 40), text(j % 5 == 0 ? 5000 : 60));
    std::vector<recorder::Metadatum> metadata;
    metadata.reserve(texts.size());
    for (const auto& [key, value] : texts) metadata.push_back({key, value});
    const size_t given = metadata.size();
    std::vector<recorder::Metadatum> trailers = {{"grpc-status-details-bin", details}};
    recorder::CallStart start;
    start.method = method;
    start.authority = authority;
    start.peer = peer;
    start.durability = "write_ahead";
    start.timeout = absl::Seconds(1);
    recorder::CallEnd end;
    end.status_message = message;
    gateway::RefusedRecord record;
    record.CutStart(start, metadata);
    record.CutEnd(end, trailers);
    recorder::EntryBatch batch(1, nullptr);
    batch.AddStart(absl::Now(), start);
    v1::Entry decision;
    decision.mutable_decision()->set_policy("0123456789abcdef");
    batch.Add(absl::Now(), &decision);
    batch.AddEnd(absl::Now(), end);
    CHECK(batch.bytes().size() <= RefusalTable::kMostRecordBytes);
    bool cut = start.method.size() < method.size() || start.authority.size() < authority.size() ||
               start.peer.size() < peer.size() || metadata.size() < given ||
               end.status_message.size() < message.size() || trailers.front().key != "grpc-status-details-bin";
    for (size_t j = 0; j < metadata.size() && metadata.size() == given; ++j) {
      cut = cut || metadata[j].key != texts[j].first || metadata[j].value != texts[j].second;
    }
    const bool noted = !trailers.empty() && trailers.back().key == recorder::kTruncatedNote;
    CHECK(noted == cut);
  }
}

TEST_CASE("what a refused call takes on disk is no more than what it counts for") {
  TemporaryDirectory directory;
  recorder::RecorderOptions options;
  options.directory = directory.path() + "/data";
  std::minstd_rand random(2);
  const bool counted = GENERATE(false, true);
  uint64_t reserved = 0;
  // One block each, nothing that can be compressed, and names that nobody had before.
  const auto record = [&](int calls) {
    absl::StatusOr<std::unique_ptr<recorder::Recorder>> recorder = recorder::Recorder::Open(options);
    INFO(recorder.status().ToString());
    REQUIRE(recorder.ok());
    for (int i = 0; i < calls; ++i) {
      recorder::EntryBatch batch = (*recorder)->NewBatch((*recorder)->NewCallId(absl::Now()));
      if (counted) {
        gateway::CountedCalls calls_of_one;
        calls_of_one.peer = absl::StrCat("ipv6:[2001:db8:", i % 256, "::]/64", random());
        const std::string method = "/" + Random(random, 500);
        calls_of_one.Add({calls_of_one.peer, 0, method, gateway::RefusalReason::kMalformed, 3, method, absl::Now()});
        gateway::AddCountedCalls(batch, calls_of_one);
        CHECK(batch.bytes().size() <= RefusalTable::kMostCountedBytes);
      } else {
        const std::string method = "/" + Random(random, 256);
        const std::string peer = Random(random, 120);
        std::vector<std::string> values;
        values.reserve(6);
        for (int j = 0; j < 6; ++j) values.push_back(Random(random, 240));
        std::vector<recorder::Metadatum> metadata;
        metadata.reserve(values.size());
        for (const std::string& value : values) metadata.push_back({"x-value", value});
        recorder::CallStart start;
        start.method = method;
        start.peer = peer;
        start.metadata = metadata;
        batch.AddStart(absl::Now(), start);
        const std::string message = Random(random, 384);
        recorder::CallEnd end;
        end.reason = recorder::EndReason::kRefused;
        end.status_code = 3;
        end.status_message = message;
        batch.AddEnd(absl::Now(), end);
      }
      reserved += batch.bytes().size() + RefusalTable::kStoreOverhead;
      const recorder::Appended appended = (*recorder)->Append(std::move(batch), recorder::Until::kAccepted, nullptr);
      REQUIRE(appended == recorder::Appended::kDone);
      REQUIRE((*recorder)->Flush().ok());
    }
  };
  record(50);
  const uint64_t before = BytesIn(options.directory);
  reserved = 0;
  constexpr int kCalls = 400;
  record(kCalls);
  const uint64_t taken = BytesIn(options.directory) - before;
  WARN(taken / kCalls << " bytes on disk for each, of " << reserved / kCalls << " that it counts for");
  CHECK(taken <= reserved);
  CHECK(taken > 0);
}

TEST_CASE("metrics tell how many calls were refused, why, and how many of them are only counted") {
  gateway::GatewayNumbers numbers;
  numbers.refusals.by_reason[static_cast<size_t>(gateway::RefusalReason::kTooMany)] = 7;
  numbers.refusals.only_counted = 5;
  const std::string text = gateway::MetricsText(numbers);
  CHECK(absl::StrContains(text, "sallyport_refused_calls_total{reason=\"too_many\"} 7\n"));
  CHECK(absl::StrContains(text, "sallyport_refused_calls_total{reason=\"unauthenticated\"} 0\n"));
  CHECK(absl::StrContains(text, "sallyport_refused_calls_only_counted_total 5\n"));
}

}  // namespace sallyport::testing
