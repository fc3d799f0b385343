// Messages of random types under random masks: the first byte chooses among 256 of them, the rest is the message. What
// the masker lets through equals what the slow and obvious way makes of it, and masking it again changes nothing.
#include <google/protobuf/dynamic_message.h>

#include <array>
#include <memory>
#include <string>

#include "policy/masking/masker.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/mask_promises.h"
#include "tests/policy/masking/parsed_proto.h"
#include "tests/policy/masking/random_masks.h"

namespace sallyport::recorder {
namespace {

namespace pb = google::protobuf;

struct Bench {
  explicit Bench(uint64_t seed) {
    policy::Chance chance(seed);
    descriptors = *policy::ParsedProto(policy::RandomProto(chance));
    rules = policy::RandomMasks(chance, true);
    const auto parsed = *policy::Policy::Parse(rules.policy, "fuzz.yaml");
    const auto no_metadata = [](policy::MetadataVisitor) {};
    policy::AccessRequest request(no_metadata);
    request.method = "/t.S/M";
    masks = policy::Masker::Create(parsed, descriptors, kKey)->ForCall(request);
    mask = masks->message(policy::MessageSide::kRequest, policy::MaskView::kRecord);
    type = descriptors->FindMessage("/t.S/M", policy::MessageSide::kRequest);
  }

  static constexpr policy::MaskKey kKey = {1, 2, 3};
  std::shared_ptr<const policy::Descriptors> descriptors;
  policy::RandomMaskSet rules;
  std::shared_ptr<const policy::CallMasks> masks;
  const policy::MessageMask* mask = nullptr;  // null where nothing can be hidden
  const pb::Descriptor* type = nullptr;
  pb::DynamicMessageFactory factory;
};

}  // namespace

void FuzzMaskSchema(std::string_view input) {
  if (input.empty()) return;
  static auto& benches = *new std::array<std::unique_ptr<Bench>, 256>;
  const auto seed = static_cast<uint8_t>(input.front());
  input.remove_prefix(1);
  if (benches[seed] == nullptr) benches[seed] = std::make_unique<Bench>(seed);
  Bench& bench = *benches[seed];
  if (bench.mask == nullptr) return;
  const std::optional<std::string> masked = MaskedOnce(*bench.mask, input);
  if (!masked.has_value()) return;
  const auto make = [&] { return std::unique_ptr<pb::Message>(bench.factory.GetPrototype(bench.type)->New()); };
  const auto found = make();
  if (!found->ParseFromString(*masked)) {
    // What was not masked may not parse: texts that are not UTF-8, messages that nobody had to look into.
    Require(!make()->ParseFromArray(input.data(), static_cast<int>(input.size())), "what parsed still parses");
    return;
  }
  Require(policy::MisplacedUnknown(bench.rules.rules, *found).empty(), "nothing comes through that nobody knows");
  const auto expected = make();
  expected->CopyFrom(*found);
  policy::ApplyReference(bench.rules.rules, Bench::kKey, expected.get());
  policy::Normalize(expected.get());
  policy::Normalize(found.get());
  Require(policy::DifferenceOf(*expected, *found).empty(), "the reference finds nothing more to mask");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzMaskSchema)
