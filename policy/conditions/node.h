// A condition as a tree.
#ifndef SALLYPORT_POLICY_CONDITIONS_NODE_H_
#define SALLYPORT_POLICY_CONDITIONS_NODE_H_

#include <google/protobuf/descriptor.h>
#include <re2/re2.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "policy/conditions/value.h"

namespace sallyport::policy {

enum class Op : uint8_t {
  kConstant,
  kName,      // not bound yet, `text`; ".a" begins with the dot
  kVariable,  // `slot` of those that are given
  kLocal,     // `slot` of those of macros
  kSelect,    // `text` of the only child
  kHas,       // the same, whether it is there
  kIndex,
  kList,
  kMap,  // key, value, key, value...
  kAnd,  // two or more
  kOr,
  kNot,
  kNegate,
  kChoose,
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kModulo,
  kEqual,
  kUnequal,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kCall,  // `text`: the function; of a method its object comes first, and `method` is set
  kAll,   // macros: the range, then what is asked of each; `text`: the variable
  kExists,
  kExistsOne,
  kFilter,
  kMapEach,  // the range, what becomes of each; or the range, which ones, what becomes of each
};

enum class Function : uint8_t {
  kNone,
  kSize,
  kContains,
  kStartsWith,
  kEndsWith,
  kMatches,
  kTimestamp,
  kDuration,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kBool,
  kDyn,
  kGetFullYear,
  kGetMonth,
  kGetDayOfYear,
  kGetDayOfMonth,
  kGetDate,
  kGetDayOfWeek,
  kGetHours,
  kGetMinutes,
  kGetSeconds,
  kGetMilliseconds,
};

struct Node {
  Op op = Op::kConstant;
  bool method = false;
  Function function = Function::kNone;
  uint16_t slot = 0;
  uint16_t height = 1;
  uint32_t at = 0;  // its place in the text
  std::string text;
  Value constant;  // refers to Syntax::texts
  std::vector<uint32_t> children;
  // What the names mean, once they are bound.
  const google::protobuf::FieldDescriptor* field = nullptr;
  std::shared_ptr<const RE2> pattern;
};

struct Syntax {
  std::string text;
  std::vector<Node> nodes;
  uint32_t root = 0;
  std::deque<std::string> texts;
  int most_locals = 0;  // macros within each other
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_NODE_H_
