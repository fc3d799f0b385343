// What proto2 has: groups, extensions, MessageSets, required fields, closed enums.
#include <catch2/catch.hpp>

#include "tests/policy/messages/message_bench.h"
#include "tests/policy/messages/wire_bytes.h"

namespace sallyport::policy {
namespace {

constexpr char kTwo[] = R"(
syntax = "proto2"; package t;
enum Colour { RED = 1; BLUE = 5; }
enum Shade { LIGHT = 0; DARK = 5; }
message M {
  optional string id = 1;
  optional group OG = 2 { optional string id = 1; optional string secret = 2; }
  repeated group Many = 3 { optional int32 n = 1; optional group Deep = 2 { optional int32 n = 1; } }
  optional int32 number = 4 [default = 7];
  optional Colour colour = 5;
  repeated Colour colours = 6;
  repeated Colour packed_colours = 7 [packed = true];
  map<string, Shade> by_name = 8;
  oneof choice { Colour shade = 11; string name = 12; group Og2 = 13 { optional int32 n = 1; } }
  extensions 100 to 199;
  extensions 1000 to max;
  extend M { optional string nested = 150; }
}
message Strict { required string name = 1; required Strict inner = 2; optional int32 n = 3; required int32 last = 9; }
message Holder { optional Strict strict = 1; repeated Strict many = 2; }
extend M {
  optional int32 rank = 100;
  repeated string labels = 101;
  optional M other = 102;
  optional group Extra = 103 { optional int32 n = 1; }
  repeated int32 packed_ranks = 104 [packed = true];
  optional Colour shade_of = 105;
}
message Set { option message_set_wire_format = true; extensions 4 to max; }
message Item { extend Set { optional Item message_set_extension = 1547769; } optional string text = 1; }
message HasSet { optional Set set = 1; }
)";

struct Row {
  const char* what;
  std::string bytes;
  const char* printed;
};

void CheckRows(const std::string& type, const std::vector<Row>& rows) {
  const MessageBench bench(kTwo);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(bench.Line(type, row.bytes) == row.printed);
  }
}

std::string SetItem(uint64_t type, std::string_view message) { return Group(1, Int(2, type) + Bytes(3, message)); }

TEST_CASE("groups are shown under their own name, with what is in them") {
  CheckRows(
      "t.M",
      {
          {"beside a field of the same name", Bytes(1, "outer") + Group(2, Bytes(1, "inner") + Bytes(2, "s")),
           R"({"id":"outer","og":{"id":"inner","secret":"s"}})"},
          {"before it", Group(2, Bytes(1, "inner")) + Bytes(1, "outer"), R"({"id":"outer","og":{"id":"inner"}})"},
          {"empty", Group(2, ""), R"({"og":{}})"},
          {"several", Group(3, Int(1, 1)) + Group(3, "") + Group(3, Group(2, Int(1, 5))),
           R"({"many":[{"n":1},{},{"deep":{"n":5}}]})"},
          {"in parts", Group(2, Bytes(1, "a")) + Bytes(1, "x") + Group(2, Bytes(2, "b")),
           R"({"id":"x","og":{"id":"a","secret":"b"},"@repeated":["og"]})"},
          {"a message for a group", Bytes(2, Bytes(1, "a")),
           R"({"@unknown":[{"number":2,"wire_type":"length","bytes":"CgFh"}]})"},
          {"groups that are not known, in groups that are", Group(3, Group(9, Group(2, "")) + Group(2, Int(1, 1))),
           R"({"many":[{"deep":{"n":1},"@unknown":[{"number":9,"wire_type":"group","bytes":"ExQ="}]}]})"},
          {"in a oneof", Group(13, Int(1, 1)) + Bytes(12, "x") + Group(13, Int(1, 2)),
           R"({"og2":{"n":2},"@repeated":["og2"],"@displaced":["name"]})"},
          {"one that ends within another",
           Group(3, Int(1, 1)) + Tag(3, WireType::kStartGroup) + Tag(2, WireType::kStartGroup) +
               Tag(3, WireType::kEndGroup),
           R"({"many":[{"n":1}],"@unparsed":[{"offset":4,"reason":"a group does not end","bytes":"GxMc"}]})"},
      });
}

