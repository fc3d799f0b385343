#include "policy/conditions/parser.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/conditions/condition.h"
#include "policy/conditions/lexer.h"
#include "policy/text.h"

namespace sallyport::policy {
namespace {

using TokenKind = Token::Kind;

// What CEL keeps for itself.
bool IsReserved(std::string_view name) {
  static const auto* const kWords = new std::set<std::string_view>{
      "as",   "break",     "const",   "continue", "else",   "for", "function", "if",   "let",
      "loop", "namespace", "package", "import",   "return", "var", "void",     "while"};
  return kWords->contains(name);
}

struct Macro {
  std::string_view name;
  Op op;
  size_t arguments;
};
constexpr Macro kMacros[] = {
    {"all", Op::kAll, 2},
    {"exists", Op::kExists, 2},
    {"exists_one", Op::kExistsOne, 2},
    {"existsOne", Op::kExistsOne, 2},
    {"filter", Op::kFilter, 2},
    {"map", Op::kMapEach, 2},
    {"map", Op::kMapEach, 3},
};

// Recursive descent. After a fault everything that is read is nothing, and the fault stays.
class Parser {
 public:
  explicit Parser(std::string_view text) : syntax_(std::make_shared<Syntax>()) {
    syntax_->text = std::string(text);
    lexer_.emplace(syntax_->text);
    Advance();
  }

  absl::StatusOr<std::shared_ptr<const Syntax>> Parse() {
    syntax_->root = Choice();
    if (fault_.ok() && token_.kind != TokenKind::kEnd) Fail(token_.at, "the condition could end here, and goes on");
    if (!fault_.ok()) return fault_;
    return syntax_;
  }

 private:
  void Fail(size_t at, std::string_view what) {
    if (fault_.ok()) fault_ = FaultAt(syntax_->text, at, what);
    token_ = Token();
  }
  void Advance() {
    if (!fault_.ok()) return;
    absl::StatusOr<Token> next = lexer_->Next();
    if (next.ok()) {
      token_ = *std::move(next);
    } else {
      fault_ = next.status();
      token_ = Token();
    }
  }
  bool At(std::string_view mark) const { return token_.kind == TokenKind::kMark && token_.text == mark; }
  bool Take(std::string_view mark) {
    if (!At(mark)) return false;
    Advance();
    return true;
  }
  void Expect(std::string_view mark) {
    if (!Take(mark)) Fail(token_.at, absl::StrCat("\"", View(mark), "\" is expected here"));
  }

  uint32_t Add(Op op, size_t at, std::vector<uint32_t> children = {}, std::string text = "") {
    Node node;
    node.op = op;
    node.at = static_cast<uint32_t>(at);
    node.text = std::move(text);
    for (const uint32_t child : children) {
      node.height = std::max<uint16_t>(node.height, static_cast<uint16_t>(syntax_->nodes[child].height + 1));
    }
    if (node.height > kMostHeight) Fail(at, "the condition has too many parts in one another");
    node.children = std::move(children);
    syntax_->nodes.push_back(std::move(node));
    return static_cast<uint32_t>(syntax_->nodes.size() - 1);
  }
  uint32_t AddConstant(size_t at, const Value& value) {
    const uint32_t node = Add(Op::kConstant, at);
    syntax_->nodes[node].constant = value;
    return node;
  }

  uint32_t Choice() {
    if (++depth_ > kMostConditionDepth) Fail(token_.at, absl::StrCat("it is nested deeper than ", kMostConditionDepth));
    const uint32_t node = fault_.ok() ? ChoiceInside() : Add(Op::kConstant, 0);
    --depth_;
    return node;
  }
  uint32_t ChoiceInside() {
    const uint32_t condition = Either();
    const size_t at = token_.at;
    if (!Take("?")) return condition;
    const uint32_t yes = Either();
    Expect(":");
    const uint32_t no = Choice();
    return Add(Op::kChoose, at, {condition, yes, no});
  }

  uint32_t Either() { return Chain("||", Op::kOr, &Parser::Both); }
  uint32_t Both() { return Chain("&&", Op::kAnd, &Parser::Relation); }
  uint32_t Chain(std::string_view mark, Op op, uint32_t (Parser::*part)()) {
    const size_t at = token_.at;
    std::vector<uint32_t> parts = {(this->*part)()};
    while (Take(mark)) parts.push_back((this->*part)());
    return parts.size() == 1 ? parts[0] : Add(op, at, std::move(parts));
  }

