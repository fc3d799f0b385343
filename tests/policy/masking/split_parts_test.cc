// Messages whose fields come in parts, which parsers merge: what one part says counts for what stands in another.
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/messages/wire.h"
#include "tests/policy/masking/masking_fixture.h"

namespace sallyport::policy {
namespace {

constexpr char kCanary[] = "c4nary";
constexpr char kAddress[] = "10.20.30.40";

constexpr char kProto[] = R"(
syntax = "proto2";
package t;
import "google/protobuf/any.proto";
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { optional Mark sensitive = 51966; }
message Mark { optional string class = 1; optional string holds = 2; }
service S { rpc M(Envelope) returns (Envelope); }
message Transfer { optional string kind = 1; optional string note = 2; optional Amount amount = 3; }
message Amount { optional string currency = 1; optional string units = 2; }
message Path { repeated int32 path = 1; }
message Empty {}
message Envelope {
  optional google.protobuf.Any detail = 1;
  optional Envelope inner = 2;
  map<string, google.protobuf.Any> by_name = 3;
  oneof way { google.protobuf.Any one = 4; Empty other = 5; }
  optional bytes held = 6 [(sensitive) = {holds: "t.Envelope"}];
  repeated google.protobuf.Any many = 7;
  repeated group Part = 8 { optional google.protobuf.Any detail = 1; }
  optional group Single = 9 { optional google.protobuf.Any detail = 1; }
  optional Transfer transfer = 10;
  extensions 100 to 200;
}
extend Envelope { optional google.protobuf.Any extra = 100; }
)";

std::string Tag(uint32_t number, int type) {
  std::string tag;
  AppendVarint(TagOf(number, static_cast<WireType>(type)), &tag);
  return tag;
}
std::string Field(uint32_t number, const std::string& bytes) {
  std::string field = Tag(number, 2);
  AppendVarint(bytes.size(), &field);
  return field + bytes;
}
std::string Group(uint32_t number, const std::string& bytes) { return Tag(number, 3) + bytes + Tag(number, 4); }
std::string Type(const std::string& name) { return Field(1, "type.googleapis.com/" + name); }
std::string Value(const std::string& bytes) { return Field(2, bytes); }

struct Named {
  std::string what;
  std::string bytes;
};

// Every place where an Any in two parts can stand, made of what stands in the parts.
std::vector<Named> Everywhere(const std::string& a, const std::string& b) {
  const std::string both = Field(1, a) + Field(1, b);
  return {
      {"a field", both},
      {"a field, something between", Field(1, a) + Field(5, "") + Field(99, "x") + Field(1, b)},
      {"three parts", Field(1, a) + Field(1, "") + Field(1, b)},
      {"a message in one part", Field(2, both)},
      {"a message in two parts", Field(2, Field(1, a)) + Field(2, Field(1, b))},
      {"two messages deep", Field(2, Field(2, Field(1, a))) + Field(2, Field(2, Field(1, b)))},
      {"split once outside, once inside",
       Field(2, Field(2, Field(1, a)) + Field(2, "")) + Field(2, Field(2, Field(1, b)))},
      {"split at another depth", Field(2, Field(2, Field(1, a)) + Field(2, Field(1, b)))},
      {"an entry of a map", Field(3, Field(1, "k") + Field(2, a) + Field(2, b))},
      {"an entry of a map, key between", Field(3, Field(2, a) + Field(1, "k") + Field(2, b))},
      {"a oneof", Field(4, a) + Field(4, b)},
      {"a field that holds a message", Field(6, both)},
      {"a field that holds a message in two parts", Field(6, Field(2, Field(1, a)) + Field(2, Field(1, b)))},
      {"an element", Field(8, "") + Group(8, both)},
      {"a group in two parts", Group(9, Field(1, a)) + Group(9, Field(1, b))},
      {"an extension", Field(100, a) + Field(100, b)},
      {"an Any in an Any", Field(7, Type("t.Envelope") + Value(both))},
      {"an Any in an Any itself", Field(7, Type("google.protobuf.Any") + Value(Type("t.Envelope") + Value(both)))},
      {"an Any in an entry of a map",
       Field(3, Field(2, Type("t.Envelope") + Value(Field(2, Field(1, a)) + Field(2, Field(1, b)))))},
  };
}

// What the request says of a message: refused by the rule, not to be read, or passed.
std::string Verdict(const MaskBench& bench, const std::string& bytes) {
  const ContentVerdict verdict = bench.masks().CheckContent(MessageSide::kRequest, bytes);
  return verdict.unreadable ? "unreadable" : verdict.rule.empty() ? "passes" : "refused";
}

TEST_CASE("a content rule is not got round by an Any in parts") {
  const auto descriptors = DescriptorsOf(kProto);
  const MaskBench kinds(descriptors, "content: [{name: c, fields: [{field: t.Transfer.kind, value: refund}]}]");
  const MaskBench units(descriptors, "content: [{name: c, fields: [{field: t.Transfer.amount.units, value: many}]}]");
  const MaskBench detects(descriptors, "content: [{name: c, detect: [ipv4]}]");
  struct Rule {
    const MaskBench& bench;
    std::string transfer;
  };
  for (const Rule& rule :
       {Rule{kinds, Field(1, "refund")}, Rule{units, Field(3, Field(2, "many"))}, Rule{detects, Field(1, kAddress)}}) {
    const std::string& transfer = rule.transfer;
    // What parsers merge these into is the transfer.
    for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{
             {Value(transfer), Type("t.Transfer")},
             {Type("t.Transfer"), Value(transfer)},
             {Type("t.Path") + Value(transfer), Type("t.Transfer")},
             {Type("t.Empty") + Value(transfer), Type("t.Transfer")},
             {Type("no.such.Type") + Value(transfer), Type("t.Transfer")},
             {Type("t.Transfer") + Value(""), Value(transfer)},
             {Type("t.Transfer") + Value(""), Type("t.Transfer") + Value(transfer)},
             {Value(transfer) + Type("t.Transfer"), ""},
         }) {
      for (const auto& [what, bytes] : Everywhere(a, b)) {
        INFO(what << ": " << a << " | " << b);
        CHECK(Verdict(rule.bench, bytes) != "passes");
      }
    }
    CHECK(Verdict(rule.bench, Field(1, Type("t.Transfer") + Value(transfer))) == "refused");
  }
  // Two whole ones, of which parsers take the second, are read as that.
  for (const auto& [what, bytes] :
       Everywhere(Type("t.Path") + Value(""), Type("t.Transfer") + Value(Field(1, "sale")))) {
    INFO(what);
    CHECK(Verdict(kinds, bytes) ==
          (what == "three parts" || what.find("once outside") != std::string::npos ? Verdict(kinds, bytes) : "passes"));
  }
}

