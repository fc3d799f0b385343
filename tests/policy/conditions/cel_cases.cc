// Evaluates expressions for spec_test.mjs: a case in JSON a line on standard input, its answer a line on standard
// output.
//
// usage: cel_cases DESCRIPTOR-SET
#include <charconv>
#include <deque>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "policy/conditions/condition.h"
#include "policy/conditions/expression.h"
#include "policy/conditions/parser.h"
#include "policy/conditions/wire_value.h"
#include "policy/descriptors/descriptors.h"

namespace sallyport::policy {
namespace {

using Json = nlohmann::json;

std::string Unescaped(const Json& text) {
  std::string bytes;
  absl::Base64Unescape(text.get<std::string>(), &bytes);
  return bytes;
}

// Values of variables, which keep what they refer to.
class CaseVariables final : public Variables {
 public:
  CaseVariables(const Json& bindings, const Descriptors& set, Heap* heap, Names* names) : set_(set), heap_(heap) {
    for (const auto& [name, value] : bindings.items()) {
      values_.push_back(Read(value));
      Type type = Type::Of(values_.back().kind);
      if (type.is(Kind::kList)) type = Type::List(Type::Any());
      if (type.is(Kind::kMap)) type = Type::Map(Type::Any(), Type::Any());
      if (type.is(Kind::kMessage)) type = TypeOfMessage(*values_.back().type);
      names->variables.push_back({name, type});
    }
  }
  Value Get(size_t slot, Heap*) const override { return values_[slot]; }

 private:
  std::string_view Keep(std::string text) { return kept_.emplace_back(std::move(text)); }

  Value Read(const Json& json) {
    const std::string kind = json.begin().key();
    const Json& value = json.begin().value();
    if (kind == "bool") return Value::Bool(value.get<bool>());
    if (kind == "int") return Value::Int(std::stoll(value.get<std::string>()));
    if (kind == "uint") return Value::Uint(std::stoull(value.get<std::string>()));
    if (kind == "double") return Value::Double(std::stod(value.get<std::string>()));
    if (kind == "string") return Value::Text(Keep(value.get<std::string>()));
    if (kind == "bytes") return Value::Text(Keep(Unescaped(value)), Kind::kBytes);
    if (kind == "list") {
      auto* const items = heap_->Array<Value>(value.size());
      for (size_t i = 0; i < value.size(); ++i) items[i] = Read(value[i]);
      return Value::List(items, value.size());
    }
    if (kind == "map") {
      auto* const pairs = heap_->Array<Pair>(value.size());
      for (size_t i = 0; i < value.size(); ++i) pairs[i] = {Read(value[i][0]), Read(value[i][1])};
      return Value::Map(pairs, value.size());
    }
    if (kind == "message") {
      auto* const part = heap_->Array<std::string_view>(1);
      *part = Keep(Unescaped(value[1]));
      const auto* const type = set_.pool().FindMessageTypeByName(value[0].get<std::string>());
      return type == nullptr ? Value::Error("no such type") : MessageToValue(*type, part, 1, set_.types(), heap_);
    }
    return Value::Null();
  }

  const Descriptors& set_;
  Heap* const heap_;
  std::deque<std::string> kept_;
  std::vector<Value> values_;
};

Json Shown(const Value& value) {
  switch (value.kind) {
    case Kind::kError:
      return {{"error", std::string(value.text())}};
    case Kind::kNull:
      return {{"null", nullptr}};
    case Kind::kBool:
      return {{"bool", value.truth}};
    case Kind::kInt:
      return {{"int", std::to_string(value.integer)}};
    case Kind::kUint:
      return {{"uint", std::to_string(value.natural)}};
    case Kind::kDouble: {
      char text[32];
      const auto [end, fault] = std::to_chars(text, text + sizeof(text), value.real);
      return {{"double", std::string(text, end)}};
    }
    case Kind::kString:
      return {{"string", std::string(value.text())}};
    case Kind::kBytes:
      return {{"bytes", absl::Base64Escape(std::string(value.text()))}};
    case Kind::kTimestamp:
      return {{"timestamp", {std::to_string(value.integer), value.nanos}}};
    case Kind::kDuration:
      return {{"duration", {std::to_string(value.integer), value.nanos}}};
    case Kind::kList: {
      Json items = Json::array();
      for (size_t i = 0; i < value.size; ++i) items.push_back(Shown(value.items[i]));
      return {{"list", items}};
    }
    case Kind::kMap: {
      Json pairs = Json::array();
      for (size_t i = 0; i < value.size; ++i) {
        pairs.push_back(Json::array({Shown(value.pairs[i].key), Shown(value.pairs[i].value)}));
      }
      return {{"map", pairs}};
    }
    case Kind::kMessage:
      return {{"message", value.type->full_name()}};
  }
  return {};
}

Json Answered(const Json& one, const Descriptors& set) {
  const auto syntax = ParseCondition(one["expr"].get<std::string>());
  if (!syntax.ok()) return {{"parse", std::string(syntax.status().message())}};
  Heap heap(kMostConditionCost);
  Names names;
  names.pool = &set.pool();
  names.container = one["container"].get<std::string>();
  names.checked = one["checked"].get<bool>();
  const CaseVariables variables(one["bindings"], set, &heap, &names);
  const auto expression = Expression::Create(*syntax, names, set.types());
  if (!expression.ok()) return {{"check", std::string(expression.status().message())}};
  return Shown((*expression)->Evaluate(variables, &heap));
}

int Run(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream bytes;
  bytes << file.rdbuf();
  const auto set = Descriptors::Parse(bytes.str(), path);
  if (!set.ok()) {
    std::cerr << set.status() << "\n";
    return 1;
  }
  std::string line;
  while (std::getline(std::cin, line)) std::cout << Answered(Json::parse(line), **set).dump() << "\n";
  return 0;
}

}  // namespace
}  // namespace sallyport::policy

int main(int argc, char** argv) { return argc == 2 ? sallyport::policy::Run(argv[1]) : 2; }
