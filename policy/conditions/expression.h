// An expression of CEL that is ready to be evaluated.
#ifndef SALLYPORT_POLICY_CONDITIONS_EXPRESSION_H_
#define SALLYPORT_POLICY_CONDITIONS_EXPRESSION_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "policy/conditions/binder.h"
#include "policy/conditions/node.h"
#include "policy/conditions/value.h"
#include "policy/messages/message_types.h"

namespace sallyport::policy {

// What variables stand for. Lives for one evaluation.
class Variables {
 public:
  virtual ~Variables() = default;
  // Of Names::variables, by its place there. Asked for each time that the name is met.
  virtual Value Get(size_t slot, Heap* heap) const = 0;
};

// Immutable; evaluated by any number of threads at once.
class Expression {
 public:
  // Errors are those of Bind. `types` must outlive it.
  static absl::StatusOr<std::shared_ptr<const Expression>> Create(std::shared_ptr<const Syntax> syntax,
                                                                  const Names& names, const MessageTypes& types);

  const Type& type() const { return bound_.type; }
  // The value lives as long as the heap and what the variables refer to.
  Value Evaluate(const Variables& variables, Heap* heap) const;

 private:
  friend class Evaluation;

  Expression(std::shared_ptr<const Syntax> syntax, Bound bound, const MessageTypes& types)
      : syntax_(std::move(syntax)), bound_(std::move(bound)), types_(types) {}

  const std::shared_ptr<const Syntax> syntax_;
  const Bound bound_;
  const MessageTypes& types_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_EXPRESSION_H_
