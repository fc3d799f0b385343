// Well-known types and Any.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/policy/messages/message_bench.h"
#include "tests/policy/messages/wire_bytes.h"

namespace sallyport::policy {
namespace {

constexpr char kKnown[] = R"(
syntax = "proto3"; package t;
import "google/protobuf/any.proto"; import "google/protobuf/timestamp.proto"; import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/wrappers.proto";
import "google/protobuf/empty.proto";
message M {
  google.protobuf.Timestamp at = 1; google.protobuf.Duration took = 2; google.protobuf.FieldMask mask = 3;
  google.protobuf.Struct object = 4; google.protobuf.Value value = 5; google.protobuf.ListValue list = 6;
  google.protobuf.Any any = 7; repeated google.protobuf.Any anys = 8; google.protobuf.Empty empty = 9;
  google.protobuf.BoolValue a_bool = 11; google.protobuf.Int32Value an_int = 12; google.protobuf.Int64Value a_long = 13;
  google.protobuf.UInt32Value a_uint = 14; google.protobuf.UInt64Value a_ulong = 15; google.protobuf.FloatValue a_float = 16;
  google.protobuf.DoubleValue a_double = 17; google.protobuf.StringValue a_text = 18; google.protobuf.BytesValue bytes = 19;
  google.protobuf.NullValue null = 21; repeated google.protobuf.NullValue nulls = 22; optional google.protobuf.NullValue maybe = 23;
  map<string, google.protobuf.Timestamp> times = 31; map<string, google.protobuf.Value> values = 32;
}
message Inner { string name = 1; int32 n = 2; }
)";

struct Row {
  const char* what;
  std::string bytes;
  const char* printed;
};

void CheckRows(const std::vector<Row>& rows) {
  const MessageBench bench(kKnown);
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(bench.Line("t.M", row.bytes) == row.printed);
  }
}

std::string At(int64_t seconds, int64_t nanos) { return Negative(1, seconds) + Negative(2, nanos); }
std::string Time(int64_t seconds, int64_t nanos) { return Bytes(1, At(seconds, nanos)); }
std::string Took(int64_t seconds, int64_t nanos) { return Bytes(2, At(seconds, nanos)); }

