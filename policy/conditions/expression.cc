#include "policy/conditions/expression.h"

#include <absl/container/inlined_vector.h>

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "policy/conditions/functions.h"
#include "policy/conditions/wire_value.h"

namespace sallyport::policy {

// One evaluation: recursion over the tree, no deeper than that is high.
class Evaluation {
 public:
  Evaluation(const Expression& expression, const Variables& variables, Heap* heap)
      : nodes_(expression.bound_.nodes), types_(expression.types_), variables_(variables), heap_(heap) {
    locals_.resize(static_cast<size_t>(expression.bound_.most_locals));
  }

  Value Of(uint32_t index) {
    if (!heap_->Spend(1)) return Heap::TooMuch();
    const Node& node = nodes_[index];
    switch (node.op) {
      case Op::kConstant:
        return node.constant;
      case Op::kName:
        return Value::Error("a name without a meaning");
      case Op::kVariable:
        return variables_.Get(node.slot, heap_);
      case Op::kLocal:
        return locals_[node.slot];
      case Op::kSelect:
      case Op::kHas:
        return Select(node);
      case Op::kIndex: {
        const Value object = Of(node.children[0]);
        return ElementOf(object, Of(node.children[1]), heap_);
      }
      case Op::kList:
        return List(node);
      case Op::kMap:
        return Map(node);
      case Op::kAnd:
        return Logic(node, false);
      case Op::kOr:
        return Logic(node, true);
      case Op::kNot: {
        const Value value = Of(node.children[0]);
        if (value.error()) return value;
        return value.is(Kind::kBool) ? Value::Bool(!value.truth) : Value::Error("\"!\" takes a bool");
      }
      case Op::kNegate:
        return Negated(Of(node.children[0]));
      case Op::kChoose: {
        const Value condition = Of(node.children[0]);
        if (condition.error()) return condition;
        if (!condition.is(Kind::kBool)) return Value::Error("\"?\" asks a bool");
        return Of(node.children[condition.truth ? 1 : 2]);
      }
      case Op::kAdd:
      case Op::kSubtract:
      case Op::kMultiply:
      case Op::kDivide:
      case Op::kModulo: {
        const Value left = Of(node.children[0]);
        return Arithmetic(node.op, left, Of(node.children[1]), heap_);
      }
      case Op::kEqual:
      case Op::kUnequal:
      case Op::kLess:
      case Op::kLessOrEqual:
      case Op::kGreater:
      case Op::kGreaterOrEqual:
      case Op::kIn: {
        const Value left = Of(node.children[0]);
        return Relate(node.op, left, Of(node.children[1]), heap_);
      }
      case Op::kCall: {
        const Value first = Of(node.children[0]);
        const Value second = node.children.size() > 1 ? Of(node.children[1]) : Value();
        return Apply(node.function, first, second, node.pattern.get(), heap_);
      }
      case Op::kAll:
      case Op::kExists:
        return Quantified(node);
      case Op::kExistsOne:
        return ExistsOne(node);
      case Op::kFilter:
      case Op::kMapEach:
        return Mapped(node);
    }
    return Value::Error("unknown");
  }

 private:
  Value Select(const Node& node) {
    const Value object = Of(node.children[0]);
    const bool has = node.op == Op::kHas;
    if (object.error()) return object;
    if (object.is(Kind::kMap)) {
      if (!heap_->Spend(object.size + 1)) return Heap::TooMuch();
      const Value* const found = FindKey(object, Value::Text(node.text), heap_);
      if (has) return Value::Bool(found != nullptr);
      return found != nullptr ? *found : Value::Error("there is no such key");
    }
    if (!object.is(Kind::kMessage)) return Value::Error("it has no fields");
    const google::protobuf::FieldDescriptor* field = node.field;
    // What an Any holds is known only now.
    if (field == nullptr || field->containing_type() != object.type) field = object.type->FindFieldByName(node.text);
    if (field == nullptr) return Value::Error("there is no such field");
    return has ? HasField(object, *field, types_, heap_) : FieldOf(object, *field, types_, heap_);
  }

  Value List(const Node& node) {
    if (!heap_->Spend(node.children.size())) return Heap::TooMuch();
    auto* const items = heap_->Array<Value>(node.children.size());
    for (size_t i = 0; i < node.children.size(); ++i) {
      items[i] = Of(node.children[i]);
      if (items[i].error()) return items[i];
    }
    return Value::List(items, node.children.size());
  }

