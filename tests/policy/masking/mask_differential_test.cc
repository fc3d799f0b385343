// The walker against the slow and obvious way, over random types, masks and messages, and over messages whose bytes
// were changed at random.
#include <google/protobuf/dynamic_message.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/policy/masking/masking_fixture.h"
#include "tests/policy/masking/random_messages.h"
#include "tests/policy/masking/reference_mask.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

constexpr char kScalars[][16] = {"double",  "float",   "int32",    "int64",    "uint32", "uint64", "sint32", "sint64",
                                 "fixed32", "fixed64", "sfixed32", "sfixed64", "bool",   "string", "bytes",  "Kind"};
constexpr int kTypes = 5;

// Five message types that refer to each other, in fields and in bytes that hold one.
std::string RandomProto(Chance& chance) {
  std::string proto =
      "syntax = \"proto3\"; package t; import \"google/protobuf/descriptor.proto\";\n"
      "extend google.protobuf.FieldOptions { Mark sensitive = 51966; } message Mark { string class = 1; string holds = "
      "2; }\n"
      "enum Kind { KIND_ZERO = 0; KIND_ONE = 1; KIND_TWO = 2; }\n"
      "service S { rpc M(T0) returns (T0); }\n";
  for (int type = 0; type < kTypes; ++type) {
    absl::StrAppend(&proto, "message T", type, " {\n");
    uint32_t number = 0;
    const size_t count = 3 + chance.Below(10);
    for (size_t field = 0; field < count; ++field) {
      number += 1 + (chance.OneIn(4) ? chance.Below(3000) : 0);
      if (number >= 18'999 && number <= 19'999) number = 20'000;  // protobuf's own
      const std::string name = absl::StrCat("f", field, " = ", number);
      std::string value = kScalars[chance.Below(std::size(kScalars))];
      if (chance.OneIn(3)) value = absl::StrCat("T", chance.Below(kTypes));
      if (value == "bytes" && chance.OneIn(2)) {
        absl::StrAppend(&proto, chance.OneIn(3) ? "  repeated" : "  ", " bytes ", name, " [(sensitive) = {holds: \"t.T",
                        chance.OneIn(4) ? "Nowhere" : absl::StrCat(chance.Below(kTypes)), "\"}];\n");
      } else if (chance.OneIn(6)) {
        static const char* const kKeys[] = {"string", "int32", "uint64", "bool", "sint64", "fixed32"};
        absl::StrAppend(&proto, "  map<", kKeys[chance.Below(6)], ", ", value, "> ", name, ";\n");
      } else if (chance.OneIn(3)) {
        const bool packable = value != "string" && value != "bytes" && value[0] != 'T';
        absl::StrAppend(&proto, "  repeated ", value, " ", name, packable && chance.OneIn(2) ? " [packed = false]" : "",
                        ";\n");
      } else if (chance.OneIn(6)) {
        absl::StrAppend(&proto, "  oneof o", field, " { ", value, " ", name, "; string g", field, " = ", number + 1,
                        "; }\n");
        ++number;
      } else {
        absl::StrAppend(&proto, chance.OneIn(3) ? "  optional " : "  ", value, " ", name, ";\n");
      }
    }
    absl::StrAppend(&proto, "}\n");
  }
  return proto;
}

std::string RandomGlob(Chance& chance) {
  const auto field = [&] { return absl::StrCat("f", chance.OneIn(4) ? "?" : absl::StrCat(chance.Below(8))); };
  const std::string type =
      chance.OneIn(4) ? "*" : absl::StrCat("t.T", chance.OneIn(5) ? "*" : absl::StrCat(chance.Below(kTypes)));
  switch (chance.Below(7)) {
    case 0:
      return absl::StrCat(type, ".", field(), ".", field());
    case 1:
      return absl::StrCat(type, ".", field(), ".**");
    case 2:
      return absl::StrCat(type, ".**.", field());
    case 3:
      return absl::StrCat("**.", field());
    case 4:
      return absl::StrCat(type, ".", field(), ".value");
    default:
      return absl::StrCat(type, ".", field());
  }
}

std::string Mutated(Chance& chance, std::string bytes) {
  for (size_t n = 1 + chance.Below(3); n > 0 && !bytes.empty(); --n) {
    const size_t at = chance.Below(bytes.size());
    const size_t length = 1 + chance.Below(std::min<size_t>(bytes.size() - at, 20));
    switch (chance.Below(5)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << chance.Below(8)));
        break;
      case 1:
        bytes.erase(at, length);
        break;
      case 2:
        bytes.insert(chance.Below(bytes.size()), bytes.substr(at, length));
        break;
      case 3:
        bytes.insert(at, 1, static_cast<char>(chance.Below(256)));
        break;
      default:
        bytes += bytes.substr(at, length);
    }
  }
  return bytes;
}

struct Masks {
  std::string policy = "masks:\n";
  std::vector<ReferenceRule> rules;
};

