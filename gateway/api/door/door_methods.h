// What can be called through the door.
#ifndef SALLYPORT_GATEWAY_API_DOOR_DOOR_METHODS_H_
#define SALLYPORT_GATEWAY_API_DOOR_DOOR_METHODS_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace google::protobuf {
class Descriptor;
}

namespace sallyport::gateway {

struct DoorMethod {
  std::string path;  // "/package.Service/Method"
  const google::protobuf::Descriptor* input = nullptr;
  const google::protobuf::Descriptor* output = nullptr;
  bool streams = false;  // its answer does
  bool safe = false;     // it says that it has no side effects, so that GET may call it
};

// The methods of some services of the program's own descriptors. A value, constant once made; what it points at lives
// as long as the program.
class DoorMethods {
 public:
  // INVALID_ARGUMENT if one of the services is not known, or has a method whose request is a stream.
  static absl::StatusOr<DoorMethods> Of(const std::vector<std::string>& services);

  // Null if there is none. `path` as in DoorMethod.
  const DoorMethod* Find(std::string_view path) const;

 private:
  std::map<std::string, DoorMethod, std::less<>> methods_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_DOOR_METHODS_H_
