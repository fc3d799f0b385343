// The types of the messages that messages_fuzz.cc reads.
#ifndef SALLYPORT_TESTS_FUZZ_MESSAGE_SCHEMA_H_
#define SALLYPORT_TESTS_FUZZ_MESSAGE_SCHEMA_H_

namespace sallyport::recorder {

inline constexpr char kMessageSchema[] = R"(
syntax = "proto2"; package t;
import "google/protobuf/any.proto"; import "google/protobuf/struct.proto"; import "google/protobuf/timestamp.proto";
import "google/protobuf/duration.proto"; import "google/protobuf/field_mask.proto"; import "google/protobuf/wrappers.proto";
enum Colour { RED = 1; BLUE = 5; }
enum Shade { LIGHT = 0; DARK = 5; }
message M {
  optional int32 number = 1; optional bytes text = 2; optional M inner = 3; repeated M inners = 4; repeated sint64 ints = 5;
  repeated Colour colours = 6 [packed = true]; map<string, M> by_name = 7; map<int32, Shade> by_number = 8;
  optional group Og = 9 { optional bytes id = 1; optional M inner = 2; } repeated group Many = 10 { optional int32 n = 1; }
  optional google.protobuf.Any any = 11; optional google.protobuf.Timestamp at = 12; optional google.protobuf.Struct object = 13;
  optional double real = 14; optional float small = 15;
  oneof choice { bytes left = 17; M right = 18; group Middle = 19 { optional int32 n = 1; } Colour colour = 20; }
  optional Set set = 21; optional google.protobuf.Duration took = 22; optional google.protobuf.FieldMask mask = 23;
  optional google.protobuf.Value value = 24; optional google.protobuf.Int64Value wrapped = 25; repeated bool flags = 26;
  optional Strict strict = 27; repeated google.protobuf.Any anys = 28; map<bool, bytes> by_flag = 29;
  extensions 100 to 199;
}
message Strict { required int32 a = 1; required bytes b = 2; }
extend M { optional int32 rank = 100; repeated bytes labels = 101; optional group Extra = 102 { optional fixed64 n = 1; } }
message Set { option message_set_wire_format = true; extensions 4 to max; }
message Item { extend Set { optional Item item = 9; } optional bytes text = 1; optional M m = 2; }
)";

// The first byte of an input chooses among these.
inline constexpr const char* kMessageTypes[] = {"t.M",
                                                "t.Set",
                                                "google.protobuf.Any",
                                                "google.protobuf.Struct",
                                                "google.protobuf.Value",
                                                "google.protobuf.ListValue",
                                                "google.protobuf.Timestamp",
                                                "google.protobuf.FieldMask"};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_FUZZ_MESSAGE_SCHEMA_H_