  struct Binary {
    std::string_view mark;
    Op op;
  };
  template <size_t kSize>
  bool FindOperator(const Binary (&operators)[kSize], Op* op) const {
    for (const Binary& one : operators) {
      if (token_.text != one.mark) continue;
      *op = one.op;
      return token_.kind == TokenKind::kMark || (token_.kind == TokenKind::kName && one.mark == "in");
    }
    return false;
  }

  uint32_t Relation() {
    static constexpr Binary kRelations[] = {{"==", Op::kEqual},       {"!=", Op::kUnequal}, {"<", Op::kLess},
                                            {"<=", Op::kLessOrEqual}, {">", Op::kGreater},  {">=", Op::kGreaterOrEqual},
                                            {"in", Op::kIn}};
    uint32_t left = Sum();
    Op op = Op::kEqual;
    while (fault_.ok() && FindOperator(kRelations, &op)) {
      const size_t at = token_.at;
      Advance();
      const uint32_t right = Sum();
      left = Add(op, at, {left, right});
    }
    return left;
  }
  uint32_t Sum() {
    static constexpr Binary kSums[] = {{"+", Op::kAdd}, {"-", Op::kSubtract}};
    uint32_t left = Product();
    Op op = Op::kAdd;
    while (fault_.ok() && FindOperator(kSums, &op)) {
      const size_t at = token_.at;
      Advance();
      const uint32_t right = Product();
      left = Add(op, at, {left, right});
    }
    return left;
  }
  uint32_t Product() {
    static constexpr Binary kProducts[] = {{"*", Op::kMultiply}, {"/", Op::kDivide}, {"%", Op::kModulo}};
    uint32_t left = Unary();
    Op op = Op::kMultiply;
    while (fault_.ok() && FindOperator(kProducts, &op)) {
      const size_t at = token_.at;
      Advance();
      const uint32_t right = Unary();
      left = Add(op, at, {left, right});
    }
    return left;
  }

  uint32_t Unary() {
    const size_t at = token_.at;
    if (At("!")) return Repeated("!", Op::kNot);
    if (!At("-")) return Member(Primary());
    Advance();
    // A sign belongs to the number behind it, so that the smallest int can be written.
    if (token_.kind == TokenKind::kConstant && token_.constant.is(Kind::kInt)) return Member(Integer(at, true));
    if (token_.kind == TokenKind::kConstant && token_.constant.is(Kind::kDouble)) {
      const Value value = Value::Double(-token_.constant.real);
      Advance();
      return Member(AddConstant(at, value));
    }
    if (!At("-")) return Add(Op::kNegate, at, {Member(Primary())});
    const uint32_t inner = Repeated("-", Op::kNegate);
    return Add(Op::kNegate, at, {inner});
  }
  uint32_t Repeated(std::string_view mark, Op op) {
    std::vector<size_t> places;
    while (fault_.ok() && At(mark)) {
      places.push_back(token_.at);
      Advance();
    }
    uint32_t node = op == Op::kNot && At("-") ? Unary() : Member(Primary());
    for (; !places.empty(); places.pop_back()) node = Add(op, places.back(), {node});
    return node;
  }

  uint32_t Integer(size_t at, bool negative) {
    const uint64_t digits = token_.constant.natural;
    const uint64_t most = static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) + (negative ? 1 : 0);
    if (digits > most) Fail(at, "this number does not fit an int");
    Advance();
    return AddConstant(at, Value::Int(static_cast<int64_t>(negative ? ~digits + 1 : digits)));
  }

  uint32_t Primary() {
    const size_t at = token_.at;
    if (token_.kind == TokenKind::kConstant) return Constant();
    if (Take("(")) {
      const uint32_t inner = Choice();
      Expect(")");
      return inner;
    }
    if (Take("[")) return Add(Op::kList, at, Arguments("]", true));
    if (Take("{")) return MapEntries(at);
    const bool dot = Take(".");
    if (token_.kind == TokenKind::kName) return Name(at, dot);
    Fail(at, token_.kind == TokenKind::kEnd ? "something is expected here, and the condition ends"
                                            : "a value is expected here");
    return Add(Op::kConstant, at);
  }

  uint32_t Constant() {
    const size_t at = token_.at;
    if (token_.constant.is(Kind::kInt)) return Integer(at, false);
    Value value = token_.constant;
    if (token_.holds_text) value = Value::Text(Keep(std::move(token_.content)), value.kind);
    Advance();
    return AddConstant(at, value);
  }
  std::string_view Keep(std::string text) { return syntax_->texts.emplace_back(std::move(text)); }

