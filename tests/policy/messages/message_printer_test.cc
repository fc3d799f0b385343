#include "policy/messages/message_printer.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/policy/messages/message_bench.h"
#include "tests/policy/messages/wire_bytes.h"

namespace sallyport::policy {
namespace {

constexpr char kThree[] = R"(
syntax = "proto3"; package t;
enum Colour { NONE = 0; RED = 1; BLUE = 5; }
enum Twin { option allow_alias = true; ZERO = 0; ONE = 1; UNO = 1; }
message Inner { string name = 1; int32 n = 2; Inner next = 3; }
message M {
  int32 an_int = 1; int64 a_long = 2; uint32 a_uint = 3; uint64 a_ulong = 4; sint32 a_sint = 5; sint64 a_slong = 6;
  fixed32 a_fixed = 7; fixed64 a_flong = 8; sfixed32 a_sfixed = 9; sfixed64 a_sflong = 10;
  float a_float = 11; double a_double = 12; bool a_bool = 13; string a_text = 14; bytes some_bytes = 15;
  Colour colour = 16; Inner inner = 17; optional int32 maybe = 18; Twin twin = 19;
  repeated int32 ints = 21; repeated string texts = 22; repeated Inner inners = 23; repeated Colour colours = 24;
  repeated int32 loose = 25 [packed = false]; repeated double doubles = 26; repeated bool bools = 27;
  oneof choice { string left = 31; int32 right = 32; Inner middle = 33; }
  map<string, int32> counts = 41; map<int32, Inner> by_number = 42; map<bool, string> by_bool = 43;
  map<uint64, Colour> by_long = 44; map<sint64, bytes> by_slong = 45; map<fixed32, double> by_fixed = 46;
}
)";

struct Row {
  const char* what;
  std::string bytes;
  const char* printed;
};

void CheckRows(const MessageBench& bench, const std::string& type, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(bench.Line(type, row.bytes) == row.printed);
  }
}

