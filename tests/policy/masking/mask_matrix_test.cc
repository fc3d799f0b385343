// Every action on every type of field in every place where one can stand.
#include <google/protobuf/dynamic_message.h>

#include <catch2/catch.hpp>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "tests/policy/masking/masking_fixture.h"
#include "tests/policy/masking/random_messages.h"
#include "tests/policy/masking/reference_mask.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

constexpr const char* kTypes[] = {"double",  "float",   "int32",    "int64",    "uint32", "uint64", "sint32", "sint64",
                                  "fixed32", "fixed64", "sfixed32", "sfixed64", "bool",   "string", "bytes",  "Kind"};

std::string ProtoFor(const std::string& type) {
  const bool packable = type != "string" && type != "bytes";
  const bool keyable = type != "bytes" && type != "double" && type != "float" && type != "Kind";
  return absl::StrReplaceAll(
      absl::StrCat(R"(
syntax = "proto2";
package t;
import "google/protobuf/any.proto";
service S { rpc M(Root) returns (Root); }
enum Kind { ZERO = 0; ONE = 1; TWO = 2; THREE = 3; FOUR = 4; }
message Holder { optional T v = 1; optional string open = 2; }
message Root {
  optional T single = 1;
  repeated T many = 2;
  map<int32, T> by_value = 5;
  oneof way { T one = 6; int32 other = 7; }
  repeated group Part = 8 { optional T v = 1; optional string open = 2; }
  optional google.protobuf.Any any = 9;
  optional string open = 10;
  extensions 100 to 200;
)",
                   packable ? "  repeated T packed = 3 [packed = true];\n" : "",
                   keyable ? "  map<T, int32> by_key = 4;\n" : "", "}\nextend Root { optional T extra = 100; }\n"),
      {{" T ", absl::StrCat(" ", type, " ")},
       {"<T,", absl::StrCat("<", type, ",")},
       {", T>", absl::StrCat(", ", type, ">")}});
}

const std::vector<std::string> kGlobs = {"t.Root.single", "t.Root.many",   "t.Root.by_value.value",
                                         "t.Root.one",    "t.Root.packed", "t.Root.by_key.key",
                                         "t.Root.part.v", "t.Root.extra",  "t.Holder.v"};

// A message with something everywhere.
void FillRoot(Chance& chance, const pb::DescriptorPool& pool, pb::Message* root) {
  const pb::Descriptor& type = *root->GetDescriptor();
  const pb::Reflection& reflection = *root->GetReflection();
  for (const char* name :
       {"single", "many", "many", "packed", "packed", "packed", "by_key", "by_value", "one", "open"}) {
    const pb::FieldDescriptor* field = type.FindFieldByName(name);
    if (field != nullptr) FillField(chance, 2, *field, root);
  }
  FillField(chance, 2, *pool.FindExtensionByName("t.extra"), root);
  const pb::FieldDescriptor* part = type.FindFieldByName("part");
  pb::Message* group = reflection.AddMessage(root, part);
  for (int number = 1; number <= 2; ++number)
    FillField(chance, 2, *part->message_type()->FindFieldByNumber(number), group);
  pb::DynamicMessageFactory factory;
  const pb::Descriptor* holder = pool.FindMessageTypeByName("t.Holder");
  const std::unique_ptr<pb::Message> held(factory.GetPrototype(holder)->New());
  for (int number = 1; number <= 2; ++number) FillField(chance, 2, *holder->FindFieldByNumber(number), held.get());
  pb::Message* any = reflection.MutableMessage(root, type.FindFieldByName("any"));
  any->GetReflection()->SetString(any, any->GetDescriptor()->FindFieldByNumber(1), "type.googleapis.com/t.Holder");
  any->GetReflection()->SetString(any, any->GetDescriptor()->FindFieldByNumber(2), held->SerializeAsString());
}

}  // namespace

TEST_CASE("every action does the same to every type of field, wherever it stands") {
  int compared = 0;
  for (const std::string type : kTypes) {
    const std::string proto = ProtoFor(type);
    const auto descriptors = DescriptorsOf(proto);
    for (int kind = v1::Mask::Action_MIN; kind <= v1::Mask::Action_MAX; ++kind) {
      const auto action = static_cast<v1::Mask::Action>(kind);
      const std::string policy = absl::StrCat("masks: [{name: m, fields: [\"", absl::StrJoin(kGlobs, "\", \""),
                                              "\"], with: ", v1::Mask::Action_Name(action),
                                              action == v1::Mask::truncate ? ", length: 2" : "", "}]\n");
      CAPTURE(type, policy);
      MaskBench bench(descriptors, policy);
      ReferenceRule rule;
      rule.globs = kGlobs;
      rule.action.kind = action;
      rule.action.length = action == v1::Mask::truncate ? 2 : 0;
      Chance chance(static_cast<uint64_t>(kind) + 1);
      for (int i = 0; i < 50; ++i) {
        const auto original = bench.New();
        FillRoot(chance, descriptors->pool(), original.get());
        const std::string masked = bench.Masked(original->SerializeAsString());
        const auto found = bench.New();
        REQUIRE(found->ParseFromString(masked));
        const auto expected = bench.New();
        REQUIRE(expected->ParseFromString(original->SerializeAsString()));
        ApplyReference({rule}, kTestKey, expected.get());
        const auto travelled = bench.New();
        REQUIRE(travelled->ParseFromString(expected->SerializeAsString()));
        Normalize(found.get());
        Normalize(travelled.get());
        INFO(original->DebugString());
        REQUIRE(DifferenceOf(*travelled, *found) == "");
        ++compared;
      }
    }
  }
  CHECK(compared == 16 * 7 * 50);
}

TEST_CASE("equal values become equal ones in all places, and others others") {
  const std::string masks =
      absl::StrCat("masks: [{name: m, fields: [\"", absl::StrJoin(kGlobs, "\", \""), "\"], with: ");
  for (const char* const with : {"hash", "tokenize"}) {
    for (const std::string type : {"int32", "uint64", "sint64", "fixed32", "sfixed64", "string"}) {
      CAPTURE(with, type);
      MaskBench bench(DescriptorsOf(ProtoFor(type)), absl::StrCat(masks, with, "}]\n"));
      const auto masked = [&](int value) {
        const std::string text = type == "string" ? absl::StrCat("'", value, "'") : absl::StrCat(value);
        return bench.Text(bench.Masked(bench.Bytes(absl::StrCat("single: ", text, " many: ", text, " one: ", text))));
      };
      const std::string once = masked(123456);
      const std::string single = once.substr(once.find(": ") + 2, once.find(" many") - once.find(": ") - 2);
      CHECK(once == absl::StrCat("single: ", single, " many: ", single, " one: ", single));
      CHECK(once == masked(123456));
      std::set<std::string> all;
      for (int i = 0; i < 100; ++i) all.insert(masked(100'000 + i));
      CHECK(all.size() > 95);
      CHECK(once.find("123456") == std::string::npos);
    }
  }
}

}  // namespace sallyport::policy
