// Messages by hand, and a type with something of everything.
#ifndef SALLYPORT_TESTS_POLICY_MASKING_MIXED_MESSAGE_H_
#define SALLYPORT_TESTS_POLICY_MASKING_MIXED_MESSAGE_H_

#include <string>

#include "policy/messages/wire.h"
#include "tests/policy/masking/masking_fixture.h"

namespace sallyport::policy {

// What no mask may let through.
inline constexpr char kCanary[] = "c4nary";

inline std::string Varint(uint64_t value, size_t least = 1) {
  std::string text;
  AppendVarint(value, &text);
  while (text.size() < least) {
    text.back() = static_cast<char>(text.back() | 0x80);
    text.push_back('\0');
  }
  return text;
}
inline std::string Tag(uint32_t number, int type, size_t least = 1) {
  return Varint(TagOf(number, static_cast<WireType>(type)), least);
}
inline std::string Field(uint32_t number, const std::string& bytes) {
  return Tag(number, 2) + Varint(bytes.size()) + bytes;
}

// For masks that meet in one field, and for types of which less is known than a mask says.
inline constexpr char kMixedProto[] = R"(
syntax = "proto2";
package t;
import "google/protobuf/any.proto";
import "google/protobuf/descriptor.proto";
extend google.protobuf.FieldOptions { optional Mark sensitive = 51966; }
message Mark { optional string class = 1; optional string holds = 2; }
service S { rpc M(Mixed) returns (Mixed); }
message Empty {}
message Text { optional string text = 1; }
enum Kind { SECOND = 2; FIRST = 1; }
message Strict { required string id = 1; required Kind kind = 2; required Strictest more = 3; optional Strict next = 4; }
message Strictest { required fixed32 a = 1; required double b = 2; required bool c = 3; required group G = 4 { required bytes d = 5; } }
message Mixed {
  optional string note = 1;
  optional Empty empty = 2;
  optional Text text = 3;
  optional google.protobuf.Any any = 4;
  optional bytes nowhere = 5 [(sensitive) = {holds: "no.such.Type"}];
  optional bytes texts = 6 [(sensitive) = {holds: "t.Text"}];
  optional Strict strict = 7;
  repeated Strict stricts = 8;
  repeated int32 numbers = 9 [packed = true];
  repeated double doubles = 10 [packed = true];
  map<string, Strict> by_name = 11;
}
)";
inline constexpr char kCard[] = "4111 1111 1111 1111";

inline MaskBench Mixed(const std::string& masks) { return MaskBench(DescriptorsOf(kMixedProto), masks); }

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MASKING_MIXED_MESSAGE_H_
