#include "tests/policy/masking/random_masks.h"

#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace sallyport::policy {
namespace {

constexpr char kScalars[][16] = {"double",  "float",   "int32",    "int64",    "uint32", "uint64", "sint32", "sint64",
                                 "fixed32", "fixed64", "sfixed32", "sfixed64", "bool",   "string", "bytes",  "Kind"};
constexpr int kTypes = 5;

// What globs may have.
struct GlobKinds {
  bool keys = false;
  bool keys_stay = false;  // no glob means a field that is a key: what is masked is masked again without a change
};

std::string RandomKeys(Chance& chance, const GlobKinds& kinds) {
  static const char* const kPatterns[] = {"user.email", "user.phone", "k.1", "a", "user.*", "*7*",
                                          "*",          "0",          "1",   "2", "true",   "false"};
  std::string keys = "[";
  if (chance.OneIn(2)) {
    absl::StrAppend(&keys, "k", chance.Below(3), "=");
  } else if (!kinds.keys_stay && chance.OneIn(2)) {
    absl::StrAppend(&keys, "f", chance.Below(8), "=");
  }
  for (size_t n = 1 + chance.Below(3); n > 0; --n) {
    absl::StrAppend(&keys, kPatterns[chance.Below(std::size(kPatterns))], n > 1 ? "|" : "");
  }
  return keys + "]";
}

std::string RandomGlob(Chance& chance, const GlobKinds& kinds) {
  const auto field = [&] { return absl::StrCat("f", chance.OneIn(4) ? "?" : absl::StrCat(chance.Below(8))); };
  const auto rest = [&] { return chance.OneIn(2) && !kinds.keys_stay ? "**" : field(); };
  const auto keys = [&] { return RandomKeys(chance, kinds); };
  const std::string type =
      chance.OneIn(4) ? "*" : absl::StrCat("t.T", chance.OneIn(5) ? "*" : absl::StrCat(chance.Below(kTypes)));
  switch (chance.Below(kinds.keys ? 14 : 7)) {
    case 0:
      return absl::StrCat(type, ".", field(), ".", field());
    case 1:
      return absl::StrCat(type, ".", field(), ".", kinds.keys_stay ? field() : "**");
    case 2:
      return absl::StrCat(type, ".**.", field());
    case 3:
      return absl::StrCat("**.", field());
    case 4:
      return absl::StrCat(type, ".", field(), ".value");
    case 7:
    case 8:
      return absl::StrCat(type, keys(), ".", rest());
    case 9:
      return absl::StrCat(type, keys(), ".**.", field());
    case 10:
      return absl::StrCat(type, ".", field(), keys(), ".", rest());
    case 11:
      return absl::StrCat(type, ".", chance.OneIn(3) ? "*" : field(), keys());
    case 12:
      return absl::StrCat(type, ".**.", field(), keys(), ".", field());
    case 13:
      return absl::StrCat(type, keys(), ".", field(), keys(), ".", rest());
    default:
      return absl::StrCat(type, ".", field());
  }
}

}  // namespace

std::string RandomProto(Chance& chance) {
  std::string proto =
      "syntax = \"proto3\"; package t; import \"google/protobuf/descriptor.proto\"; import "
      "\"google/protobuf/any.proto\";\n"
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
      if (chance.OneIn(10)) value = "google.protobuf.Any";
      if (value == "bytes" && chance.OneIn(2)) {
        absl::StrAppend(&proto, chance.OneIn(3) ? "  repeated" : "  ", " bytes ", name, " [(sensitive) = {holds: \"t.T",
                        chance.OneIn(4) ? "Nowhere" : absl::StrCat(chance.Below(kTypes)), "\"}];\n");
      } else if (chance.OneIn(6)) {
        static const char* const kKeys[] = {"string", "int32", "uint64", "bool", "sint64", "fixed32"};
        absl::StrAppend(&proto, "  map<", kKeys[chance.Below(6)], ", ", value, "> ", name, ";\n");
      } else if (chance.OneIn(3)) {
        const bool packable = value != "string" && value != "bytes" && value[0] != 'T' && value[0] != 'g';
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
    // What messages are chosen by.
    absl::StrAppend(&proto, "  string k0 = ", number + 1, "; sint32 k1 = ", number + 2,
                    "; optional bool k2 = ", number + 3, ";\n}\n");
  }
  return proto;
}

RandomContentRule RandomContent(Chance& chance) {
  RandomContentRule rule;
  const GlobKinds kinds = {chance.OneIn(2), false};
  rule.policy = "content:\n  - {name: c, fields: [";
  for (size_t n = 1 + chance.Below(3); n > 0; --n) {
    static const char* const kValues[] = {"*", "*", "*7*", "4111", "KIND_ONE", "true", "1"};
    rule.conditions.push_back({RandomGlob(chance, kinds), kValues[chance.Below(std::size(kValues))]});
    absl::StrAppend(&rule.policy, n > 0 && rule.conditions.size() > 1 ? ", " : "", "{field: \"",
                    rule.conditions.back().glob, "\", value: \"", rule.conditions.back().value, "\"}");
  }
  rule.detects = chance.OneIn(3);
  absl::StrAppend(&rule.policy, "]", rule.detects ? ", detect: [payment_card]" : "", "}\n");
  return rule;
}

RandomMaskSet RandomMasks(Chance& chance, bool idempotent) {
  RandomMaskSet masks;
  masks.keys = chance.OneIn(2);
  const GlobKinds kinds = {masks.keys, masks.keys && idempotent};
  const size_t count = 1 + chance.Below(3);
  for (size_t i = 0; i < count; ++i) {
    ReferenceRule rule;
    for (size_t n = 1 + chance.Below(3); n > 0; --n) rule.globs.push_back(RandomGlob(chance, kinds));
    static const v1::Mask::Action kActions[] = {v1::Mask::redact,  v1::Mask::last4,    v1::Mask::first6last4,
                                                v1::Mask::drop,    v1::Mask::truncate, v1::Mask::hash,
                                                v1::Mask::tokenize};
    rule.action.kind = kActions[chance.Below(idempotent ? 5 : 7)];
    absl::StrAppend(&masks.policy, "  - {name: m", i, ", fields: [\"", absl::StrJoin(rule.globs, "\", \""),
                    "\"], with: ", v1::Mask::Action_Name(rule.action.kind));
    rule.detects = chance.OneIn(4) && !kinds.keys_stay;
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

}  // namespace sallyport::policy