Masks RandomMasks(Chance& chance, bool idempotent) {
  Masks masks;
  const size_t count = 1 + chance.Below(3);
  for (size_t i = 0; i < count; ++i) {
    ReferenceRule rule;
    for (size_t n = 1 + chance.Below(3); n > 0; --n) rule.globs.push_back(RandomGlob(chance));
    static const v1::Mask::Action kActions[] = {v1::Mask::redact,  v1::Mask::last4,    v1::Mask::first6last4,
                                                v1::Mask::drop,    v1::Mask::truncate, v1::Mask::hash,
                                                v1::Mask::tokenize};
    rule.action.kind = kActions[chance.Below(idempotent ? 5 : 7)];
    absl::StrAppend(&masks.policy, "  - {name: m", i, ", fields: [\"", absl::StrJoin(rule.globs, "\", \""),
                    "\"], with: ", v1::Mask::Action_Name(rule.action.kind));
    rule.detects = chance.OneIn(4);
    if (rule.detects) absl::StrAppend(&masks.policy, ", detect: [payment_card]");
    // (Keys that an entry of a map does not have are empty for the reference, and not there on the wire.)
    if (rule.action.kind == v1::Mask::redact && !idempotent && chance.OneIn(2)) {
      rule.action.text = "#";
      absl::StrAppend(&masks.policy, ", text: \"#\"");
    }
    if (rule.action.kind == v1::Mask::truncate) {
      rule.action.length = 2;
      absl::StrAppend(&masks.policy, ", length: 2");
    }
    absl::StrAppend(&masks.policy, "}\n");
    masks.rules.push_back(std::move(rule));
  }
  return masks;
}

// How many schemas with masks each of the two below tries; more for a soak, in SALLYPORT_MASK_SEEDS.
uint64_t Seeds() {
  constexpr uint64_t kUsual = 1000;
  const char* const wanted = std::getenv("SALLYPORT_MASK_SEEDS");
  uint64_t seeds = kUsual;
  return wanted != nullptr && absl::SimpleAtoi(wanted, &seeds) ? seeds : kUsual;
}

TEST_CASE("masking on the wire does what masking a parsed message does") {
  int masked = 0;
  for (uint64_t seed = 1; seed <= Seeds(); ++seed) {
    Chance chance(seed);
    const std::string proto = RandomProto(chance);
    const Masks masks = RandomMasks(chance, false);
    CAPTURE(seed, proto, masks.policy);
    MaskBench bench(DescriptorsOf(proto), masks.policy);
    for (int i = 0; i < 20; ++i) {
      const auto original = bench.New();
      Fill(chance, 3, original.get());
      const auto found = bench.New();
      const std::string bytes = original->SerializeAsString();
      const std::string output = bench.Masked(bytes);
      REQUIRE(found->ParseFromString(output));
      if (output != bytes) ++masked;
      // As it is after a journey over the wire, where maps are.
      const auto expected = bench.New();
      REQUIRE(expected->ParseFromString(bytes));
      ApplyReference(masks.rules, kTestKey, expected.get());
      const auto travelled = bench.New();
      REQUIRE(travelled->ParseFromString(expected->SerializeAsString()));
      REQUIRE(MisplacedUnknown(masks.rules, *found) == "");
      Normalize(found.get());
      Normalize(travelled.get());
      INFO(original->DebugString());
      REQUIRE(DifferenceOf(*travelled, *found) == "");
    }
  }
  CHECK(masked > 1000);
}

TEST_CASE("whatever the bytes, nothing that is to be masked comes through") {
  int readable = 0;
  int unreadable = 0;
  for (uint64_t seed = 10'000'000; seed <= 10'000'000 + Seeds(); ++seed) {
    Chance chance(seed);
    const std::string proto = RandomProto(chance);
    const Masks masks = RandomMasks(chance, true);
    CAPTURE(seed, proto, masks.policy);
    MaskBench bench(DescriptorsOf(proto), masks.policy);
    if (bench.record() == nullptr) continue;
    for (int i = 0; i < 60; ++i) {
      const auto original = bench.New();
      Fill(chance, 3, original.get());
      const std::string bytes = Mutated(chance, original->SerializeAsString());
      std::string output;
      std::string problem;
      const MessageMask::Outcome outcome = bench.record()->Apply(bytes, &output, &problem);
      if (outcome == MessageMask::Outcome::kUnreadable) {
        ++unreadable;
        continue;
      }
      ++readable;
      if (outcome == MessageMask::Outcome::kUnchanged) output = bytes;
      const auto found = bench.New();
      // What was not masked may still not parse: texts that are not UTF-8, messages that nobody had to look into.
      if (!found->ParseFromString(output)) {
        const auto input = bench.New();
        REQUIRE_FALSE(input->ParseFromString(bytes));
        continue;
      }
      REQUIRE(MisplacedUnknown(masks.rules, *found) == "");
      const auto again = bench.New();
      again->CopyFrom(*found);
      ApplyReference(masks.rules, kTestKey, again.get());
      Normalize(again.get());
      Normalize(found.get());
      INFO(found->DebugString());
      REQUIRE(again->SerializeAsString().size() == found->SerializeAsString().size());
      REQUIRE(DifferenceOf(*again, *found) == "");
      // Masking what is masked changes nothing.
      REQUIRE(bench.Masked(output) == output);
    }
  }
  CHECK(readable > 1000);
  CHECK(unreadable > 1000);
}

}  // namespace
}  // namespace sallyport::policy
