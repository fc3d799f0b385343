#include "policy/messages/message_comparison.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "tests/policy/messages/message_bench.h"
#include "tests/policy/messages/wire_bytes.h"

namespace sallyport::policy {
namespace {

constexpr char kProto[] = R"(
syntax = "proto2"; package t;
import "google/protobuf/any.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
message Inner { optional string name = 1; optional int32 n = 2; optional Inner next = 3; extensions 100 to 199; }
extend Inner { optional int32 rank = 100; }
message M {
  optional int32 number = 1; optional string text = 2; optional Inner inner = 3; repeated Inner inners = 4;
  repeated int32 ints = 5; repeated string texts = 6; map<string, Inner> by_name = 7; map<int32, string> by_number = 8;
  optional group Og = 9 { optional string id = 1; } repeated group Many = 10 { optional int32 n = 1; }
  optional google.protobuf.Any any = 11; repeated google.protobuf.Any anys = 12; optional google.protobuf.Timestamp at = 13;
  optional google.protobuf.Struct object = 14; optional google.protobuf.Value value = 15; optional double real = 16;
  oneof choice { string left = 17; Inner right = 18; } optional google.protobuf.StringValue wrapped = 19;
  repeated double reals = 20; map<string, double> real_by_name = 21; optional google.protobuf.ListValue list = 22;
}
)";

// "path: left / right" for each difference, in lines.
std::string Told(const MessageDifferences& differences) {
  std::string text;
  for (const MessageDifference& one : differences.told) {
    text += (text.empty() ? "" : "\n") + one.path + ": " + (one.left.empty() ? "none" : one.left) + " / " +
            (one.right.empty() ? "none" : one.right);
  }
  return text;
}

struct Row {
  const char* what;
  std::string left;
  std::string right;
  std::string told;  // nothing where they are equal
};

std::string Turned(const std::string& told) {
  std::string text;
  size_t from = 0;
  while (from < told.size()) {
    const size_t end = std::min(told.find('\n', from), told.size());
    const std::string line = told.substr(from, end - from);
    const size_t colon = line.find(": ");
    const size_t slash = line.find(" / ");
    text += (text.empty() ? "" : "\n") + line.substr(0, colon + 2) + line.substr(slash + 3) + " / " +
            line.substr(colon + 2, slash - colon - 2);
    from = end + 1;
  }
  return text;
}

void CheckRows(const std::vector<Row>& rows) {
  const MessageBench bench(kProto);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const MessageDifferences found = CompareMessages(bench.types(), bench.type("t.M"), row.left, row.right);
    CHECK(Told(found) == row.told);
    CHECK(found.count == found.told.size());
    const MessageDifferences turned = CompareMessages(bench.types(), bench.type("t.M"), row.right, row.left);
    CHECK((turned.count == 0) == row.told.empty());
    if (found.count == 1) CHECK(Told(turned) == Turned(row.told));
    CHECK(CompareMessages(bench.types(), bench.type("t.M"), row.left, row.left).count == 0);
  }
}

std::string Inner(const std::string& name) { return Bytes(1, name); }

TEST_CASE("what is encoded in another way is equal") {
  CheckRows({
      {"the order of fields", Int(1, 1) + Bytes(2, "x"), Bytes(2, "x") + Int(1, 1), ""},
      {"longer numbers", Int(1, 5), std::string("\x08\x85\x00", 3), ""},
      {"packed or not", Bytes(5, "\x01\x02"), Int(5, 1) + Int(5, 2), ""},
      {"messages in parts", Bytes(3, Bytes(1, "x") + Int(2, 1)), Bytes(3, Int(2, 1)) + Bytes(3, Bytes(1, "x")), ""},
      {"values that others replace", Int(1, 1) + Int(1, 2), Int(1, 2), ""},
      {"members of a oneof that others replace", Bytes(17, "a") + Bytes(18, Inner("x")), Bytes(18, Inner("x")), ""},
      {"the order of a map", Bytes(7, Bytes(1, "a")) + Bytes(7, Bytes(1, "b") + Bytes(2, "")),
       Bytes(7, Bytes(2, "") + Bytes(1, "b")) + Bytes(7, Bytes(1, "a") + Bytes(2, "")), ""},
      {"the order within a struct",
       Bytes(14, Bytes(1, Bytes(1, "a") + Bytes(2, Int(4, 1))) + Bytes(1, Bytes(1, "b") + Bytes(2, Int(4, 0)))),
       Bytes(14, Bytes(1, Bytes(1, "b") + Bytes(2, Int(4, 0))) + Bytes(1, Bytes(1, "a") + Bytes(2, Int(4, 1)))), ""},
      {"what a known Any holds", Bytes(11, AnyOf("t.Inner", Int(2, 1) + Bytes(1, "x"))),
       Bytes(11, AnyOf("t.Inner", Bytes(1, "x") + Int(2, 1))), ""},
      {"no number and no number", Double(16, NAN), Double(16, -NAN), ""},
      {"unknown fields of different numbers", Int(900, 1) + Bytes(901, "x"), Bytes(901, "x") + Int(900, 1), ""},
      {"an empty value of a map", Bytes(8, Int(1, 3)), Bytes(8, Int(1, 3) + Bytes(2, "")), ""},
  });
}

