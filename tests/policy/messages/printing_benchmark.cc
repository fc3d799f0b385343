// How fast messages are printed and compared, beside protobuf's own way. Prints a table; asserts nothing about time.
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pay/v1/payments.pb.h"
#include "policy/messages/message_comparison.h"
#include "tests/policy/messages/message_bench.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

// The median over some rounds of the microseconds that one call takes.
double Microseconds(const std::function<void()>& work, int calls) {
  std::vector<double> times;
  for (int round = 0; round < 9; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) work();
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count() /
                    calls);
  }
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

void Measure(const char* what, const pb::Message& message) {
  const std::string bytes = message.SerializeAsString();
  const pb::Descriptor& type = *message.GetDescriptor();
  const PoolTypes types(type.file()->pool());
  const MessagePrinter printer(types, JsonStyle::kOneLine);
  const int calls = bytes.size() > 10'000 ? 20 : 2'000;
  std::string json;
  const double ours = Microseconds(
      [&] {
        json.clear();
        printer.Append(type, bytes, &json);
      },
      calls);
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string theirs_json;
  const double theirs = Microseconds(
      [&] {
        const std::unique_ptr<pb::Message> parsed(message.New());
        parsed->ParseFromString(bytes);
        theirs_json.clear();
        (void)pb::util::MessageToJsonString(*parsed, &theirs_json, options);
      },
      calls);
  std::printf("%-32s %7zu bytes  printed in %8.2f us (%4.0f MB/s), parsed and MessageToJsonString %8.2f us: %4.1f x\n",
              what, bytes.size(), ours, static_cast<double>(bytes.size()) / ours, theirs, theirs / ours);
}

// Two messages that differ in the last byte, and by way of two JSON documents.
void MeasureComparison(const char* what, const pb::Message& message) {
  const std::string left = message.SerializeAsString();
  std::string right = left;
  right.back() = static_cast<char>(right.back() ^ 1);
  const pb::Descriptor& type = *message.GetDescriptor();
  const PoolTypes types(type.file()->pool());
  const int calls = left.size() > 10'000 ? 20 : 2'000;
  size_t found = 0;
  const double ours = Microseconds([&] { found += CompareMessages(types, type, left, right).count; }, calls);
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const auto document = [&](const std::string& bytes) {
    const std::unique_ptr<pb::Message> parsed(message.New());
    parsed->ParseFromString(bytes);
    std::string json;
    (void)pb::util::MessageToJsonString(*parsed, &json, options);
    return nlohmann::json::parse(json);
  };
  const double theirs = Microseconds([&] { found += document(left) != document(right) ? 1 : 0; }, calls);
  std::printf("%-32s %7zu bytes  compared in %8.2f us, by JSON in %8.2f us: %4.1f x\n", what, left.size(), ours, theirs,
              theirs / ours);
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
  const MessageBench bench(kEtcd);
  pb::DynamicMessageFactory factory;
  const auto measure = [&](const char* what, const char* type, const std::string& text) {
    const std::unique_ptr<pb::Message> message(factory.GetPrototype(&bench.type(type))->New());
    if (!pb::TextFormat::ParseFromString(text, message.get())) std::abort();
    Measure(what, *message);
    MeasureComparison(what, *message);
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
Message Parsed(const std::string& text) {
  Message message;
  if (!pb::TextFormat::ParseFromString(text, &message)) std::abort();
  return message;
}

void Payments() {
  const std::string payment =
      "id: 'pay-0001' customer_id: 'ada' amount { minor_units: 129900 currency: 'EUR' } card_number: "
      "'4111111111111111' "
      "state: STATE_AUTHORIZED created { seconds: 1767607200 nanos: 123456789 }";
  Measure("pay.v1.Payment", Parsed<pay::v1::Payment>(payment));
  MeasureComparison("pay.v1.Payment", Parsed<pay::v1::Payment>(payment));
  Measure("pay.v1.Customer",
          Parsed<pay::v1::Customer>("id: 'ada' name: 'Ada Lovelace' email: 'ada@example.test' "
                                    "social_security_number: '078-05-1120' card { holder: 'Ada Lovelace' }"));
  Measure("pay.v1.DeletePaymentResponse", Parsed<pay::v1::DeletePaymentResponse>("deleted { " + payment + " }"));
}

}  // namespace
}  // namespace sallyport::policy

TEST_CASE("benchmark") {
  sallyport::policy::Etcd();
  sallyport::policy::Payments();
}
