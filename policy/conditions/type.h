// What kind of value stands somewhere in a condition, as far as that is known before anything is asked.
#ifndef SALLYPORT_POLICY_CONDITIONS_TYPE_H_
#define SALLYPORT_POLICY_CONDITIONS_TYPE_H_

#include <google/protobuf/descriptor.h>

#include <memory>
#include <optional>
#include <string>

#include "policy/conditions/value.h"

namespace sallyport::policy {

// A value.
struct Type {
  std::optional<Kind> kind;                               // nothing: any
  const google::protobuf::Descriptor* message = nullptr;  // of kMessage
  std::shared_ptr<const Type> key;                        // of maps
  std::shared_ptr<const Type> element;                    // of lists and maps

  bool any() const { return !kind.has_value(); }
  bool is(Kind wanted) const { return kind == wanted; }
  bool number() const { return is(Kind::kInt) || is(Kind::kUint) || is(Kind::kDouble); }
  // "int", "list", "pay.Request".
  std::string name() const;

  static Type Any() { return {}; }
  static Type Of(Kind kind) { return {kind, nullptr, nullptr, nullptr}; }
  static Type List(const Type& element) { return {Kind::kList, nullptr, nullptr, std::make_shared<Type>(element)}; }
  static Type Map(const Type& key, const Type& element) {
    return {Kind::kMap, nullptr, std::make_shared<Type>(key), std::make_shared<Type>(element)};
  }
};

Type TypeOfMessage(const google::protobuf::Descriptor& message);
Type TypeOfField(const google::protobuf::FieldDescriptor& field);
// Of one element of a repeated field.
Type TypeOfElement(const google::protobuf::FieldDescriptor& field);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_TYPE_H_