TEST_CASE("what differs is told with its path") {
  CheckRows({
      {"a number", Int(1, 1), Int(1, 2), "number: 1 / 2"},
      {"a number that is not there", "", Int(1, 0), "number: none / 0"},
      {"a text", Bytes(2, "a\n"), Bytes(2, "b"), R"(text: "a\n" / "b")"},
      {"deep inside", Bytes(3, Bytes(3, Bytes(3, Int(2, 1)))), Bytes(3, Bytes(3, Bytes(3, Int(2, 2)))),
       "inner.next.next.n: 1 / 2"},
      {"a message that is not there", "", Bytes(3, Inner("x")), R"(inner: none / {"name":"x"})"},
      {"an element", Bytes(4, "") + Bytes(4, Inner("a")), Bytes(4, "") + Bytes(4, Inner("b")),
       R"(inners[1].name: "a" / "b")"},
      {"the order of elements", Int(5, 1) + Int(5, 2), Int(5, 2) + Int(5, 1), "ints[0]: 1 / 2\nints[1]: 2 / 1"},
      {"elements that are not there", Bytes(6, "a"), Bytes(6, "a") + Bytes(6, "b") + Bytes(6, "c"),
       "texts[1]: none / \"b\"\ntexts[2]: none / \"c\""},
      {"an entry", Bytes(7, Bytes(1, "a") + Bytes(2, Inner("x"))), Bytes(7, Bytes(1, "a") + Bytes(2, Inner("y"))),
       R"(by_name.a.name: "x" / "y")"},
      {"entries that are not there", Bytes(8, Int(1, 1) + Bytes(2, "x")), Bytes(8, Int(1, 2)),
       "by_number.1: \"x\" / none\nby_number.2: none / \"\""},
      {"a group", Group(9, Bytes(1, "a")), Group(9, Bytes(1, "b")), R"(og.id: "a" / "b")"},
      {"a group among several", Group(10, "") + Group(10, Int(1, 1)), Group(10, "") + Group(10, ""),
       "many[1].n: 1 / none"},
      {"a known extension", Bytes(3, Int(100, 1)), Bytes(3, Int(100, 2)), "inner.[t.rank]: 1 / 2"},
      {"minus zero", Double(16, 0), Double(16, -0.0), "real: 0 / -0.0"},
      {"a number among several", Double(20, 1) + Double(20, 2), Double(20, 1) + Double(20, 3), "reals[1]: 2 / 3"},
      {"a number in a map", Bytes(21, Bytes(1, "a") + Double(2, 1)), Bytes(21, Bytes(1, "a")), "real_by_name.a: 1 / 0"},
      {"another member of a oneof", Bytes(17, "a"), Bytes(18, ""), "left: \"a\" / none\nright: none / {}"},
  });
}