TEST_CASE("a message that is meant as a whole is not judged in parts") {
  const MaskBench bench(DescriptorsOf(kProto),
                        "content: [{name: c, fields: [{field: t.Transfer.amount, value: \"*EUR*many*\"}]}]");
  const std::string amount = Field(1, "EUR") + Field(2, "many");
  CHECK(Verdict(bench, Field(10, Field(3, amount))) == "refused");
  CHECK(Verdict(bench, Field(10, Field(3, Field(1, "EUR")))) == "passes");
  CHECK(Verdict(bench, Field(10, Field(3, Field(1, "EUR")) + Field(3, Field(2, "many")))) == "unreadable");
  CHECK(Verdict(bench, Field(10, Field(3, Field(1, "EUR"))) + Field(10, Field(3, Field(2, "many")))) == "unreadable");
  CHECK(Verdict(bench, Field(10, Field(1, "x")) + Field(10, Field(2, "y"))) == "passes");
}

TEST_CASE("what is in a message that is meant as a whole is looked at as well") {
  const MaskBench bench(DescriptorsOf(kProto),
                        "content: [{name: c, fields: [{field: \"**\", value: refund}, {field: "
                        "\"*.**.*\", value: refund}]}]");
  const std::string transfer = Field(1, "refund");
  CHECK(Verdict(bench, Field(10, transfer)) == "refused");
  CHECK(Verdict(bench, Field(2, Field(10, transfer))) == "refused");
  CHECK(Verdict(bench, Group(9, Field(1, Type("t.Transfer") + Value(transfer)))) == "refused");
  CHECK(Verdict(bench, Field(6, Field(10, transfer))) == "refused");
  CHECK(Verdict(bench, Field(2, Field(10, Field(1, "sale")))) == "passes");
}

