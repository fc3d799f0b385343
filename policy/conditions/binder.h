// What the names of a condition mean, and whether its parts fit each other.
#ifndef SALLYPORT_POLICY_CONDITIONS_BINDER_H_
#define SALLYPORT_POLICY_CONDITIONS_BINDER_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "policy/conditions/node.h"
#include "policy/conditions/type.h"

namespace sallyport::policy {

struct Variable {
  std::string name;
  Type type;
};

// What a condition may name.
struct Names {
  std::vector<Variable> variables;
  // Where enums are found, by their full names or from `container` on, a package. Null: there are none.
  const google::protobuf::DescriptorPool* pool = nullptr;
  std::string container;
  // False: what does not fit is an error of the evaluation only, as where CEL is not checked.
  bool checked = true;
};

struct Bound {
  std::vector<Node> nodes;
  Type type;
  int most_locals = 0;
};

// INVALID_ARGUMENT says what has no meaning or does not fit, and where.
absl::StatusOr<Bound> Bind(const Syntax& syntax, const Names& names);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_BINDER_H_
