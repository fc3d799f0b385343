#include "policy/conditions/binder.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policy/conditions/lexer.h"
#include "policy/conditions/signatures.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

namespace {

// Long patterns of RE2 take memory with their repetitions.
constexpr int64_t kMostPatternMemory = 1 << 20;

// One pass over the tree. After a fault everything is of any type, and the first fault stays.
class Binder {
 public:
  Binder(const Syntax& syntax, const Names& names) : syntax_(syntax), names_(names) { bound_.nodes = syntax.nodes; }

  absl::StatusOr<Bound> Run() {
    bound_.type = Visit(syntax_.root);
    if (!fault_.ok()) return fault_;
    return std::move(bound_);
  }

 private:
  struct Local {
    std::string name;
    Type type;
  };

  Type Fail(const Node& node, std::string_view what) {
    if (fault_.ok()) fault_ = FaultAt(syntax_.text, node.at, what);
    return Type::Any();
  }
  // What does not fit, as opposed to what has no meaning.
  Type Unfit(const Node& node, std::string_view what) { return names_.checked ? Fail(node, what) : Type::Any(); }

  // The list of nodes does not grow, so references hold.
  Type Visit(uint32_t index) {
    if (!fault_.ok()) return Type::Any();
    Node& node = bound_.nodes[index];
    switch (node.op) {
      case Op::kConstant:
        return Type::Of(node.constant.kind);
      case Op::kName:
      case Op::kSelect:
      case Op::kHas:
        return Named(&node);
      case Op::kIndex:
        return Index(node);
      case Op::kList:
        return Type::List(Joined(node, 0, 1));
      case Op::kMap:
        return MapLiteral(node);
      case Op::kAnd:
      case Op::kOr:
      case Op::kNot:
        return Logic(node);
      case Op::kChoose:
        return Choose(node);
      case Op::kCall:
        return Call(&node);
      case Op::kAll:
      case Op::kExists:
      case Op::kExistsOne:
      case Op::kFilter:
      case Op::kMapEach:
        return Macro(&node);
      case Op::kVariable:
      case Op::kLocal:
        return Type::Any();
      default:
        return Operator(node);
    }
  }

  // "a.b.c" for names that are selected from each other, else nothing. `*first` is the first of them.
  std::optional<std::string> Path(const Node& node, std::string* first) const {
    if (node.op == Op::kName) {
      *first = node.text;
      return node.text;
    }
    if (node.op != Op::kSelect) return std::nullopt;
    std::optional<std::string> before = Path(bound_.nodes[node.children[0]], first);
    if (before.has_value()) absl::StrAppend(&*before, ".", node.text);
    return before;
  }

  bool BindVariable(Node* node, Type* type) {
    for (size_t i = locals_.size(); i-- > 0;) {
      if (locals_[i].name != node->text) continue;
      node->op = Op::kLocal;
      node->slot = static_cast<uint16_t>(i);
      *type = locals_[i].type;
      return true;
    }
    const std::string_view text = node->text;
    const std::string_view name = text.starts_with('.') ? text.substr(1) : text;
    for (size_t i = 0; i < names_.variables.size(); ++i) {
      if (names_.variables[i].name != name) continue;
      node->op = Op::kVariable;
      node->slot = static_cast<uint16_t>(i);
      *type = names_.variables[i].type;
      return true;
    }
    return false;
  }

  bool IsVariable(std::string_view name) const {
    if (name.starts_with('.')) name.remove_prefix(1);
    const auto called = [&](const auto& one) { return one.name == name; };
    return std::any_of(locals_.begin(), locals_.end(), called) ||
           std::any_of(names_.variables.begin(), names_.variables.end(), called);
  }

  // The value of an enum that a path names: from the container outwards, or from the root.
  const pb::EnumValueDescriptor* FindEnumValue(std::string_view path) const {
    const size_t dot = path.rfind('.');
    if (names_.pool == nullptr || dot == std::string_view::npos) return nullptr;
    std::string scope = names_.container;
    if (path.starts_with('.')) scope.clear();
    const std::string type(path.substr(path.starts_with('.') ? 1 : 0, path.starts_with('.') ? dot - 1 : dot));
    while (true) {
      const std::string full = scope.empty() ? type : absl::StrCat(scope, ".", type);
      if (const pb::EnumDescriptor* const found = names_.pool->FindEnumTypeByName(full)) {
        return found->FindValueByName(std::string(path.substr(dot + 1)));
      }
      if (scope.empty()) return nullptr;
      const size_t last = scope.rfind('.');
      scope.resize(last == std::string::npos ? 0 : last);
    }
  }

