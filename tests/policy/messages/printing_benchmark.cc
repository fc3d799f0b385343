// How fast messages are printed and compared, beside protobuf's own way. Asserts nothing about time.
#include <benchmark/benchmark.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "pay/v1/payments.pb.h"
#include "policy/messages/message_comparison.h"
#include "tests/policy/messages/message_bench.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

// A message of which all that is measured is made. Lives until the end of the program.
struct Sample {
  const pb::Message* prototype;
  std::string bytes;
  const pb::Descriptor& type() const { return *prototype->GetDescriptor(); }
};

std::unique_ptr<pb::Message> ParsedBytes(const Sample& sample, const std::string& bytes) {
  std::unique_ptr<pb::Message> message(sample.prototype->New());
  message->ParseFromString(bytes);
  return message;
}

std::string TheirJson(const pb::Message& message) {
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  (void)pb::util::MessageToJsonString(message, &json, options);
  return json;
}

// `Print`: from the bytes to JSON; the other way is to parse them, and MessageToJsonString. `Compare`: with a message
// that differs in the last byte; the other way is by two JSON documents.
void Register(const std::string& what, const pb::Message& message) {
  const auto sample = std::make_shared<const Sample>(Sample{&message, message.SerializeAsString()});
  const auto types = std::make_shared<const PoolTypes>(message.GetDescriptor()->file()->pool());
  std::string other = sample->bytes;
  other.back() = static_cast<char>(other.back() ^ 1);
  const auto add = [&](const char* name, auto work) {
    benchmark::RegisterBenchmark((what + "/" + name).c_str(), [=](benchmark::State& state) {
      for (auto _ : state) benchmark::DoNotOptimize(work());
      state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(sample->bytes.size()));
    });
  };
  add("Print", [=] {
    std::string json;
    MessagePrinter(*types, JsonStyle::kOneLine).Append(sample->type(), sample->bytes, &json);
    return json;
  });
  add("Print, by protobuf", [=] { return TheirJson(*ParsedBytes(*sample, sample->bytes)); });
  add("Compare", [=] { return CompareMessages(*types, sample->type(), sample->bytes, other).count; });
  add("Compare, by JSON", [=] {
    const auto document = [&](const std::string& bytes) {
      return nlohmann::json::parse(TheirJson(*ParsedBytes(*sample, bytes)));
    };
    return document(sample->bytes) != document(other);
  });
}

constexpr char kEtcd[] = R"(
syntax = "proto3"; package etcdserverpb;
message KeyValue { bytes key = 1; int64 create_revision = 2; int64 mod_revision = 3; int64 version = 4; bytes value = 5; int64 lease = 6; }
message ResponseHeader { uint64 cluster_id = 1; uint64 member_id = 2; int64 revision = 3; uint64 raft_term = 4; }
message RangeRequest {
  enum SortOrder { NONE = 0; ASCEND = 1; DESCEND = 2; } enum SortTarget { KEY = 0; VERSION = 1; }
  bytes key = 1; bytes range_end = 2; int64 limit = 3; int64 revision = 4; SortOrder sort_order = 5; SortTarget sort_target = 6;
  bool serializable = 7; bool keys_only = 8;
}
message RangeResponse { ResponseHeader header = 1; repeated KeyValue kvs = 2; bool more = 3; int64 count = 4; }
message PutRequest { bytes key = 1; bytes value = 2; int64 lease = 3; bool prev_kv = 4; }
message Compare {
  enum CompareResult { EQUAL = 0; GREATER = 1; } enum CompareTarget { VERSION = 0; CREATE = 1; }
  CompareResult result = 1; CompareTarget target = 2; bytes key = 3; oneof target_union { int64 version = 4; bytes value = 7; }
}
message RequestOp { oneof request { RangeRequest request_range = 1; PutRequest request_put = 2; } }
message TxnRequest { repeated Compare compare = 1; repeated RequestOp success = 2; repeated RequestOp failure = 3; }
)";

void Etcd() {
  static const MessageBench bench(kEtcd);
  static pb::DynamicMessageFactory factory;
  const auto measure = [&](const char* what, const char* type, const std::string& text) {
    pb::Message* const message = factory.GetPrototype(&bench.type(type))->New();
    if (!pb::TextFormat::ParseFromString(text, message)) std::abort();
    Register(what, *message);
  };
  const std::string header =
      "header { cluster_id: 14841639068965178418 member_id: 10276657743932975437 revision: 31 raft_term: 2 } ";
  const std::string pair =
      "kvs { key: '/registry/pods/default/web-1' create_revision: 20 mod_revision: 31 version: 12 value: '" +
      std::string(200, 'v') + "' lease: 7587869994587346440 } ";
  std::string many = header;
  for (int i = 0; i < 1'000; ++i) many += pair;
  measure("etcd RangeRequest", "etcdserverpb.RangeRequest",
          "key: '/registry/pods/' range_end: '/registry/pods0' limit: 500 serializable: true");
  measure("etcd RangeResponse, one key", "etcdserverpb.RangeResponse", header + pair + "count: 1");
  measure("etcd RangeResponse, 1,000 keys", "etcdserverpb.RangeResponse", many + "count: 1000");
  measure(
      "etcd TxnRequest", "etcdserverpb.TxnRequest",
      "compare { result: EQUAL target: VERSION key: 'a' version: 3 } compare { target: CREATE key: 'b' value: 'x' } "
      "success { request_put { key: 'a' value: 'some value' lease: 12 } } failure { request_range { key: 'a' } }");
}

template <typename Message>
void RegisterPayments(const char* what, const std::string& text) {
  static Message message;
  if (!pb::TextFormat::ParseFromString(text, &message)) std::abort();
  Register(what, message);
}

void Payments() {
  const std::string payment =
      "id: 'pay-0001' customer_id: 'ada' amount { minor_units: 129900 currency: 'EUR' } card_number: "
      "'4111111111111111' "
      "state: STATE_AUTHORIZED created { seconds: 1767607200 nanos: 123456789 }";
  RegisterPayments<pay::v1::Payment>("pay.v1.Payment", payment);
  RegisterPayments<pay::v1::Customer>("pay.v1.Customer",
                                      "id: 'ada' name: 'Ada Lovelace' email: 'ada@example.test' "
                                      "social_security_number: '078-05-1120' card { holder: 'Ada Lovelace' }");
  RegisterPayments<pay::v1::DeletePaymentResponse>("pay.v1.DeletePaymentResponse", "deleted { " + payment + " }");
}

}  // namespace
}  // namespace sallyport::policy

// In a test, for what makes the messages checks them as tests do.
TEST_CASE("benchmark") {
  sallyport::policy::Etcd();
  sallyport::policy::Payments();
  benchmark::RunSpecifiedBenchmarks();
}