TEST_CASE("unknown fields are compared by their bytes, wherever they stand") {
  CheckRows({
      {"in the message", Int(1, 1) + Bytes(900, "A"), Int(1, 1) + Bytes(900, "B"),
       R"(@unknown[900]: [{"number":900,"wire_type":"length","bytes":"QQ=="}] / [{"number":900,"wire_type":"length","bytes":"Qg=="}])"},
      {"one that is not there", "", Int(900, 1),
       R"(@unknown[900]: none / [{"number":900,"wire_type":"varint","value":"1","bytes":"AQ=="}])"},
      {"inside a message", Bytes(3, Bytes(9, "A")), Bytes(3, ""),
       R"(inner.@unknown[9]: [{"number":9,"wire_type":"length","bytes":"QQ=="}] / none)"},
      {"inside a map", Bytes(7, Bytes(1, "a") + Bytes(2, Bytes(9, "A"))), Bytes(7, Bytes(1, "a")),
       R"(by_name.a.@unknown[9]: [{"number":9,"wire_type":"length","bytes":"QQ=="}] / none)"},
      {"in an entry of a map", Bytes(7, Bytes(1, "a") + Bytes(9, "A")), Bytes(7, Bytes(1, "a")),
       R"(by_name.a.@unknown[9]: [{"number":9,"wire_type":"length","bytes":"QQ=="}] / none)"},
      {"inside an element", Bytes(4, "") + Bytes(4, Int(9, 1)), Bytes(4, "") + Bytes(4, Fixed32(9, 1)),
       R"(inners[1].@unknown[9]: [{"number":9,"wire_type":"varint","value":"1","bytes":"AQ=="}] / )"
       R"([{"number":9,"wire_type":"fixed32","value":"1","bytes":"AQAAAA=="}])"},
      {"inside a group", Group(9, Int(9, 1)), Group(9, Int(9, 2)),
       R"(og.@unknown[9]: [{"number":9,"wire_type":"varint","value":"1","bytes":"AQ=="}] / )"
       R"([{"number":9,"wire_type":"varint","value":"2","bytes":"Ag=="}])"},
      {"inside a well-known type", Bytes(13, Int(1, 5)), Bytes(13, Int(1, 5) + Int(9, 1)),
       R"(at: "1970-01-01T00:00:05Z" / {"seconds":"5","@unknown":[{"number":9,"wire_type":"varint","value":"1","bytes":"AQ=="}]})"},
      {"inside what an Any holds", Bytes(11, AnyOf("t.Inner", Int(9, 1))), Bytes(11, AnyOf("t.Inner", "")),
       R"(any.@unknown[9]: [{"number":9,"wire_type":"varint","value":"1","bytes":"AQ=="}] / none)"},
      {"beside what an Any holds", Bytes(11, AnyOf("t.Inner", "") + Int(9, 1)), Bytes(11, AnyOf("t.Inner", "")),
       R"(any.@unknown[9]: [{"number":9,"wire_type":"varint","value":"1","bytes":"AQ=="}] / none)"},
      {"an extension that is not known", Bytes(3, Int(150, 1)), Bytes(3, Int(150, 2)),
       R"(inner.@unknown[150]: [{"number":150,"wire_type":"varint","value":"1","bytes":"AQ=="}] / )"
       R"([{"number":150,"wire_type":"varint","value":"2","bytes":"Ag=="}])"},
      {"the order of those of one number", Int(900, 1) + Int(900, 2), Int(900, 2) + Int(900, 1),
       R"(@unknown[900]: [{"number":900,"wire_type":"varint","value":"1","bytes":"AQ=="},{"number":900,"wire_type":"varint",)"
       R"("value":"2","bytes":"Ag=="}] / [{"number":900,"wire_type":"varint","value":"2","bytes":"Ag=="},)"
       R"({"number":900,"wire_type":"varint","value":"1","bytes":"AQ=="}])"},
  });
}

TEST_CASE("what Anys hold is compared, by its bytes where its type is not known") {
  CheckRows({
      {"a known type", Bytes(11, AnyOf("t.Inner", Inner("a"))), Bytes(11, AnyOf("t.Inner", Inner("b"))),
       R"(any.name: "a" / "b")"},
      {"an unknown type", Bytes(11, AnyOf("no.Such", "A")), Bytes(11, AnyOf("no.Such", "B")),
       R"(any.@bytes: "QQ==" / "Qg==")"},
      {"an unknown type among several", Bytes(12, AnyOf("no.Such", "A")) + Bytes(12, AnyOf("no.Such", "A")),
       Bytes(12, AnyOf("no.Such", "A")) + Bytes(12, AnyOf("no.Such", "")), R"(anys[1].@bytes: "QQ==" / "")"},
      {"a form of its own", Bytes(11, AnyOf("google.protobuf.Timestamp", Int(1, 1))),
       Bytes(11, AnyOf("google.protobuf.Timestamp", Int(1, 2))),
       R"(any.value: "1970-01-01T00:00:01Z" / "1970-01-01T00:00:02Z")"},
      {"another host", Bytes(11, Bytes(1, "a/t.Inner")), Bytes(11, Bytes(1, "b/t.Inner")),
       R"(any.@type: "a/t.Inner" / "b/t.Inner")"},
      {"another type", Bytes(11, Bytes(1, "a/t.Inner")), Bytes(11, Bytes(1, "a/no.Such")),
       R"(any: {"@type":"a/t.Inner"} / {"@type":"a/no.Such","@bytes":""})"},
  });
}