TEST_CASE("a mask is not got round by an Any in parts") {
  const auto descriptors = DescriptorsOf(kProto);
  const MaskBench fields(descriptors, "masks: [{name: m, fields: [t.Transfer.kind]}]");
  const MaskBench finds(descriptors, "masks: [{name: m, detect: [ipv4]}]");
  struct Rule {
    const MaskBench& bench;
    std::string secret;
  };
  for (const Rule& rule : {Rule{fields, kCanary}, Rule{finds, kAddress}}) {
    const std::string transfer = Field(1, rule.secret);
    for (const auto& [a, b] : std::vector<std::pair<std::string, std::string>>{
             {Value(transfer), Type("t.Transfer")},
             {Type("t.Transfer"), Value(transfer)},
             {Type("t.Path") + Value(transfer), Type("t.Transfer")},
             {Type("t.Path") + Value(transfer), Type("no.such.Type")},
             {Type("t.Path") + Value(transfer), Type("no.such.Type") + Value(transfer)},
             {Type("t.Empty") + Value(transfer), Type("t.Transfer")},
             {Type("no.such.Type") + Value(transfer), Type("t.Path")},
             {Type("no.such.Type") + Value(transfer), Type("t.Transfer") + Value(transfer)},
             {Type("t.Transfer") + Value(transfer), Type("no.such.Type") + Value("")},
         }) {
      for (const auto& [what, bytes] : Everywhere(a, b)) {
        INFO(what << ": " << a << " | " << b);
        if (rule.bench.Unreadable(bytes)) continue;
        const std::string masked = rule.bench.Masked(bytes);
        // Of the first of two whole ones parsers leave nothing: it may stay as what it says it is.
        const bool overwritten = absl::StartsWith(a, Type("t.Path")) && b.size() > Type("no.such.Type").size();
        if (!overwritten) CHECK_FALSE(absl::StrContains(masked, rule.secret));
        CHECK(rule.bench.Masked(masked) == masked);
      }
    }
  }
  // Of a value of an unknown type nothing is left, and it stays apart from the one that came before.
  const std::string whole = Type("t.Path") + Value(Field(1, "\x01"));
  CHECK(finds.Masked(Field(1, whole) + Field(1, Type("no.such.Type") + Value("x"))) ==
        Field(1, whole) + Field(1, Type("no.such.Type") + Value("")));
}

TEST_CASE("an Any without a value is one, and is not changed") {
  const MaskBench bench(DescriptorsOf(kProto), "masks: [{name: m, detect: [ipv4]}]");
  std::string masked;
  std::string problem;
  for (const std::string& bytes : {Field(1, Type("t.Empty")), Field(7, Type("t.Empty")) + Field(7, Type("t.Empty")),
                                   Field(1, Type("t.Empty")) + Field(4, Type("t.Empty"))}) {
    CHECK(bench.record()->Apply(bytes, &masked, &problem) == MessageMask::Outcome::kUnchanged);
  }
}

TEST_CASE("every one of many fields is told apart from the others") {
  std::string proto =
      "syntax = \"proto3\"; package t; import \"google/protobuf/any.proto\"; service S { rpc M(Many) returns (Many); "
      "}\n"
      "message Empty {} message Many {\n";
  for (int i = 1; i <= 200; ++i) absl::StrAppend(&proto, "google.protobuf.Any f", i, " = ", i, ";\n");
  const MaskBench bench(DescriptorsOf(proto + "}"), "masks: [{name: m, detect: [ipv4]}]");
  std::string once;
  for (uint32_t i = 1; i <= 200; ++i) once += Field(i, Type("t.Empty"));
  CHECK_FALSE(bench.Unreadable(once));
  for (const uint32_t i : {1u, 64u, 65u, 128u, 200u}) CHECK(bench.Unreadable(once + Field(i, Type("t.Empty"))));
}

TEST_CASE("the items of a message set are not read past") {
  const MaskBench bench(DescriptorsOf("syntax = \"proto2\"; package t; service S { rpc M(Set) returns (Set); }\n"
                                      "message Set { option message_set_wire_format = true; extensions 4 to max; }\n"
                                      "message Transfer { optional string kind = 1; }\n"
                                      "extend Set { optional Transfer transfer = 1000; }\n"),
                        "content: [{name: c, fields: [{field: t.Transfer.kind, value: refund}]}]");
  const std::string transfer = Field(1, "refund");
  CHECK(Verdict(bench, Field(1000, transfer)) == "refused");
  CHECK(Verdict(bench, Group(1, Tag(2, 0) + "\xe8\x07" + Field(3, transfer))) == "unreadable");
}

}  // namespace
}  // namespace sallyport::policy