  uint32_t Name(size_t at, bool dot) {
    const std::string name(token_.text);
    Advance();
    if (!dot) {
      if (name == "true" || name == "false") return AddConstant(at, Value::Bool(name == "true"));
      if (name == "null") return AddConstant(at, Value::Null());
      if (name == "in") Fail(at, "a value is expected here, and \"in\" is none");
      if (name == "has" && At("(")) return Has(at);
    }
    if (IsReserved(name)) Fail(at, absl::StrCat("\"", name, "\" is reserved, and no name"));
    if (!Take("(")) return Add(Op::kName, at, {}, dot ? absl::StrCat(".", name) : name);
    return Add(Op::kCall, at, Arguments(")", false), name);
  }

  uint32_t Has(size_t at) {
    Expect("(");
    const uint32_t argument = Choice();
    Expect(")");
    if (!fault_.ok()) return argument;
    Node& node = syntax_->nodes[argument];
    if (node.op != Op::kSelect) {
      Fail(at, "has() takes a field of something, such as has(request.name)");
      return argument;
    }
    node.op = Op::kHas;
    return argument;
  }

  std::vector<uint32_t> Arguments(std::string_view end, bool trailing_comma) {
    std::vector<uint32_t> arguments;
    if (Take(end)) return arguments;
    do {
      if (trailing_comma && !arguments.empty() && At(end)) break;
      arguments.push_back(Choice());
    } while (fault_.ok() && Take(","));
    Expect(end);
    return arguments;
  }

  uint32_t MapEntries(size_t at) {
    std::vector<uint32_t> children;
    while (fault_.ok() && !At("}")) {
      children.push_back(Choice());
      Expect(":");
      children.push_back(Choice());
      if (!Take(",")) break;
    }
    Expect("}");
    return Add(Op::kMap, at, std::move(children));
  }

  uint32_t Member(uint32_t node) {
    while (fault_.ok()) {
      const size_t at = token_.at;
      if (Take("[")) {
        const uint32_t index = Choice();
        Expect("]");
        node = Add(Op::kIndex, at, {node, index});
      } else if (Take(".")) {
        node = Selected(node, at);
      } else if (At("{")) {
        Fail(at, "messages cannot be made in conditions");
      } else {
        break;
      }
    }
    return node;
  }

  uint32_t Selected(uint32_t object, size_t at) {
    if (token_.kind != TokenKind::kName) {
      Fail(token_.at, "the name of a field is expected here");
      return object;
    }
    const size_t name_at = token_.at;
    std::string name(token_.text);
    Advance();
    if (name == "in" || name == "true" || name == "false" || name == "null") {
      Fail(name_at, absl::StrCat("\"", name, "\" is no name of a field"));
    }
    if (!Take("(")) return Add(Op::kSelect, name_at, {object}, std::move(name));
    std::vector<uint32_t> arguments = Arguments(")", false);
    if (!fault_.ok()) return object;
    for (const Macro& macro : kMacros) {
      if (macro.name == name && macro.arguments == arguments.size()) {
        return MacroOf(macro.op, at, object, std::move(arguments));
      }
    }
    arguments.insert(arguments.begin(), object);
    const uint32_t node = Add(Op::kCall, name_at, std::move(arguments), std::move(name));
    syntax_->nodes[node].method = true;
    return node;
  }

  uint32_t MacroOf(Op op, size_t at, uint32_t range, std::vector<uint32_t> arguments) {
    const Node& variable = syntax_->nodes[arguments[0]];
    const std::string name = variable.text;
    if (variable.op != Op::kName || name.starts_with('.')) {
      Fail(variable.at, "the first argument of a macro is a plain name");
      return range;
    }
    arguments[0] = range;
    return Add(op, at, std::move(arguments), name);
  }

  const std::shared_ptr<Syntax> syntax_;
  std::optional<Lexer> lexer_;
  Token token_;
  absl::Status fault_;
  int depth_ = 0;
};

}  // namespace

absl::StatusOr<std::shared_ptr<const Syntax>> ParseCondition(std::string_view text) {
  if (text.size() > kMostConditionBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("1:1: it has ", text.size(), " bytes, more than ", kMostConditionBytes));
  }
  if (!IsUtf8(text)) return absl::InvalidArgumentError("1:1: it is not UTF-8");
  return Parser(text).Parse();
}

}  // namespace sallyport::policy
