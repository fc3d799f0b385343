// Messages that are masked: shop.Order, which holds itself, an Any, a card number and bytes. What the masker lets
// through has no card number and no unknown field for protobuf's own parser to find, and masking it again changes
// nothing. The content rules' reader of messages takes what the masker takes.
#include <google/protobuf/dynamic_message.h>

#include <memory>
#include <string>

#include "policy/masking/masker.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/mask_promises.h"
#include "tests/policy/descriptor_files.h"

namespace sallyport::recorder {
namespace {

namespace pb = google::protobuf;

struct Bench {
  Bench() {
    descriptors = *policy::Descriptors::Create(policy::ShopSet(), "shop");
    const auto rules = *policy::Policy::Parse(
        "content: [{name: nothing, detect: [iban], shadow: true}]\nmasks:\n  - {name: cards, fields: "
        "[shop.Order.card_number]}\n  - {name: found, detect: [email, payment_card], text: \"#\"}\n",
        "fuzz.yaml");
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

void RequireNoCard(const pb::Message& order, const Bench& bench, int depth) {
  const pb::Reflection& reflection = *order.GetReflection();
  Require(reflection.GetUnknownFields(order).empty(), "with detectors, nothing comes through that nobody knows");
  std::string scratch;
  Require(reflection.GetStringReference(order, bench.type->FindFieldByName("card_number"), &scratch).empty(),
          "no card number comes through");
  const pb::FieldDescriptor* next = bench.type->FindFieldByName("next");
  if (reflection.HasField(order, next)) RequireNoCard(reflection.GetMessage(order, next), bench, depth + 1);
  const pb::FieldDescriptor* detail = bench.type->FindFieldByName("detail");
  if (!reflection.HasField(order, detail) || depth > 100) return;
  const pb::Message& any = reflection.GetMessage(order, detail);
  const std::string url = any.GetReflection()->GetString(any, any.GetDescriptor()->FindFieldByNumber(1));
  const std::string value = any.GetReflection()->GetString(any, any.GetDescriptor()->FindFieldByNumber(2));
  if (!url.ends_with("/shop.Order")) return;
  const std::unique_ptr<pb::Message> inner(order.New());
  if (inner->ParseFromString(value)) RequireNoCard(*inner, bench, depth + 1);
}

}  // namespace

void FuzzMask(std::string_view input) {
  static Bench& bench = *new Bench;
  const std::optional<std::string> masked = MaskedOnce(*bench.mask, input);
  const bool looked_into = !bench.masks->CheckContent(policy::MessageSide::kRequest, input).unreadable;
  Require(looked_into || !masked.has_value(), "what can be masked can be looked into");
  if (!masked.has_value()) return;
  const std::unique_ptr<pb::Message> order(bench.factory.GetPrototype(bench.type)->New());
  if (order->ParseFromString(*masked)) RequireNoCard(*order, bench, 0);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzMask)
