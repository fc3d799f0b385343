// YAML files read into messages, so that a configuration's schema is its proto.
#ifndef SALLYPORT_PROTOS_YAML_MESSAGE_H_
#define SALLYPORT_PROTOS_YAML_MESSAGE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "protos/fault_list.h"

namespace google::protobuf {
class Message;
}

namespace sallyport {

// Where each value stands, for those who check further: "upstreams.etcd.target" or "routes[0].upstream" to its line,
// from 1.
using KeyLines = std::map<std::string, int>;

// What is wrong with the form of a document of which the rest was read.
struct FormFaults {
  std::vector<std::string> keys;  // the key of each, as in KeyLines; empty for the document as a whole
  FaultList lines;
};

// Fills `message` from a YAML document whose keys are the message's field names. A scalar where a repeated field stands
// is taken as its one element. INVALID_ARGUMENT says "<name>:<line>: <key.path>: what is wrong and what is expected" in
// a line for each fault, the first twenty of them. What is no YAML is one. A key that is empty or given twice, an
// unknown key (with the nearest known one) and a value of the wrong kind are faults. With `form` they go there, for
// those who go on with what could be read (protos/faults.h), and only what cannot be read at all is an error.
absl::Status ReadYaml(std::string_view text, std::string_view name, google::protobuf::Message* message,
                      KeyLines* lines = nullptr, FormFaults* form = nullptr);

// The bytes of a file that may be given to ReadYaml. NOT_FOUND or PERMISSION_DENIED with the path if it can't be read.
absl::StatusOr<std::string> ReadYamlText(const std::string& path);

// The same as ReadYaml from a file. NOT_FOUND or PERMISSION_DENIED with the path if it can't be read.
absl::Status ReadYamlFile(const std::string& path, google::protobuf::Message* message, KeyLines* lines = nullptr,
                          FormFaults* form = nullptr);

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_YAML_MESSAGE_H_