TEST_CASE("extensions are shown under their full names in brackets") {
  CheckRows("t.M", {
                       {"of each kind",
                        Int(100, 3) + Bytes(101, "a") + Bytes(101, "b") + Bytes(102, Bytes(1, "x")) +
                            Group(103, Int(1, 4)) + Bytes(104, "\x01\x02") + Int(105, 5) + Bytes(150, "n"),
                        R"({"[t.rank]":3,"[t.labels]":["a","b"],"[t.other]":{"id":"x"},"[t.extra]":{"n":4},)"
                        R"("[t.packed_ranks]":[1,2],"[t.shade_of]":"BLUE","[t.M.nested]":"n"})"},
                       {"one that is not known", Bytes(1, "x") + Bytes(160, "A"),
                        R"({"id":"x","@unknown":[{"number":160,"wire_type":"length","bytes":"QQ=="}]})"},
                       {"one with another wire type", Bytes(100, "A"),
                        R"({"@unknown":[{"number":100,"wire_type":"length","bytes":"QQ=="}]})"},
                       {"one that came twice", Int(100, 3) + Int(100, 4), R"({"[t.rank]":4,"@repeated":["[t.rank]"]})"},
                       {"a number beyond all extensions", Int(500, 1),
                        R"({"@unknown":[{"number":500,"wire_type":"varint","value":"1","bytes":"AQ=="}]})"},
                   });
}

TEST_CASE("items of a MessageSet are its extensions") {
  CheckRows(
      "t.HasSet",
      {
          {"an item", Bytes(1, SetItem(1547769, Bytes(1, "x"))),
           R"({"set":{"[t.Item.message_set_extension]":{"text":"x"}}})"},
          {"the message first", Bytes(1, Group(1, Bytes(3, Bytes(1, "x")) + Int(2, 1547769))),
           R"({"set":{"[t.Item.message_set_extension]":{"text":"x"}}})"},
          {"as an ordinary extension", Bytes(1, Bytes(1547769, Bytes(1, "x"))),
           R"({"set":{"[t.Item.message_set_extension]":{"text":"x"}}})"},
          {"two, merged", Bytes(1, SetItem(1547769, Bytes(1, "x")) + SetItem(1547769, "")),
           R"({"set":{"[t.Item.message_set_extension]":{"text":"x"},"@repeated":["[t.Item.message_set_extension]"]}})"},
          {"a type that is not known", Bytes(1, SetItem(77, "A")),
           R"({"set":{"@unknown":[{"number":77,"wire_type":"length","bytes":"QQ=="}]}})"},
          {"a type beyond field numbers", Bytes(1, SetItem(2147483647, "A")),
           R"({"set":{"@unknown":[{"number":2147483647,"wire_type":"length","bytes":"QQ=="}]}})"},
          {"an item without a type", Bytes(1, Group(1, Bytes(3, "A"))),
           R"({"set":{"@unknown":[{"number":1,"wire_type":"group","bytes":"GgFB"}]}})"},
          {"an item with two messages", Bytes(1, Group(1, Int(2, 1547769) + Bytes(3, "") + Bytes(3, ""))),
           R"({"set":{"@unknown":[{"number":1,"wire_type":"group","bytes":"EPm7XhoAGgA="}]}})"},
          {"no item", Bytes(1, Int(5, 1)),
           R"({"set":{"@unknown":[{"number":5,"wire_type":"varint","value":"1","bytes":"AQ=="}]}})"},
      });
}

TEST_CASE("required fields that are missing are named") {
  CheckRows("t.Holder", {
                            {"all", Bytes(1, ""), R"({"strict":{"@missing":["name","inner","last"]}})"},
                            {"some, deep inside", Bytes(1, Bytes(1, "") + Bytes(2, Int(3, 1) + Int(9, 1)) + Int(9, 2)),
                             R"({"strict":{"name":"","inner":{"n":1,"last":1,"@missing":["name","inner"]},"last":2}})"},
                            {"in each element", Bytes(2, Bytes(2, "")),
                             R"({"many":[{"inner":{"@missing":["name","inner","last"]},"@missing":["name","last"]}]})"},
                        });
}

TEST_CASE("a default that is written is shown, one that is not is not") {
  CheckRows("t.M",
            {{"not", "", "{}"}, {"written", Int(4, 7), R"({"number":7})"}, {"zero", Int(4, 0), R"({"number":0})"}});
}

