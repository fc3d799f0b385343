// Messages that are masked: shop.Order, which holds itself, an Any, a card number, bytes, and entries with keys. What
// the masker lets through has no card number, nothing under certain keys and no unknown field for protobuf's own parser
// to find, and masking it again changes nothing. The content rules' reader of messages takes what the masker takes.
#include <google/protobuf/dynamic_message.h>

#include <memory>
#include <string>

#include "policy/masking/masker.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/mask_promises.h"
#include "tests/policy/masking/parsed_proto.h"

namespace sallyport::recorder {
namespace {

namespace pb = google::protobuf;

constexpr char kProto[] = R"(
syntax = "proto3";
package shop;
import "google/protobuf/any.proto";
message Order {
  string card_number = 1;
  int64 amount = 2;
  Order next = 3;
  google.protobuf.Any detail = 4;
  bytes raw = 5;
  map<string, string> labels = 6;
  repeated Attribute attributes = 7;
  map<sint32, Order> by_code = 8;
}
message Attribute { string key = 1; Order value = 2; string text = 3; }
service Orders { rpc Get(Order) returns (Order); }
)";

// By key as well as by field: none of the masks changes a key.
constexpr char kPolicy[] = R"(
content:
  - {name: nothing, detect: [iban], shadow: true}
masks:
  - {name: cards, fields: [shop.Order.card_number]}
  - {name: sums, fields: ["shop.Order[amount=7|1?].raw"]}
  - {name: labels, fields: ["shop.Order.labels[user.email|secret*]"]}
  - {name: attributes, fields: ["*[key=user.*].text", "shop.Attribute[all].value.raw"]}
  - {name: codes, fields: ["shop.Order.by_code[-3].value.raw"]}
  - {name: found, detect: [email, payment_card], text: "#"}
)";

struct Bench {
  Bench() {
    descriptors = *policy::ParsedProto(kProto);
    const auto rules = *policy::Policy::Parse(kPolicy, "fuzz.yaml");
    const auto no_metadata = [](policy::MetadataVisitor) {};
    policy::AccessRequest request(no_metadata);
    request.method = "/shop.Orders/Get";
    masks = policy::Masker::Create(rules, descriptors, policy::MaskKey{})->ForCall(request);
    mask = masks->message(policy::MessageSide::kRequest, policy::MaskView::kRecord);
    type = descriptors->FindMessage("/shop.Orders/Get", policy::MessageSide::kRequest);
  }

  std::shared_ptr<const policy::Descriptors> descriptors;
  std::shared_ptr<const policy::CallMasks> masks;
  const policy::MessageMask* mask = nullptr;
  const pb::Descriptor* type = nullptr;
  pb::DynamicMessageFactory factory;
};

std::string TextIn(const pb::Message& message, const char* field) {
  return message.GetReflection()->GetString(message, message.GetDescriptor()->FindFieldByName(field));
}

void RequireMasked(const pb::Message& order, const Bench& bench, int depth);

// Of the entries in a field: nothing stands under a key that is masked.
void RequireNoEntry(const pb::Message& order, const char* field, const Bench& bench, int depth) {
  const pb::Reflection& reflection = *order.GetReflection();
  const pb::FieldDescriptor* entries = bench.type->FindFieldByName(field);
  for (int i = 0; i < reflection.FieldSize(order, entries); ++i) {
    const pb::Message& entry = reflection.GetRepeatedMessage(order, entries, i);
    const pb::Reflection& of_entry = *entry.GetReflection();
    const pb::FieldDescriptor* value = entry.GetDescriptor()->FindFieldByName("value");
    const pb::FieldDescriptor* key = entry.GetDescriptor()->FindFieldByName("key");
    if (value->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
      const std::string name = TextIn(entry, "key");
      const bool masked = name == "user.email" || name.starts_with("secret");
      Require(!masked || TextIn(entry, "value").empty(), "no label of a key that is masked comes through");
      continue;
    }
    const pb::Message& inner = of_entry.GetMessage(entry, value);
    bool masked = false;
    if (key->cpp_type() == pb::FieldDescriptor::CPPTYPE_STRING) {
      const bool text = TextIn(entry, "key").starts_with("user.");
      Require(!text || TextIn(entry, "text").empty(), "no attribute of a key that is masked comes through");
      masked = TextIn(entry, "key") == "all";
    } else {
      masked = of_entry.GetInt32(entry, key) == -3;
    }
    Require(!masked || TextIn(inner, "raw").empty(), "nothing under a key that is masked comes through");
    RequireMasked(inner, bench, depth + 1);
  }
}

void RequireMasked(const pb::Message& order, const Bench& bench, int depth) {
  const pb::Reflection& reflection = *order.GetReflection();
  Require(reflection.GetUnknownFields(order).empty(), "nothing comes through that nobody knows");
  Require(TextIn(order, "card_number").empty(), "no card number comes through");
  const int64_t amount = reflection.GetInt64(order, bench.type->FindFieldByName("amount"));
  Require((amount != 7 && (amount < 10 || amount > 19)) || TextIn(order, "raw").empty(), "no bytes of such a sum");
  for (const char* field : {"labels", "attributes", "by_code"}) RequireNoEntry(order, field, bench, depth);
  const pb::FieldDescriptor* next = bench.type->FindFieldByName("next");
  if (reflection.HasField(order, next)) RequireMasked(reflection.GetMessage(order, next), bench, depth + 1);
  const pb::FieldDescriptor* detail = bench.type->FindFieldByName("detail");
  if (!reflection.HasField(order, detail) || depth > 100) return;
  const pb::Message& any = reflection.GetMessage(order, detail);
  const std::string url = any.GetReflection()->GetString(any, any.GetDescriptor()->FindFieldByNumber(1));
  const std::string value = any.GetReflection()->GetString(any, any.GetDescriptor()->FindFieldByNumber(2));
  if (!url.ends_with("/shop.Order")) return;
  const std::unique_ptr<pb::Message> inner(order.New());
  if (inner->ParseFromString(value)) RequireMasked(*inner, bench, depth + 1);
}

}  // namespace

void FuzzMask(std::string_view input) {
  static Bench& bench = *new Bench;
  const std::optional<std::string> masked = MaskedOnce(*bench.mask, input);
  const bool looked_into = !bench.masks->CheckContent(policy::MessageSide::kRequest, input).unreadable;
  Require(looked_into || !masked.has_value(), "what can be masked can be looked into");
  if (!masked.has_value()) return;
  const std::unique_ptr<pb::Message> order(bench.factory.GetPrototype(bench.type)->New());
  if (order->ParseFromString(*masked)) RequireMasked(*order, bench, 0);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzMask)
