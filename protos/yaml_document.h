// A YAML text as a tree.
#ifndef SALLYPORT_PROTOS_YAML_DOCUMENT_H_
#define SALLYPORT_PROTOS_YAML_DOCUMENT_H_

#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace sallyport {

// The one document of a text; null if it is empty. INVALID_ARGUMENT says "<name>:<line>: what is wrong" where the text
// is no YAML, with what to write instead if the mistake is one that is made often, and where it holds more than one.
absl::StatusOr<YAML::Node> LoadYamlDocument(std::string_view text, const std::string& name);

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_YAML_DOCUMENT_H_