  Value Map(const Node& node) {
    auto* const pairs = heap_->Array<Pair>(node.children.size() / 2);
    size_t size = 0;
    for (size_t i = 0; i < node.children.size(); i += 2) {
      const Value key = Of(node.children[i]);
      if (key.error()) return key;
      const bool fits = key.is(Kind::kString) || key.is(Kind::kBool) || key.is(Kind::kInt) || key.is(Kind::kUint);
      if (!fits) return Value::Error("this is no key of a map");
      if (!heap_->Spend(size + 1)) return Heap::TooMuch();
      if (FindKey(Value::Map(pairs, size), key, heap_) != nullptr) return Value::Error("a key comes twice");
      pairs[size].key = key;
      pairs[size].value = Of(node.children[i + 1]);
      if (pairs[size].value.error()) return pairs[size].value;
      ++size;
    }
    return Value::Map(pairs, size);
  }

  // An operand that decides makes errors of others count for nothing, on either side. Among errors, that something
  // cannot be read is the one that is told.
  Value Logic(const Node& node, bool decides) {
    Value fault;
    for (const uint32_t child : node.children) {
      const Value value = Of(child);
      if (value.is(Kind::kBool)) {
        if (value.truth == decides) return value;
        continue;
      }
      if (!fault.error() || value.unreadable) {
        fault = value.error() ? value : Value::Error("\"&&\" and \"||\" take bools");
      }
    }
    return fault.error() ? fault : Value::Bool(!decides);
  }

  // What a macro goes through: elements, or keys. Nothing where it is neither list nor map.
  static size_t Count(const Value& range) { return range.is(Kind::kList) || range.is(Kind::kMap) ? range.size : 0; }
  static const Value& Item(const Value& range, size_t index) {
    return range.is(Kind::kMap) ? range.pairs[index].key : range.items[index];
  }
  static bool NoRange(const Value& range, Value* fault) {
    *fault = range.error() ? range : Value::Error("a macro goes through a list or a map");
    return !range.is(Kind::kList) && !range.is(Kind::kMap);
  }

  Value Quantified(const Node& node) {
    const bool decides = node.op == Op::kExists;
    const Value range = Of(node.children[0]);
    Value fault;
    if (NoRange(range, &fault)) return fault;
    fault = Value();
    for (size_t i = 0; i < Count(range); ++i) {
      locals_[node.slot] = Item(range, i);
      const Value value = Of(node.children[1]);
      if (value.is(Kind::kBool)) {
        if (value.truth == decides) return value;
      } else if (!fault.error() || value.unreadable) {
        fault = value.error() ? value : Value::Error("a macro asks bools");
      }
    }
    return fault.error() ? fault : Value::Bool(!decides);
  }

  Value ExistsOne(const Node& node) {
    const Value range = Of(node.children[0]);
    Value fault;
    if (NoRange(range, &fault)) return fault;
    size_t found = 0;
    for (size_t i = 0; i < Count(range); ++i) {
      locals_[node.slot] = Item(range, i);
      const Value value = Of(node.children[1]);
      if (value.error()) return value;
      if (!value.is(Kind::kBool)) return Value::Error("a macro asks bools");
      if (value.truth) ++found;
    }
    return Value::Bool(found == 1);
  }

  // filter, and map with or without a condition.
  Value Mapped(const Node& node) {
    const Value range = Of(node.children[0]);
    Value fault;
    if (NoRange(range, &fault)) return fault;
    if (!heap_->Spend(Count(range))) return Heap::TooMuch();
    auto* const items = heap_->Array<Value>(Count(range));
    size_t size = 0;
    const bool asks = node.op == Op::kFilter || node.children.size() > 2;
    for (size_t i = 0; i < Count(range); ++i) {
      locals_[node.slot] = Item(range, i);
      Value value = Of(node.children[1]);
      if (value.error()) return value;
      if (asks) {
        if (!value.is(Kind::kBool)) return Value::Error("a macro asks bools");
        if (!value.truth) continue;
        value = node.op == Op::kFilter ? Item(range, i) : Of(node.children[2]);
        if (value.error()) return value;
      }
      items[size++] = value;
    }
    return Value::List(items, size);
  }

  const std::vector<Node>& nodes_;
  const MessageTypes& types_;
  const Variables& variables_;
  Heap* const heap_;
  absl::InlinedVector<Value, 4> locals_;
};

absl::StatusOr<std::shared_ptr<const Expression>> Expression::Create(std::shared_ptr<const Syntax> syntax,
                                                                     const Names& names, const MessageTypes& types) {
  absl::StatusOr<Bound> bound = Bind(*syntax, names);
  if (!bound.ok()) return bound.status();
  return std::shared_ptr<const Expression>(new Expression(std::move(syntax), *std::move(bound), types));
}

Value Expression::Evaluate(const Variables& variables, Heap* heap) const {
  return Evaluation(*this, variables, heap).Of(syntax_->root);
}

}  // namespace sallyport::policy
