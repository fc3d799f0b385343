// The types of google.protobuf that JSON has a form of its own for.
#ifndef SALLYPORT_POLICY_MESSAGES_WELL_KNOWN_TYPES_H_
#define SALLYPORT_POLICY_MESSAGES_WELL_KNOWN_TYPES_H_

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::policy {

// Fields of google.protobuf.Any.
inline constexpr uint32_t kAnyTypeUrl = 1;
inline constexpr uint32_t kAnyValue = 2;

enum class WellKnownType {
  kNone,
  kAny,
  kTimestamp,
  kDuration,
  kFieldMask,
  kStruct,
  kValue,
  kListValue,
  kWrapper,  // of one scalar, field 1
};
// kNone also for a type of such a name that has not the fields it should have.
WellKnownType WellKnownTypeOf(const google::protobuf::Descriptor& type);

// Fields of google.protobuf.Value.
inline constexpr int kValueNull = 1;
inline constexpr int kValueNumber = 2;
inline constexpr int kValueString = 3;
inline constexpr int kValueBool = 4;
inline constexpr int kValueStruct = 5;
inline constexpr int kValueList = 6;

bool IsNullValue(const google::protobuf::EnumDescriptor& type);

// Each appends the form without quotes and returns null, or says why there is none.
const char* AppendTimestamp(int64_t seconds, int64_t nanos, std::string* out);
const char* AppendDuration(int64_t seconds, int64_t nanos, std::string* out);
// One path of a field mask.
const char* AppendMaskPath(std::string_view path, std::string* out);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_WELL_KNOWN_TYPES_H_