  Type Named(Node* node) {
    std::string first;
    if (node->op != Op::kHas) {
      const std::optional<std::string> path = Path(*node, &first);
      if (path.has_value() && !IsVariable(first)) {
        if (const pb::EnumValueDescriptor* const value = FindEnumValue(*path)) {
          node->op = Op::kConstant;
          node->constant = Value::Int(value->number());
          return Type::Of(Kind::kInt);
        }
      }
    }
    if (node->op == Op::kName) {
      Type type;
      if (BindVariable(node, &type)) return type;
      const std::string names =
          absl::StrJoin(names_.variables, ", ", [](std::string* out, const auto& one) { out->append(one.name); });
      return Fail(*node,
                  absl::StrCat("there is no \"", node->text, "\" here", names.empty() ? "" : "; there are ", names));
    }
    return Select(node);
  }

  Type Select(Node* node) {
    const Type object = Visit(node->children[0]);
    const bool has = node->op == Op::kHas;
    if (!fault_.ok() || object.any()) return has ? Type::Of(Kind::kBool) : Type::Any();
    if (object.is(Kind::kMap)) return has ? Type::Of(Kind::kBool) : *object.element;
    if (!object.is(Kind::kMessage)) {
      return Unfit(*node, absl::StrCat("\"", node->text, "\": a ", object.name(), " has no fields"));
    }
    node->field = object.message->FindFieldByName(node->text);
    if (node->field == nullptr) {
      return Fail(*node, absl::StrCat("\"", node->text, "\" is no field of ", object.message->full_name()));
    }
    return has ? Type::Of(Kind::kBool) : TypeOfField(*node->field);
  }

  Type Index(const Node& node) {
    const Type object = Visit(node.children[0]);
    const Type index = Visit(node.children[1]);
    if (object.any()) return Type::Any();
    if (object.is(Kind::kList)) {
      if (!index.any() && !index.is(Kind::kInt)) return Unfit(node, "a list is asked by an int");
      return *object.element;
    }
    if (object.is(Kind::kMap)) {
      if (!CanEqual(*object.key, index)) {
        return Unfit(node, absl::StrCat("the keys of this map are of type ", object.key->name()));
      }
      return *object.element;
    }
    return Unfit(node, absl::StrCat("a ", object.name(), " has no elements"));
  }

  // What all children, from `first` on by `step`, are; any where they differ.
  Type Joined(const Node& node, size_t first, size_t step) {
    std::optional<Type> joined;
    for (size_t i = first; i < node.children.size(); i += step) {
      const Type type = Visit(node.children[i]);
      if (!joined.has_value()) {
        joined = type;
      } else if (joined->kind != type.kind || joined->message != type.message) {
        joined = Type::Any();
      } else if (joined->element != nullptr) {
        joined = joined->is(Kind::kList) ? Type::List(Type::Any()) : Type::Map(Type::Any(), Type::Any());
      }
    }
    return joined.value_or(Type::Any());
  }

  Type MapLiteral(const Node& node) {
    const Type key = Joined(node, 0, 2);
    const Type value = Joined(node, 1, 2);
    const bool fits =
        key.any() || key.is(Kind::kBool) || key.is(Kind::kInt) || key.is(Kind::kUint) || key.is(Kind::kString);
    if (!fits) return Unfit(node, absl::StrCat("a ", key.name(), " is no key of a map"));
    return Type::Map(key, value);
  }

  Type Logic(const Node& node) {
    for (const uint32_t child : node.children) {
      const Type type = Visit(child);
      if (!type.any() && !type.is(Kind::kBool)) {
        return Unfit(bound_.nodes[child], absl::StrCat("a bool is expected here, and this is of type ", type.name()));
      }
    }
    return Type::Of(Kind::kBool);
  }

