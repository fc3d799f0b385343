// How much one upstream may tell about itself.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_REFLECTED_BOUNDS_H_
#define SALLYPORT_POLICY_DESCRIPTORS_REFLECTED_BOUNDS_H_

#include <google/protobuf/descriptor.pb.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sallyport::policy {

// google/protobuf/any.proto and its like: of those this protobuf's own count, whatever an upstream says.
bool IsStandardFile(const std::string& name);

// Parses the files that one upstream reflects, as long as they stay within bounds. What a few bytes would become is
// counted before they are parsed: a message of two bytes takes a hundred times that in memory. Comments are cut away
// first. Not thread-safe.
class ReflectedBounds {
 public:
  static constexpr size_t kMostFiles = 20'000;
  static constexpr size_t kMostBytes = size_t{16} << 20;  // of all files, without comments
  static constexpr size_t kMostParts = 250'000;           // messages, fields, enum values, methods, options...
  static constexpr size_t kMostTexts = 1'000'000;         // names and whatever else is a value of its own

  // INVALID_ARGUMENT for bytes that are no file, or hold options that nobody has interpreted: no server reflects those.
  // RESOURCE_EXHAUSTED, saying which, if a bound is passed with this file.
  absl::StatusOr<google::protobuf::FileDescriptorProto> Read(std::string_view serialized);

 private:
  size_t files_ = 0;
  size_t bytes_ = 0;
  size_t parts_ = 0;
  size_t texts_ = 0;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_REFLECTED_BOUNDS_H_