TEST_CASE("values of each kind are shown as protobuf's mapping has them") {
  const MessageBench bench(kThree);
  CheckRows(
      bench, "t.M",
      {
          {"nothing", "", "{}"},
          {"an int", Int(1, 7), R"({"an_int":7})"},
          {"a negative int", Negative(1, -7), R"({"an_int":-7})"},
          {"an int of 64 bits, cut as parsers do", Int(1, (uint64_t{5} << 32) + 9), R"({"an_int":9})"},
          {"a negative int in 5 bytes", Int(1, 0xfffffff9), R"({"an_int":-7})"},
          {"a long", Negative(2, std::numeric_limits<int64_t>::min()), R"({"a_long":"-9223372036854775808"})"},
          {"a uint", Int(3, 4294967295), R"({"a_uint":4294967295})"},
          {"a ulong", Int(4, ~uint64_t{0}), R"({"a_ulong":"18446744073709551615"})"},
          {"a sint", Int(5, 13), R"({"a_sint":-7})"},
          {"the least sint", Int(5, 4294967295), R"({"a_sint":-2147483648})"},
          {"a slong", Int(6, ~uint64_t{0}), R"({"a_slong":"-9223372036854775808"})"},
          {"a fixed", Fixed32(7, 4000000000), R"({"a_fixed":4000000000})"},
          {"a flong", Fixed64(8, ~uint64_t{0}), R"({"a_flong":"18446744073709551615"})"},
          {"an sfixed", Fixed32(9, 0xfffffff9), R"({"a_sfixed":-7})"},
          {"an sflong", Fixed64(10, static_cast<uint64_t>(-7)), R"({"a_sflong":"-7"})"},
          {"a float", Float(11, 0.1f), R"({"a_float":0.1})"},
          {"a double", Double(12, 1e300), R"({"a_double":1e+300})"},
          {"minus zero", Double(12, -0.0), R"({"a_double":-0.0})"},
          {"no number", Double(12, NAN), R"({"a_double":"NaN"})"},
          {"infinity", Float(11, -INFINITY), R"({"a_float":"-Infinity"})"},
          {"a bool", Int(13, 1), R"({"a_bool":true})"},
          {"a bool of 2", Int(13, 2), R"({"a_bool":true})"},
          {"a text", Bytes(14, "h\xc3\xa9\n\"<"), "{\"a_text\":\"h\xc3\xa9\\n\\\"<\"}"},
          {"bytes", Bytes(15, "\xff\xfe"), R"({"some_bytes":"//4="})"},
          {"an enum", Int(16, 5), R"({"colour":"BLUE"})"},
          {"an enum's number without a name", Int(16, 4), R"({"colour":4})"},
          {"a negative one", Negative(16, -1), R"({"colour":-1})"},
          {"a number with two names: the first", Int(19, 1), R"({"twin":"ONE"})"},
          {"an empty message", Bytes(17, ""), R"({"inner":{}})"},
          {"a message", Bytes(17, Bytes(1, "x") + Bytes(3, Int(2, 1))), R"({"inner":{"name":"x","next":{"n":1}}})"},
          {"a zero that is as good as nothing", Int(1, 0) + Bytes(14, "") + Double(12, 0), "{}"},
          {"a zero that is not", Int(18, 0), R"({"maybe":0})"},
          {"fields in any order", Bytes(14, "x") + Int(1, 2), R"({"an_int":2,"a_text":"x"})"},
      });
}

TEST_CASE("repeated fields are gathered, packed or not, wherever they stand") {
  CheckRows(MessageBench(kThree), "t.M",
            {
                {"packed", Bytes(21, "\x01\x02\x03"), R"({"ints":[1,2,3]})"},
                {"one by one", Int(21, 1) + Int(21, 2), R"({"ints":[1,2]})"},
                {"both", Int(21, 1) + Bytes(21, "\x02\x03") + Int(21, 4), R"({"ints":[1,2,3,4]})"},
                {"packed what is declared not to be", Bytes(25, "\x01\x02"), R"({"loose":[1,2]})"},
                {"packed and empty", Bytes(21, ""), "{}"},
                {"apart", Bytes(22, "a") + Int(1, 5) + Bytes(22, "") + Int(16, 1) + Bytes(22, "c"),
                 R"({"an_int":5,"colour":"RED","texts":["a","","c"]})"},
                {"messages", Bytes(23, "") + Bytes(23, Int(2, 4)), R"({"inners":[{},{"n":4}]})"},
                {"enums", Bytes(24, "\x01\x07\x05"), R"({"colours":["RED",7,"BLUE"]})"},
                {"zeros are elements", Bytes(21, std::string("\0\0", 2)), R"({"ints":[0,0]})"},
                {"bools in long varints", Bytes(27, std::string("\x80\x01\x80\0", 4)), R"({"bools":[true,false]})"},
                {"a single one with a length is not packed", Bytes(1, "\x01"),
                 R"({"@unknown":[{"number":1,"wire_type":"length","bytes":"AQ=="}]})"},
            });
}

TEST_CASE("encodings that are longer than they need be are read as what they are") {
  CheckRows(MessageBench(kThree), "t.M",
            {
                {"a value", std::string("\x08\x87\x80\x80\x00", 5), R"({"an_int":7})"},
                {"a tag", std::string("\x88\x80\x00\x07", 4), R"({"an_int":7})"},
                {"a length", std::string("\x72\x81\x00x", 4), R"({"a_text":"x"})"},
            });
}

TEST_CASE("maps are objects, whatever their entries look like") {
  CheckRows(
      MessageBench(kThree), "t.M",
      {
          {"entries", Bytes(41, Bytes(1, "a") + Int(2, 1)) + Bytes(41, Bytes(1, "b") + Int(2, 2)),
           R"({"counts":{"a":1,"b":2}})"},
          {"the value first", Bytes(41, Int(2, 1) + Bytes(1, "a")), R"({"counts":{"a":1}})"},
          {"no value", Bytes(41, Bytes(1, "a")), R"({"counts":{"a":0}})"},
          {"no key", Bytes(41, Int(2, 1)), R"({"counts":{"":1}})"},
          {"neither", Bytes(41, "") + Bytes(42, "") + Bytes(43, "") + Bytes(44, "") + Bytes(45, "") + Bytes(46, ""),
           R"({"counts":{"":0},"by_number":{"0":{}},"by_bool":{"false":""},"by_long":{"0":"NONE"},)"
           R"("by_slong":{"0":""},"by_fixed":{"0":0}})"},
          {"keys of other kinds",
           Bytes(42, Negative(1, -3) + Bytes(2, Int(2, 1))) + Bytes(43, Int(1, 1) + Bytes(2, "t")) +
               Bytes(44, Int(1, ~uint64_t{0}) + Int(2, 9)) + Bytes(45, Int(1, 5) + Bytes(2, "x")) +
               Bytes(46, Fixed32(1, 4000000000) + Double(2, 0.5)),
           R"({"by_number":{"-3":{"n":1}},"by_bool":{"true":"t"},"by_long":{"18446744073709551615":9},)"
           R"("by_slong":{"-3":"eA=="},"by_fixed":{"4000000000":0.5}})"},
          {"one key twice",
           Bytes(41, Bytes(1, "a") + Int(2, 1)) + Bytes(41, Int(2, 3)) + Bytes(41, Bytes(1, "a") + Int(2, 2)),
           R"({"counts":{"":3,"a":2},"@repeated":["counts[a]"]})"},
          {"two keys in one entry", Bytes(41, Bytes(1, "a") + Int(2, 1) + Bytes(1, "b")),
           R"({"counts":{"b":1},"@repeated":["counts[b]"]})"},
          {"what an entry should not have", Bytes(41, Bytes(1, "a") + Int(3, 1)),
           R"({"counts":{"a":0},"@unknown":[{"in":"counts[a]","number":3,"wire_type":"varint","value":"1","bytes":"AQ=="}]})"},
          {"an entry that stops", Bytes(41, Bytes(1, "a") + "\x10"),
           R"({"counts":{"a":0},"@unparsed":[{"in":"counts[a]","offset":6,"reason":"a number that does not end","bytes":"EA=="}]})"},
          {"a key behind groups that are not known", Bytes(41, Group(9, Group(9, "")) + Bytes(1, "a") + Int(2, 1)),
           R"({"counts":{"a":1},"@unknown":[{"in":"counts[a]","number":9,"wire_type":"group","bytes":"S0w="}]})"},
          {"a key that looks like a mark", Bytes(41, Bytes(1, "@unknown") + Int(2, 1)),
           R"({"counts":{"@@unknown":1}})"},
          {"a key that is not UTF-8", Bytes(41, Bytes(1, "\xff") + Int(2, 1)), R"({"counts":{"@bytes:/w==":1}})"},
          {"a key that looks like such a one", Bytes(41, Bytes(1, "@bytes:/w==") + Int(2, 1)),
           R"({"counts":{"@@bytes:/w==":1}})"},
          {"values that are messages in parts", Bytes(42, Bytes(2, Int(2, 1)) + Bytes(2, Bytes(1, "x"))),
           R"({"by_number":{"0":{"name":"x","n":1}},"@repeated":["by_number[0]"]})"},
      });
}

TEST_CASE("of fields that come more than once, what parsers make of them, and a mark") {
  CheckRows(
      MessageBench(kThree), "t.M",
      {
          {"the last number counts", Int(1, 1) + Int(1, 2), R"({"an_int":2,"@repeated":["an_int"]})"},
          {"also if it is as good as nothing", Int(1, 1) + Int(1, 0), R"({"@repeated":["an_int"]})"},
          {"the last text counts", Bytes(14, "a") + Int(1, 1) + Bytes(14, "b"),
           R"({"an_int":1,"a_text":"b","@repeated":["a_text"]})"},
          {"messages are merged", Bytes(17, Bytes(1, "a") + Int(2, 1)) + Bytes(17, Int(2, 2)),
           R"({"inner":{"name":"a","n":2,"@repeated":["n"]},"@repeated":["inner"]})"},
          {"and messages in them", Bytes(17, Bytes(3, Int(2, 1))) + Bytes(17, Bytes(3, Bytes(1, "x"))),
           R"({"inner":{"next":{"name":"x","n":1},"@repeated":["next"]},"@repeated":["inner"]})"},
          {"of a oneof the last member counts", Bytes(31, "a") + Int(32, 0), R"({"right":0,"@displaced":["left"]})"},
          {"whatever its number", Int(32, 5) + Bytes(31, ""), R"({"left":"","@displaced":["right"]})"},
          {"what came before another member is lost", Bytes(33, Bytes(1, "a")) + Int(32, 5) + Bytes(33, Int(2, 1)),
           R"({"middle":{"n":1},"@repeated":["middle"],"@displaced":["right"]})"},
          {"what came after is merged",
           Int(32, 5) + Bytes(33, Bytes(1, "a")) + Bytes(31, "z") + Bytes(33, Int(2, 1)) + Bytes(33, Bytes(1, "b")),
           R"({"middle":{"name":"b","n":1},"@repeated":["middle"],"@displaced":["left","right"]})"},
          {"a wrong wire type displaces nothing", Int(32, 5) + Int(31, 1),
           R"({"right":5,"@unknown":[{"number":31,"wire_type":"varint","value":"1","bytes":"AQ=="}]})"},
      });
}

TEST_CASE("what the type does not have is listed with number, wire type and bytes") {
  CheckRows(
      MessageBench(kThree), "t.M",
      {
          {"each wire type",
           Int(100, 300) + Fixed32(101, 1) + Fixed64(102, 2) + Bytes(103, "A") + Group(104, Int(1, 2)),
           R"({"@unknown":[{"number":100,"wire_type":"varint","value":"300","bytes":"rAI="},)"
           R"({"number":101,"wire_type":"fixed32","value":"1","bytes":"AQAAAA=="},)"
           R"({"number":102,"wire_type":"fixed64","value":"2","bytes":"AgAAAAAAAAA="},)"
           R"({"number":103,"wire_type":"length","bytes":"QQ=="},{"number":104,"wire_type":"group","bytes":"CAI="}]})"},
          {"a wire type that is not the field's", Fixed32(1, 1),
           R"({"@unknown":[{"number":1,"wire_type":"fixed32","value":"1","bytes":"AQAAAA=="}]})"},
          {"a group for a message", Group(17, ""), R"({"@unknown":[{"number":17,"wire_type":"group","bytes":""}]})"},
          {"deep inside", Bytes(17, Bytes(3, Int(9, 1))),
           R"({"inner":{"next":{"@unknown":[{"number":9,"wire_type":"varint","value":"1","bytes":"AQ=="}]}}})"},
          {"by number, and as they came", Int(101, 1) + Int(100, 2) + Int(101, 3),
           R"({"@unknown":[{"number":100,"wire_type":"varint","value":"2","bytes":"Ag=="},)"
           R"({"number":101,"wire_type":"varint","value":"1","bytes":"AQ=="},)"
           R"({"number":101,"wire_type":"varint","value":"3","bytes":"Aw=="}]})"},
      });
}

TEST_CASE("an extension that holds its default is there, whatever file declares it") {
  const MessageBench bench(R"(
      syntax = "proto3"; package t; import "google/protobuf/descriptor.proto";
      extend google.protobuf.FieldOptions { bool flag = 50001; string note = 50002; })");
  CHECK(bench.Line("google.protobuf.FieldOptions", Int(50001, 0) + Bytes(50002, "")) ==
        R"({"[t.flag]":false,"[t.note]":""})");
}

TEST_CASE("texts that are not UTF-8 are shown as bytes") {
  CheckRows(MessageBench(kThree), "t.M",
            {
                {"a field", Bytes(14, "a\xff"), R"({"a_text":{"@bytes":"Yf8="}})"},
                {"an element", Bytes(22, "a") + Bytes(22, "\xc0\x80"), R"({"texts":["a",{"@bytes":"wIA="}]})"},
            });
}

TEST_CASE("what cannot be parsed is shown as bytes from there on, and the rest around it as ever") {
  const MessageBench bench(kThree);
  CheckRows(
      bench, "t.M",
      {
          {"no field begins like this", Int(1, 7) + std::string("\x00\x01", 2),
           R"({"an_int":7,"@unparsed":[{"offset":2,"reason":"no field begins like this","bytes":"AAE="}]})"},
          {"wire types that there are not", Int(1, 7) + "\x0e",
           R"({"an_int":7,"@unparsed":[{"offset":2,"reason":"no field begins like this","bytes":"Dg=="}]})"},
          {"tags that parsers read differently", std::string("\x88\x80\x80\x80\x10\x07"),
           R"({"@unparsed":[{"offset":0,"reason":"no field begins like this","bytes":"iICAgBAH"}]})"},
          {"an end alone", Int(1, 7) + "\x0c",
           R"({"an_int":7,"@unparsed":[{"offset":2,"reason":"a group ends that did not begin","bytes":"DA=="}]})"},
          {"no end", Tag(104, WireType::kStartGroup) + Int(1, 7),
           R"({"@unparsed":[{"offset":0,"reason":"a group does not end","bytes":"wwYIBw=="}]})"},
          {"another end", Tag(104, WireType::kStartGroup) + Tag(105, WireType::kEndGroup),
           R"({"@unparsed":[{"offset":0,"reason":"a group does not end","bytes":"wwbMBg=="}]})"},
          {"a text cut short", Int(1, 7) + Tag(14, WireType::kLength) + "\x05xy",
           R"({"an_int":7,"@unparsed":[{"offset":2,"reason":"cut short","bytes":"cgV4eQ=="}]})"},
          {"nothing behind a tag", Int(1, 7) + Tag(7, WireType::kFixed32),
           R"({"an_int":7,"@unparsed":[{"offset":2,"reason":"cut short","bytes":"PQ=="}]})"},
          {"a message cut short is read as far as it goes", Tag(17, WireType::kLength) + "\x09" + Bytes(1, "ab"),
           R"({"inner":{"name":"ab"},"@unparsed":[{"offset":7,"reason":"the message that ends here is cut short","bytes":""}]})"},
          {"an endless number", Int(1, 7) + std::string(11, '\xff'),
           R"({"an_int":7,"@unparsed":[{"offset":2,"reason":"no field begins like this","bytes":"//////////////8="}]})"},
          {"inside, with more behind it", Bytes(17, Bytes(1, "x") + "\x07") + Int(18, 3),
           R"({"inner":{"name":"x","@unparsed":[{"offset":6,"reason":"no field begins like this","bytes":"Bw=="}]},"maybe":3})"},
          {"half a packed number", Bytes(21, "\x01\x80") + Bytes(26, "123"),
           R"({"ints":[1],"@unparsed":[{"offset":4,"reason":"not a whole number of packed values","bytes":"gA=="},)"
           R"({"offset":8,"reason":"not a whole number of packed values","bytes":"MTIz"}]})"},
      });
  bench.Line("t.M", Int(1, 7));
  CHECK_FALSE(bench.findings.unparsed);
  bench.Line("t.M", Bytes(17, "\x07"));
  CHECK(bench.findings.unparsed);
}

TEST_CASE("indented, each member has a line, and each thing that is not known one of its own") {
  const MessageBench bench(kThree);
  CHECK(bench.Printed("t.M",
                      Int(1, 7) + Bytes(17, Bytes(1, "x")) + Bytes(21, "\x01\x02") + Bytes(17, "") + Int(100, 1) +
                          Bytes(101, "A") + Bytes(22, "\xff"),
                      JsonStyle::kIndented) ==
        R"({
 "an_int": 7,
 "inner": {
  "name": "x"
 },
 "ints": [
  1,
  2
 ],
 "texts": [
  {"@bytes": "/w=="}
 ],
 "@repeated": ["inner"],
 "@unknown": [
  {"number": 100, "wire_type": "varint", "value": "1", "bytes": "AQ=="},
  {"number": 101, "wire_type": "length", "bytes": "QQ=="}
 ]
})");
  CHECK(bench.Printed("t.M", "", JsonStyle::kIndented) == "{}");
}

TEST_CASE("more than is wanted is cut, and said to be") {
  const MessageBench bench(kThree);
  std::string message;
  for (int i = 0; i < 1000; ++i) message += Bytes(22, "a text");
  for (int i = 0; i < 1000; ++i) message += Bytes(23, Bytes(1, "a name"));
  const std::string cut = bench.Printed("t.M", message, JsonStyle::kOneLine, 50);
  CHECK(cut == R"({"texts":["a text","a text","a text","a text","a text",{"@cut":true}],"@cut":true})");
  CHECK(bench.findings.cut);
  CHECK(bench.Printed("t.M", Int(1, 7), JsonStyle::kOneLine, 5) == R"({"an_int":7})");
  CHECK_FALSE(bench.findings.cut);
  const std::string in_map =
      bench.Printed("t.M", Bytes(41, Bytes(1, "abcdef")) + Bytes(41, Bytes(1, "b")), JsonStyle::kOneLine, 15);
  CHECK(in_map == R"({"counts":{"abcdef":0,"@cut":true},"@cut":true})");
}

TEST_CASE("a thousand levels are shown, and what is deeper as bytes") {
  const MessageBench bench(kThree);
  const auto nested = [](int levels) {
    std::string message = Int(2, 1);
    for (int i = 0; i < levels; ++i) message = Bytes(3, message);
    return message;
  };
  const std::string shown = bench.Line("t.Inner", nested(999));
  CHECK(shown.find(R"({"n":1})") != std::string::npos);
  CHECK_FALSE(bench.findings.unparsed);
  const std::string marked = bench.Line("t.Inner", nested(1000));
  CHECK(marked.find(R"({"@unparsed":[{"offset":)") != std::string::npos);
  CHECK(marked.find("nested deeper than 1,000 messages") != std::string::npos);
  CHECK(bench.findings.unparsed);
  bench.Line("t.Inner", nested(64 << 10));
  CHECK(bench.findings.unparsed);
}

}  // namespace
}  // namespace sallyport::policy