TEST_CASE("times are shown as times, and what is none as its fields") {
  CheckRows({
      {"1970", Bytes(1, ""), R"({"at":"1970-01-01T00:00:00Z"})"},
      {"a second", Time(1'767'607'200, 0), R"({"at":"2026-01-05T10:00:00Z"})"},
      {"milliseconds", Time(1, 500'000'000), R"({"at":"1970-01-01T00:00:01.500Z"})"},
      {"microseconds", Time(1, 1'000), R"({"at":"1970-01-01T00:00:01.000001Z"})"},
      {"nanoseconds", Time(-1, 1), R"({"at":"1969-12-31T23:59:59.000000001Z"})"},
      {"the first", Time(-62'135'596'800, 0), R"({"at":"0001-01-01T00:00:00Z"})"},
      {"the last", Time(253'402'300'799, 999'999'999), R"({"at":"9999-12-31T23:59:59.999999999Z"})"},
      {"a leap day", Time(951'782'400, 0), R"({"at":"2000-02-29T00:00:00Z"})"},
      {"before the first", Time(-62'135'596'801, 0),
       R"({"at":{"seconds":"-62135596801","@invalid":"its seconds are not from the years 1 to 9999"}})"},
      {"after the last", Bytes(1, Negative(1, 253'402'300'800)) + Bytes(9, ""),
       R"({"at":{"seconds":"253402300800","@invalid":"its seconds are not from the years 1 to 9999"},"empty":{}})"},
      {"negative nanos", Bytes(1, Negative(2, -1)),
       R"({"at":{"nanos":-1,"@invalid":"its nanos are not from 0 to 999,999,999"}})"},
      {"nanos of a second", Bytes(1, Int(2, 1'000'000'000)),
       R"({"at":{"nanos":1000000000,"@invalid":"its nanos are not from 0 to 999,999,999"}})"},
      {"with what a time does not have", Bytes(1, Int(1, 5) + Int(3, 1)),
       R"({"at":{"seconds":"5","@unknown":[{"number":3,"wire_type":"varint","value":"1","bytes":"AQ=="}]}})"},
      {"in parts", Bytes(1, Int(1, 5)) + Bytes(1, Int(2, 1'000'000)),
       R"({"at":"1970-01-01T00:00:05.001Z","@repeated":["at"]})"},
      {"in parts that both have seconds", Bytes(1, Int(1, 5)) + Bytes(1, Int(1, 6)),
       R"({"at":"1970-01-01T00:00:06Z","@repeated":["at"]})"},
      {"in parts of what it stands in", Bytes(31, Bytes(2, Int(1, 5)) + Bytes(2, Int(1, 6))),
       R"({"times":{"":"1970-01-01T00:00:06Z"},"@repeated":["times[]"]})"},
      {"with seconds twice", Bytes(1, Int(1, 5) + Int(1, 6)), R"({"at":{"seconds":"6","@repeated":["seconds"]}})"},
      {"that stops", Bytes(1, Int(1, 5) + "\x10"),
       R"({"at":{"seconds":"5","@unparsed":[{"offset":4,"reason":"a number that does not end","bytes":"EA=="}]}})"},
  });
}

TEST_CASE("so are durations") {
  CheckRows({
      {"none", Bytes(2, ""), R"({"took":"0s"})"},
      {"seconds", Took(3, 0), R"({"took":"3s"})"},
      {"milliseconds", Took(1, 340'000'000), R"({"took":"1.340s"})"},
      {"nanoseconds", Took(1, 12), R"({"took":"1.000000012s"})"},
      {"negative", Took(-1, -500'000'000), R"({"took":"-1.500s"})"},
      {"negative below a second", Took(0, -1'000), R"({"took":"-0.000001s"})"},
      {"the longest", Took(315'576'000'000, 999'999'999), R"({"took":"315576000000.999999999s"})"},
      {"longer", Took(315'576'000'001, 0),
       R"({"took":{"seconds":"315576000001","@invalid":"its seconds are more than 10,000 years"}})"},
      {"the least number", Bytes(2, Negative(1, std::numeric_limits<int64_t>::min())),
       R"({"took":{"seconds":"-9223372036854775808","@invalid":"its seconds are more than 10,000 years"}})"},
      {"two signs", Took(1, -5),
       R"({"took":{"seconds":"1","nanos":-5,"@invalid":"its seconds and nanos have different signs"}})"},
      {"two signs the other way", Took(-1, 5),
       R"({"took":{"seconds":"-1","nanos":5,"@invalid":"its seconds and nanos have different signs"}})"},
      {"a second of nanos", Took(0, 1'000'000'000),
       R"({"took":{"nanos":1000000000,"@invalid":"its nanos are a second or more"}})"},
  });
}

TEST_CASE("field masks are shown as one text, unless that would say something else") {
  const auto mask = [](std::initializer_list<const char*> paths) {
    std::string content;
    for (const char* path : paths) content += Bytes(1, path);
    return Bytes(3, content);
  };
  CheckRows({
      {"empty", mask({}), R"({"mask":""})"},
      {"paths", mask({"a.b_c", "d"}), R"({"mask":"a.bC,d"})"},
      {"an underscore first", mask({"_a"}), R"({"mask":"A"})"},
      {"a capital", mask({"a.B_c"}),
       R"({"mask":{"paths":["a.B_c"],"@invalid":"a path has no form in JSON that stands for it alone"}})"},
      {"a number after an underscore", mask({"ok", "a_1"}),
       R"({"mask":{"paths":["ok","a_1"],"@invalid":"a path has no form in JSON that stands for it alone"}})"},
      {"two underscores", mask({"a__b"}),
       R"({"mask":{"paths":["a__b"],"@invalid":"a path has no form in JSON that stands for it alone"}})"},
      {"an underscore last", mask({"a_"}),
       R"({"mask":{"paths":["a_"],"@invalid":"a path has no form in JSON that stands for it alone"}})"},
      {"a comma", mask({"a,b"}),
       R"({"mask":{"paths":["a,b"],"@invalid":"a path has no form in JSON that stands for it alone"}})"},
      {"nothing", mask({""}),
       R"({"mask":{"paths":[""],"@invalid":"a path has no form in JSON that stands for it alone"}})"},
      {"bytes", mask({"\xff"}), R"({"mask":{"paths":[{"@bytes":"/w=="}],"@invalid":"a path is not UTF-8"}})"},
  });
}

// Fields of a Struct, and values.
std::string Entry(std::string_view key, std::string_view value) { return Bytes(1, Bytes(1, key) + Bytes(2, value)); }
std::string TextValue(std::string_view text) { return Bytes(3, text); }

TEST_CASE("structs, lists and values are shown as the JSON that they stand for") {
  CheckRows({
      {"empty ones", Bytes(4, "") + Bytes(6, ""), R"({"object":{},"list":[]})"},
      {"an object", Bytes(4, Entry("a", TextValue("x")) + Entry("b", Int(1, 0)) + Entry("c", Int(4, 1))),
       R"({"object":{"a":"x","b":null,"c":true}})"},
      {"a list", Bytes(6, Bytes(1, Double(2, 1.5)) + Bytes(1, Bytes(5, "")) + Bytes(1, Bytes(6, Bytes(1, Int(4, 0))))),
       R"({"list":[1.5,{},[false]]})"},
      {"a number", Bytes(5, Double(2, 0)), R"({"value":0})"},
      {"minus zero", Bytes(5, Double(2, -0.0)), R"({"value":-0.0})"},
      {"null", Bytes(5, Int(1, 0)), R"({"value":null})"},
      {"objects in objects", Bytes(5, Bytes(5, Entry("a", Bytes(5, Entry("b", Bytes(6, "")))))),
       R"({"value":{"a":{"b":[]}}})"},
      {"no value", Bytes(5, ""), R"({"value":{"@invalid":"it has no value, which is not null"}})"},
      {"no value in a list", Bytes(6, Bytes(1, "")), R"({"list":[{"@invalid":"it has no value, which is not null"}]})"},
      {"no value in an object", Bytes(4, Bytes(1, Bytes(1, "a"))),
       R"({"object":{"a":{"@invalid":"it has no value, which is not null"}}})"},
      {"another null", Bytes(5, Int(1, 3)),
       R"({"value":{"null_value":3,"@invalid":"its null is another number than 0"}})"},
      {"no number of JSON's", Bytes(5, Double(2, NAN)),
       R"({"value":{"number_value":"NaN","@invalid":"its number is none that JSON has"}})"},
      {"several kinds", Bytes(5, TextValue("x") + Int(4, 1)),
       R"({"value":{"bool_value":true,"@displaced":["string_value"]}})"},
      {"several kinds in parts", Bytes(5, TextValue("x")) + Bytes(5, Int(4, 1)),
       R"({"value":true,"@repeated":["value"]})"},
      {"a key twice", Bytes(4, Entry("a", TextValue("x")) + Entry("a", TextValue("y"))),
       R"({"object":{"fields":{"a":"y"},"@repeated":["fields[a]"]}})"},
      {"what an object does not have", Bytes(4, Entry("a", TextValue("x")) + Int(2, 1)),
       R"({"object":{"fields":{"a":"x"},"@unknown":[{"number":2,"wire_type":"varint","value":"1","bytes":"AQ=="}]}})"},
      {"keys that look like marks", Bytes(4, Entry("@type", TextValue("x"))), R"({"object":{"@@type":"x"}})"},
      {"a text that is not UTF-8", Bytes(5, TextValue("\xff")), R"({"value":{"@bytes":"/w=="}})"},
  });
}

TEST_CASE("wrappers are shown as what they wrap") {
  CheckRows({
      {"zeros",
       Bytes(11, "") + Bytes(12, "") + Bytes(13, "") + Bytes(14, "") + Bytes(15, "") + Bytes(16, "") + Bytes(17, "") +
           Bytes(18, "") + Bytes(19, ""),
       R"({"a_bool":false,"an_int":0,"a_long":"0","a_uint":0,"a_ulong":"0","a_float":0,"a_double":0,"a_text":"","bytes":""})"},
      {"values",
       Bytes(11, Int(1, 1)) + Bytes(12, Negative(1, -1)) + Bytes(13, Negative(1, -2)) + Bytes(14, Int(1, 3)) +
           Bytes(15, Int(1, 4)) + Bytes(16, Float(1, 0.5)) + Bytes(17, Double(1, INFINITY)) + Bytes(18, Bytes(1, "x")) +
           Bytes(19, Bytes(1, "x")),
       R"({"a_bool":true,"an_int":-1,"a_long":"-2","a_uint":3,"a_ulong":"4","a_float":0.5,"a_double":"Infinity",)"
       R"("a_text":"x","bytes":"eA=="})"},
      {"with what a wrapper does not have", Bytes(12, Int(1, 1) + Int(2, 1)),
       R"({"an_int":{"value":1,"@unknown":[{"number":2,"wire_type":"varint","value":"1","bytes":"AQ=="}]}})"},
      {"twice", Bytes(12, Int(1, 1) + Int(1, 2)), R"({"an_int":{"value":2,"@repeated":["value"]}})"},
      {"not UTF-8", Bytes(18, Bytes(1, "\xff")), R"({"a_text":{"@bytes":"/w=="}})"},
  });
}

TEST_CASE("null is null") {
  CheckRows({
      {"as nothing", Int(21, 0), "{}"},
      {"in a list", Bytes(22, std::string("\0\0", 2)), R"({"nulls":[null,null]})"},
      {"that is there", Int(23, 0), R"({"maybe":null})"},
      {"another number", Int(21, 4), R"({"null":4})"},
  });
}

TEST_CASE("well-known types are values of maps too") {
  CheckRows({
      {"a time", Bytes(31, Bytes(1, "a") + Bytes(2, At(0, 0))), R"({"times":{"a":"1970-01-01T00:00:00Z"}})"},
      {"no time", Bytes(31, Bytes(1, "a")), R"({"times":{"a":"1970-01-01T00:00:00Z"}})"},
      {"no value", Bytes(32, Bytes(1, "a")), R"({"values":{"a":{"@invalid":"it has no value, which is not null"}}})"},
  });
}

TEST_CASE("an Any is shown in full, whatever it holds") {
  const std::string stamp = "google.protobuf.Timestamp";
  CheckRows({
      {"empty", Bytes(7, ""), R"({"any":{}})"},
      {"a known type", Bytes(7, AnyOf("t.Inner", Bytes(1, "x"))),
       R"({"any":{"@type":"type.googleapis.com/t.Inner","name":"x"}})"},
      {"an empty one", Bytes(7, Bytes(1, "x/t.Inner")), R"({"any":{"@type":"x/t.Inner"}})"},
      {"any host", Bytes(7, Bytes(1, "a.b/c/t.Inner") + Bytes(2, Int(2, 1))),
       R"({"any":{"@type":"a.b/c/t.Inner","n":1}})"},
      {"none", Bytes(7, Bytes(1, "t.Inner")), R"({"any":{"@type":"t.Inner"}})"},
      {"a form of its own", Bytes(7, AnyOf(stamp, At(1, 0))),
       R"({"any":{"@type":"type.googleapis.com/google.protobuf.Timestamp","value":"1970-01-01T00:00:01Z"}})"},
      {"with nothing in it", Bytes(7, AnyOf(stamp, "")),
       R"({"any":{"@type":"type.googleapis.com/google.protobuf.Timestamp","value":"1970-01-01T00:00:00Z"}})"},
      {"an empty text", Bytes(7, AnyOf("google.protobuf.StringValue", "")),
       R"({"any":{"@type":"type.googleapis.com/google.protobuf.StringValue","value":""}})"},
      {"an empty object", Bytes(7, AnyOf("google.protobuf.Struct", "")),
       R"({"any":{"@type":"type.googleapis.com/google.protobuf.Struct","value":{}}})"},
      {"nothing at all", Bytes(7, AnyOf("google.protobuf.Empty", "")),
       R"({"any":{"@type":"type.googleapis.com/google.protobuf.Empty"}})"},
      {"an invalid time", Bytes(7, AnyOf(stamp, Negative(2, -1))),
       R"({"any":{"@type":"type.googleapis.com/google.protobuf.Timestamp",)"
       R"("value":{"nanos":-1,"@invalid":"its nanos are not from 0 to 999,999,999"}}})"},
      {"an Any", Bytes(7, AnyOf("google.protobuf.Any", AnyOf("t.Inner", Int(2, 3)))),
       R"({"any":{"@type":"type.googleapis.com/google.protobuf.Any","value":{"@type":"type.googleapis.com/t.Inner","n":3}}})"},
      {"an unknown type",
       Bytes(7, AnyOf("no.Such",
                      "\x0a\x01"
                      "A")),
       R"({"any":{"@type":"type.googleapis.com/no.Such","@bytes":"CgFB"}})"},
      {"an unknown type of nothing", Bytes(7, AnyOf("no.Such", "")),
       R"({"any":{"@type":"type.googleapis.com/no.Such","@bytes":""}})"},
      {"no type", Bytes(7, Bytes(2, "A")), R"({"any":{"@type":"","@bytes":"QQ=="}})"},
      {"what its type does not have", Bytes(7, AnyOf("t.Inner", Int(9, 1))),
       R"({"any":{"@type":"type.googleapis.com/t.Inner",)"
       R"("@unknown":[{"number":9,"wire_type":"varint","value":"1","bytes":"AQ=="}]}})"},
      {"what cannot be parsed", Bytes(7, AnyOf("t.Inner", "\x07")),
       R"({"any":{"@type":"type.googleapis.com/t.Inner",)"
       R"("@unparsed":[{"offset":33,"reason":"no field begins like this","bytes":"Bw=="}]}})"},
      {"what an Any does not have", Bytes(7, AnyOf("t.Inner", Bytes(1, "x")) + Int(3, 1)),
       R"({"any":{"type_url":"type.googleapis.com/t.Inner","value":"CgF4","@content":{"name":"x"},)"
       R"("@unknown":[{"number":3,"wire_type":"varint","value":"1","bytes":"AQ=="}]}})"},
      {"two types", Bytes(7, Bytes(1, "x/no.Such") + AnyOf("t.Inner", Bytes(1, "x"))),
       R"({"any":{"type_url":"type.googleapis.com/t.Inner","value":"CgF4","@content":{"name":"x"},"@repeated":["type_url"]}})"},
      {"a type that is not UTF-8", Bytes(7, Bytes(1, "\xff")),
       R"({"any":{"type_url":{"@bytes":"/w=="},"@invalid":"its type_url is not UTF-8"}})"},
      {"several", Bytes(8, AnyOf("t.Inner", "")) + Bytes(8, AnyOf("no.Such", "")),
       R"({"anys":[{"@type":"type.googleapis.com/t.Inner"},{"@type":"type.googleapis.com/no.Such","@bytes":""}]})"},
  });
}

TEST_CASE("Anys in Anys are read as deep as messages are") {
  const MessageBench bench(kKnown);
  std::string any = AnyOf("t.Inner", "");
  for (int i = 0; i < 3000; ++i) any = AnyOf("google.protobuf.Any", any);
  CHECK(bench.Line("google.protobuf.Any", any).find("nested deeper than 1,000 messages") != std::string::npos);
}

TEST_CASE("a type that has a well-known name and other fields is shown as what it is") {
  CHECK(MessageBench(
            "syntax = \"proto3\"; package google.protobuf; message Timestamp { string seconds = 1; int32 nanos = 2; }")
            .Line("google.protobuf.Timestamp", Bytes(1, "x")) == R"({"seconds":"x"})");
  CHECK(
      MessageBench(
          "syntax = \"proto3\"; package google.protobuf; message Any { repeated string type_url = 1; Any value = 2; }")
          .Line("google.protobuf.Any", Bytes(1, "x") + Bytes(2, "")) == R"({"type_url":["x"],"value":{}})");
  CHECK(MessageBench("syntax = \"proto3\"; package google.protobuf; message Value { int32 a = 1; } message ListValue { "
                     "Value v = 1; } "
                     "message Struct { map<int32, Value> fields = 1; }")
            .Line("google.protobuf.Struct", Bytes(1, Bytes(2, Int(1, 1)))) == R"({"fields":{"0":{"a":1}}})");
}

}  // namespace
}  // namespace sallyport::policy
