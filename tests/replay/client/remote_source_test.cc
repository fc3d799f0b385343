// A record behind a server: what is asked, what comes back, and what does not.
#include "replay/client/remote_source.h"

#include <catch2/catch.hpp>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "replay/view/local_store.h"
#include "replay/view/reading.h"
#include "tests/fakes/audit_server.h"
#include "tests/replay/shop_store.h"

namespace sallyport::replay {
namespace {

using testing::AuditServer;
using testing::ScriptedCall;
using testing::ScriptedServer;

RemoteOptions To(const std::string& server) {
  RemoteOptions options;
  options.server = server;
  return options;
}

std::unique_ptr<RemoteSource> Connected(const std::string& server) { return RemoteSource::Create(To(server)).value(); }

// A server that answers each call of a method with the messages, and then the status.
ScriptedServer::Script Answering(const std::vector<std::string>& messages,
                                 const grpc::Status& status = grpc::Status::OK) {
  return [messages, status](ScriptedCall& call) {
    static_cast<void>(call.Read());
    for (const std::string& message : messages) call.Write(message);
    return status;
  };
}

struct Shop {
  ShopStore store;
  std::string get = store.AddGet(absl::ZeroDuration());
  std::string failed = store.AddFailure(absl::Seconds(10), "/other.Service/Lookup", 5);
  std::unique_ptr<LocalStore> local = LocalStore::Open(store.data(), std::nullopt).value();
};

TEST_CASE("a server answers as the data directory behind it does") {
  Shop shop;
  AuditServer server(*shop.local);
  const auto remote = Connected(server.address());
  v1::SearchCallsRequest search;
  CHECK(remote->SearchCalls(search).value().SerializeAsString() ==
        shop.local->SearchCalls(search).value().SerializeAsString());
  CHECK(remote->SearchSessions({}).value().SerializeAsString() ==
        shop.local->SearchSessions({}).value().SerializeAsString());
  CHECK(remote->GetGaps({}).value().SerializeAsString() == shop.local->GetGaps({}).value().SerializeAsString());
  v1::GetCallRequest call;
  call.set_id(shop.get);
  CHECK(remote->GetCall(call).value().SerializeAsString() == shop.local->GetCall(call).value().SerializeAsString());
  v1::GetDescriptorsRequest descriptors;
  descriptors.set_version(shop.store.descriptors());
  CHECK(remote->GetDescriptors(descriptors).value().SerializeAsString() ==
        shop.local->GetDescriptors(descriptors).value().SerializeAsString());
  for (const v1::EventForm form :
       {v1::EVENT_FORM_DECODED, v1::EVENT_FORM_RAW, v1::EVENT_FORM_OUTLINE, v1::EVENT_FORM_RECORD}) {
    v1::ReadCallRequest read;
    read.set_call(shop.get);
    read.set_form(form);
    const auto all = [&](CallSource& source) {
      std::string events;
      REQUIRE(source
                  .ReadCall(read,
                            [&](v1::Event& event) {
                              absl::StrAppend(&events, event.DebugString(), "\n");
                              return absl::OkStatus();
                            })
                  .ok());
      return events;
    };
    CHECK(all(*remote) == all(*shop.local));
  }
}

TEST_CASE("the token goes with every call, and none where there is none") {
  Shop shop;
  AuditServer server(*shop.local);
  RemoteOptions options = To(server.address());
  options.token = recorder::SecretText(std::string("secret"));
  REQUIRE(RemoteSource::Create(std::move(options)).value()->GetGaps({}).ok());
  REQUIRE(Connected(server.address())->GetGaps({}).ok());
  CHECK(server.authorizations() == std::vector<std::string>{"Bearer secret", ""});
}

TEST_CASE("nothing goes over a network in the clear unless that is said") {
  CHECK(RemoteSource::Create(To("sallyport.example:1")).status().code() == absl::StatusCode::kInvalidArgument);
  RemoteOptions plain = To("sallyport.example:1");
  plain.plaintext = true;
  CHECK(RemoteSource::Create(std::move(plain)).ok());
  RemoteOptions both = To("127.0.0.1:1");
  both.plaintext = both.tls = true;
  CHECK(RemoteSource::Create(std::move(both)).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("what the server refuses keeps its code, and says which server and what to do") {
  Shop shop;
  struct Case {
    grpc::StatusCode code;
    std::string said;
  };
  const Case each =
      GENERATE(values<Case>({{grpc::StatusCode::UNAUTHENTICATED, "log in with `sallyport login --server "},
                             {grpc::StatusCode::PERMISSION_DENIED, "`roles` of the policy"},
                             {grpc::StatusCode::UNIMPLEMENTED, "an earlier version"},
                             {grpc::StatusCode::INVALID_ARGUMENT, "\\x1b[2Jno"},
                             {grpc::StatusCode::NOT_FOUND, "\\x1b[2Jno"}}));
  AuditServer server(*shop.local, {{"GetGaps", Answering({}, grpc::Status(each.code, "\x1b[2Jno"))}});
  const absl::Status status = Connected(server.address())->GetGaps({}).status();
  CHECK(static_cast<int>(status.code()) == each.code);
  CHECK_THAT(std::string(status.message()), Catch::Contains(each.said) && Catch::Contains(server.address()));
  CHECK_THAT(std::string(status.message()), !Catch::Contains("\x1b"));
}

TEST_CASE("a server that is not there is told at once, with how to name one") {
  Shop shop;
  AuditServer server(*shop.local);
  server.Kill();
  const absl::Status status = Connected(server.address())->GetGaps({}).status();
  CHECK(status.code() == absl::StatusCode::kUnavailable);
  CHECK_THAT(std::string(status.message()), Catch::Contains("--server HOST:PORT"));
}

TEST_CASE("a server that says nothing is waited for no longer than was said") {
  Shop shop;
  AuditServer server(*shop.local, {{"GetGaps", [](ScriptedCall& call) {
                                      call.AwaitCancel();
                                      return grpc::Status::OK;
                                    }}});
  RemoteOptions options = To(server.address());
  options.patience = absl::Milliseconds(100);
  const absl::Status status = RemoteSource::Create(std::move(options)).value()->GetGaps({}).status();
  CHECK(status.code() == absl::StatusCode::kDeadlineExceeded);
  CHECK_THAT(std::string(status.message()), Catch::Contains("did not answer GetGaps within 100ms"));
}

TEST_CASE("an answer larger than is taken is refused, with the bound") {
  Shop shop;
  v1::GetDescriptorsResponse large;
  large.set_file_descriptor_set(std::string(2 << 20, 'x'));
  AuditServer server(*shop.local, {{"GetDescriptors", Answering({large.SerializeAsString()})}});
  RemoteOptions options = To(server.address());
  options.most_message_bytes = 1 << 20;
  const absl::Status status = RemoteSource::Create(std::move(options)).value()->GetDescriptors({}).status();
  CHECK(status.code() == absl::StatusCode::kResourceExhausted);
  CHECK_THAT(std::string(status.message()), Catch::Contains("1 MiB"));
  CHECK(Connected(server.address())->GetDescriptors({}).ok());
}

TEST_CASE("what is no answer is not taken for one") {
  Shop shop;
  v1::SearchCallsResponse escape;
  escape.add_calls()->set_id("\x1b[2J");
  v1::SearchCallsResponse many;
  many.add_calls()->set_id(shop.get);
  many.add_calls()->set_id(shop.failed);
  const std::string each = GENERATE_COPY(std::string("\xff\xff"), escape.SerializeAsString(), many.SerializeAsString());
  AuditServer server(*shop.local, {{"SearchCalls", Answering({each})}});
  v1::SearchCallsRequest one;
  one.set_page_size(1);
  const absl::Status status = Connected(server.address())->SearchCalls(one).status();
  CHECK(status.code() == absl::StatusCode::kDataLoss);
  CHECK_THAT(std::string(status.message()), Catch::Contains("SearchCalls") && !Catch::Contains("\x1b"));
}

TEST_CASE("one message belongs into an answer that is one") {
  Shop shop;
  const std::string gaps = v1::Gaps().SerializeAsString();
  AuditServer none(*shop.local, {{"GetGaps", Answering({})}});
  CHECK(Connected(none.address())->GetGaps({}).status().code() == absl::StatusCode::kDataLoss);
  AuditServer two(*shop.local, {{"GetGaps", Answering({gaps, gaps})}});
  CHECK(Connected(two.address())->GetGaps({}).status().code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("another call than the one asked for is not shown as that one") {
  Shop shop;
  v1::Call other;
  other.mutable_summary()->set_id(shop.failed);
  v1::Event event;
  event.set_call(shop.failed);
  AuditServer server(*shop.local, {{"GetCall", Answering({other.SerializeAsString()})},
                                   {"ReadCall", Answering({event.SerializeAsString()})}});
  const auto remote = Connected(server.address());
  v1::GetCallRequest get;
  get.set_id(shop.get);
  CHECK(remote->GetCall(get).status().code() == absl::StatusCode::kDataLoss);
  v1::ReadCallRequest read;
  read.set_call(shop.get);
  CHECK(remote->ReadCall(read, [](v1::Event&) { return absl::OkStatus(); }).code() == absl::StatusCode::kDataLoss);
}

TEST_CASE("whoever reads may stop, and gets what was said then") {
  Shop shop;
  AuditServer server(*shop.local);
  v1::ReadCallRequest read;
  read.set_call(shop.get);
  int events = 0;
  const absl::Status status = Connected(server.address())->ReadCall(read, [&](v1::Event&) {
    return ++events == 2 ? absl::AbortedError("enough") : absl::OkStatus();
  });
  CHECK(status == absl::AbortedError("enough"));
  CHECK(events == 2);
}

TEST_CASE("what is stopped ends at once, here and at the server") {
  Shop shop;
  std::promise<void> gone;
  const ScriptedServer::Script waiting = [&gone](ScriptedCall& call) {
    static_cast<void>(call.Read());
    v1::ScanCallsResponse progress;
    progress.mutable_progress()->set_calls(1);
    call.Write(progress.SerializeAsString());
    call.AwaitCancel();
    gone.set_value();
    return grpc::Status::OK;
  };
  AuditServer server(*shop.local, {{"ScanCalls", waiting}});
  std::stop_source stop;
  const absl::Status status = Connected(server.address())->ScanCalls({}, stop.get_token(), [&](const auto&) {
    stop.request_stop();
    return absl::OkStatus();
  });
  CHECK(status.code() == absl::StatusCode::kCancelled);
  CHECK(gone.get_future().wait_for(std::chrono::seconds(30)) == std::future_status::ready);
}

TEST_CASE("a search or a verification that ends before it is through is no answer") {
  Shop shop;
  v1::ScanCallsResponse part;
  part.mutable_progress()->set_calls(1);
  v1::VerifyStoreResponse half;
  half.mutable_progress()->set_bytes(1);
  AuditServer server(*shop.local, {{"ScanCalls", Answering({part.SerializeAsString()})},
                                   {"VerifyStore", Answering({half.SerializeAsString()})},
                                   {"TailCalls", Answering({})}});
  const auto remote = Connected(server.address());
  const auto take = [](const auto&) { return absl::OkStatus(); };
  CHECK(remote->ScanCalls({}, {}, take).code() == absl::StatusCode::kUnavailable);
  CHECK(remote->VerifyStore({}, {}, take).code() == absl::StatusCode::kUnavailable);
  CHECK(remote->TailCalls({}, {}, take).code() == absl::StatusCode::kUnavailable);
}

// What a server says of its key, as it must to have evidence believed.
ScriptedServer::Script Checkpoints(const std::string& key) {
  v1::GetCheckpointsResponse answer;
  answer.set_key(key);
  return Answering({answer.SerializeAsString()});
}

TEST_CASE("evidence is only handed on if it proves the call that was asked for") {
  Shop shop;
  const auto store = CallStore::Open(shop.store.data(), std::nullopt).value();
  const std::string key =
      recorder::CheckpointVerifierKey(store->keys().store_id(), store->keys().signing_key()).value().Text();
  v1::GetEvidenceRequest get;
  get.set_call(shop.get);
  v1::GetEvidenceRequest other;
  other.set_call(shop.failed);
  const v1::Evidence evidence = shop.local->GetEvidence(get).value();
  AuditServer honest(*shop.local, {{"GetCheckpoints", Checkpoints(key)}});
  CHECK(Connected(honest.address())->GetEvidence(get).ok());
  v1::ProveListRequest list;
  list.add_calls(shop.get);
  list.add_calls(shop.failed);
  CHECK(Connected(honest.address())->ProveList(list).ok());

  AuditServer lying(*shop.local, {{"GetCheckpoints", Checkpoints(key)},
                                  {"GetEvidence", Answering({evidence.SerializeAsString()})},
                                  {"ProveList", Answering({evidence.SerializeAsString()})}});
  CHECK(Connected(lying.address())->GetEvidence(other).status().code() == absl::StatusCode::kDataLoss);
  CHECK(Connected(lying.address())->ProveList(list).status().code() == absl::StatusCode::kDataLoss);

  v1::Evidence forged = evidence;
  std::string* entry = forged.mutable_call()->mutable_blocks(0)->mutable_entries(0)->mutable_entry();
  entry->back() ^= 1;
  AuditServer forging(*shop.local,
                      {{"GetCheckpoints", Checkpoints(key)}, {"GetEvidence", Answering({forged.SerializeAsString()})}});
  CHECK(Connected(forging.address())->GetEvidence(get).status().code() == absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace sallyport::replay