TEST_CASE("well-known types are compared as what they are") {
  const auto entry = [](const char* key, const std::string& value) {
    return Bytes(1, Bytes(1, key) + Bytes(2, value));
  };
  CheckRows({
      {"times", Bytes(13, Int(1, 5)), Bytes(13, Int(1, 6)), R"(at: "1970-01-01T00:00:05Z" / "1970-01-01T00:00:06Z")"},
      {"wrappers", Bytes(19, Bytes(1, "a")), Bytes(19, ""), R"(wrapped: "a" / "")"},
      {"an entry of a struct", Bytes(14, entry("a", Bytes(5, entry("b", Bytes(3, "x"))))),
       Bytes(14, entry("a", Bytes(5, entry("b", Bytes(3, "y"))))), R"(object.a.b: "x" / "y")"},
      {"an entry that is not there", Bytes(14, ""), Bytes(14, entry("a", Int(1, 0))), "object.a: none / null"},
      {"another kind of value", Bytes(15, Int(4, 1)), Bytes(15, Bytes(3, "true")), R"(value: true / "true")"},
      {"null and no value", Bytes(15, Int(1, 0)), Bytes(15, ""),
       R"(value: null / {"@invalid":"it has no value, which is not null"})"},
      {"an element of a list", Bytes(22, Bytes(1, Int(4, 1))), Bytes(22, Bytes(1, Int(4, 1)) + Bytes(1, Int(4, 0))),
       "list[1]: none / false"},
  });
}

TEST_CASE("what cannot be parsed is compared by its bytes") {
  CheckRows({
      {"at the end", Int(1, 1) + "\x07", Int(1, 1) + "\x0f",
       R"(@unparsed: [{"offset":2,"reason":"no field begins like this","bytes":"Bw=="}] / )"
       R"([{"offset":2,"reason":"no field begins like this","bytes":"Dw=="}])"},
      {"inside", Bytes(3, "\x07"), Bytes(3, ""),
       R"(inner.@unparsed: [{"offset":2,"reason":"no field begins like this","bytes":"Bw=="}] / none)"},
      {"the same elsewhere", Int(1, 1) + "\x07", Int(1, 100'000) + "\x07", "number: 1 / 100000"},
  });
}

TEST_CASE("deeper than a thousand levels, bytes are compared") {
  const MessageBench bench(kProto);
  const auto nested = [](const std::string& innermost) {
    std::string message = innermost;
    for (int i = 0; i < 2'000; ++i) message = Bytes(3, message);
    return message;
  };
  const auto found = CompareMessages(bench.types(), bench.type("t.Inner"), nested(Int(2, 1)), nested(Int(2, 2)));
  REQUIRE(found.count == 1);
  CHECK(found.told[0].left.find("@unparsed") != std::string::npos);
}

TEST_CASE("of many differences only some are told, and long values are cut") {
  const MessageBench bench(kProto);
  std::string left;
  std::string right;
  for (uint32_t i = 0; i < 100; ++i) {
    left += Int(5, i);
    right += Int(5, i + 1'000);
  }
  ComparisonBounds bounds;
  bounds.most_told = 10;
  const auto found = CompareMessages(bench.types(), bench.type("t.M"), left, right, bounds);
  CHECK(found.count == 100);
  CHECK(found.told.size() == 10);
  bounds.most_text = 100;
  const auto one = CompareMessages(bench.types(), bench.type("t.M"), "", left, bounds);
  CHECK(one.told[0].right.size() < 200);
}

TEST_CASE("paths may be left out, with all below them") {
  const MessageBench bench(kProto);
  ComparisonBounds bounds;
  const auto count = [&](const std::string& ignored, const std::string& left, const std::string& right) {
    bounds.ignored = [&](const std::string& path) { return path == ignored; };
    return CompareMessages(bench.types(), bench.type("t.M"), left, right, bounds).count;
  };
  const std::string one = Bytes(3, Bytes(3, Int(2, 1))) + Bytes(4, Int(2, 1)) + Bytes(11, AnyOf("no.Such", "A"));
  const std::string two = Bytes(3, Bytes(3, Int(2, 2))) + Bytes(4, Int(2, 2)) + Bytes(11, AnyOf("no.Such", "B"));
  CHECK(count("", one, two) == 3);
  CHECK(count("inner", one, two) == 2);
  CHECK(count("inner.next", one, two) == 2);
  CHECK(count("inner.next.n", one, two) == 2);
  CHECK(count("inners[0]", one, two) == 2);
  CHECK(count("any.@bytes", one, two) == 2);
  CHECK(count("any", one, two) == 2);
}

}  // namespace
}  // namespace sallyport::policy