TEST_CASE("a number that a closed enum does not name is an unknown field, as parsers have it") {
  CheckRows(
      "t.M",
      {
          {"alone", Int(5, 2), R"({"@unknown":[{"number":5,"wire_type":"varint","value":"2","bytes":"Ag=="}]})"},
          {"before one it names", Int(5, 5) + Int(5, 2),
           R"({"colour":"BLUE","@unknown":[{"number":5,"wire_type":"varint","value":"2","bytes":"Ag=="}]})"},
          {"among others", Int(6, 1) + Int(6, 2) + Int(6, 5),
           R"({"colours":["RED","BLUE"],"@unknown":[{"number":6,"wire_type":"varint","value":"2","bytes":"Ag=="}]})"},
          {"packed", Bytes(7, "\x01\x02\x05"),
           R"({"packed_colours":["RED","BLUE"],"@unknown":[{"number":7,"wire_type":"varint","value":"2","bytes":"Ag=="}]})"},
          {"packed, and no other", Bytes(7, "\x02"),
           R"({"@unknown":[{"number":7,"wire_type":"varint","value":"2","bytes":"Ag=="}]})"},
          {"in a map, which loses the entry", Bytes(8, Bytes(1, "a") + Int(2, 2)) + Bytes(8, Bytes(1, "b") + Int(2, 5)),
           R"({"by_name":{"b":"DARK"},"@unknown":[{"number":8,"wire_type":"length","bytes":"CgFhEAI="}]})"},
          {"in a map with a value twice: the last", Bytes(8, Bytes(1, "a") + Int(2, 2) + Int(2, 5)),
           R"({"by_name":{"a":"DARK"},"@unknown":[{"in":"by_name[a]","number":2,"wire_type":"varint","value":"2","bytes":"Ag=="}]})"},
          {"in a map with a value twice: the last, which has no name", Bytes(8, Bytes(1, "a") + Int(2, 5) + Int(2, 2)),
           R"({"@unknown":[{"number":8,"wire_type":"length","bytes":"CgFhEAUQAg=="}]})"},
          {"in a map without a value: the first", Bytes(8, Bytes(1, "a")), R"({"by_name":{"a":"LIGHT"}})"},
          {"in a oneof, of which it displaces nothing", Bytes(12, "x") + Int(11, 2),
           R"({"name":"x","@unknown":[{"number":11,"wire_type":"varint","value":"2","bytes":"Ag=="}]})"},
          {"of an extension", Int(105, 9),
           R"({"@unknown":[{"number":105,"wire_type":"varint","value":"9","bytes":"CQ=="}]})"},
      });
}

TEST_CASE("texts of proto2 that are not UTF-8 are shown as bytes too") {
  CheckRows("t.M", {{"a field", Bytes(1, "\xff"), R"({"id":{"@bytes":"/w=="}})"}});
}

TEST_CASE("groups in groups are found whatever their depth, in time that grows with the message") {
  const MessageBench bench(R"(
      syntax = "proto2"; package t; message G { optional group Next = 1 { optional G inner = 2; optional int32 n = 3; } }
      message Chain { optional group A = 1 { optional group A2 = 1 { optional group A3 = 1 { optional int32 n = 2; } } } })");
  CHECK(bench.Line("t.Chain", Group(1, Group(1, Group(1, Int(2, 9))))) == R"({"a":{"a2":{"a3":{"n":9}}}})");
  CHECK(bench.Line("t.G", Group(1, Bytes(2, Group(1, Int(3, 1) + Bytes(2, Group(1, "")))))) ==
        R"({"next":{"inner":{"next":{"inner":{"next":{}},"n":1}}}})");
  // Nobody knows these.
  std::string open(50'000, static_cast<char>(TagOf(5, WireType::kStartGroup)));
  std::string close(50'000, static_cast<char>(TagOf(5, WireType::kEndGroup)));
  CHECK(bench.Line("t.G", open + close).size() > 100'000);
  CHECK_FALSE(bench.findings.unparsed);
  CHECK(bench.Line("t.G", open + close.substr(1)).find("a group does not end") != std::string::npos);
  CHECK(bench.Line("t.G", std::string(8 << 20, open[0])).find("groups nested deeper than is read") !=
        std::string::npos);
}

TEST_CASE("a million groups, nested as deep as is shown, do not take long") {
  // Would each level look for the ends anew, this would be a billion steps.
  std::string proto = "syntax = \"proto2\"; package t; message Deep { optional group L0 = 1 { ";
  for (int i = 1; i < 30; ++i) proto += "repeated group L" + std::to_string(i) + " = 1 { ";
  for (int i = 0; i < 30; ++i) proto += "}";
  const MessageBench bench(proto + "}");
  std::string content;
  for (int i = 0; i < 20'000; ++i) content += Group(1, "");
  for (int i = 0; i < 29; ++i) content = Group(1, content);
  CHECK(bench.Line("t.Deep", content).size() > 20'000);
}

}  // namespace
}  // namespace sallyport::policy