  Type Choose(const Node& node) {
    const Type condition = Visit(node.children[0]);
    if (!condition.any() && !condition.is(Kind::kBool)) {
      return Unfit(node, absl::StrCat("\"?\" asks a bool, and this is of type ", condition.name()));
    }
    const Type yes = Visit(node.children[1]);
    const Type no = Visit(node.children[2]);
    if (!CanEqual(yes, no)) {
      return Unfit(node, absl::StrCat("both sides of \":\" must be of one type, not ", yes.name(), " and ", no.name()));
    }
    return yes.kind == no.kind && yes.message == no.message ? yes : Type::Any();
  }

  Type Operator(const Node& node) {
    std::vector<Type> types;
    for (const uint32_t child : node.children) types.push_back(Visit(child));
    std::optional<Type> type = TypeOfOperator(node.op, types);
    if (type.has_value()) return *type;
    return Unfit(node, absl::StrCat("this does not go with ", NamesOf(types)));
  }
  static std::string NamesOf(const std::vector<Type>& types) {
    return absl::StrJoin(types, " and ", [](std::string* out, const Type& type) { out->append(type.name()); });
  }

  Type Call(Node* node) {
    std::vector<Type> types;
    for (const uint32_t child : node->children) types.push_back(Visit(child));
    if (!fault_.ok()) return Type::Any();
    node->function = FindFunction(node->text, node->method, types.size());
    if (node->function == Function::kNone) {
      return Fail(*node, absl::StrCat("there is no ", node->method ? "method" : "function", " \"", node->text,
                                      "\" of that many arguments"));
    }
    if (node->function == Function::kMatches) {
      if (absl::Status status = Pattern(node); !status.ok()) return Fail(*node, std::string(status.message()));
    }
    std::optional<Type> type = TypeOfCall(node->function, types);
    if (type.has_value()) return *type;
    return Unfit(*node, absl::StrCat("\"", node->text, "\" does not take ", NamesOf(types)));
  }

  absl::Status Pattern(Node* node) {
    const Node& pattern = bound_.nodes[node->children[1]];
    if (pattern.op != Op::kConstant || !pattern.constant.is(Kind::kString)) {
      return absl::InvalidArgumentError("the pattern of matches() has to be written out");
    }
    RE2::Options options(RE2::Quiet);
    options.set_max_mem(kMostPatternMemory);
    node->pattern =
        std::make_shared<const RE2>(re2::StringPiece(pattern.constant.chars, pattern.constant.size), options);
    if (node->pattern->ok()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("the pattern is none of RE2's: ", node->pattern->error()));
  }

  Type Macro(Node* node) {
    const Type range = Visit(node->children[0]);
    if (!range.any() && !range.is(Kind::kList) && !range.is(Kind::kMap)) {
      return Unfit(*node, absl::StrCat("a list or a map is expected before this, not a ", range.name()));
    }
    Type element;
    if (range.is(Kind::kList)) element = *range.element;
    if (range.is(Kind::kMap)) element = *range.key;
    node->slot = static_cast<uint16_t>(locals_.size());
    locals_.push_back({node->text, element});
    bound_.most_locals = std::max(bound_.most_locals, static_cast<int>(locals_.size()));
    const Type first = Visit(node->children[1]);
    const Type second = node->children.size() > 2 ? Visit(node->children[2]) : Type::Any();
    locals_.pop_back();
    const bool asks = node->op != Op::kMapEach || node->children.size() > 2;
    if (asks && !first.any() && !first.is(Kind::kBool)) {
      return Unfit(*node, absl::StrCat("it asks a bool of each, and this is of type ", first.name()));
    }
    if (node->op == Op::kMapEach) return Type::List(asks ? second : first);
    return node->op == Op::kFilter ? Type::List(element) : Type::Of(Kind::kBool);
  }

  const Syntax& syntax_;
  const Names& names_;
  Bound bound_;
  std::vector<Local> locals_;
  absl::Status fault_;
};

}  // namespace

absl::StatusOr<Bound> Bind(const Syntax& syntax, const Names& names) { return Binder(syntax, names).Run(); }

}  // namespace sallyport::policy
