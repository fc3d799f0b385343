#include "policy/conditions/condition.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/conditions/expression.h"
#include "policy/conditions/parser.h"
#include "policy/conditions/wire_value.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

namespace {

enum Slot : size_t {
  kRequest,
  kResponse,
  kRequests,
  kResponses,
  kStatus,
  kStatusCode,
  kDuration,
  kRequestBytes,
  kResponseBytes,
  kTrailers,
  // What is known when it begins.
  kMethod,
  kService,
  kIdentity,
  kUpstream,
  kMetadata,
  kStart,
};
constexpr std::array<const char*, 16> kSlotNames = {
    "request",        "response", "requests", "responses", "status",   "status_code", "duration", "request_bytes",
    "response_bytes", "trailers", "method",   "service",   "identity", "upstream",    "metadata", "start"};

Type TypeOfSlot(size_t slot, const pb::Descriptor* request, const pb::Descriptor* response) {
  const auto message = [](const pb::Descriptor* type) { return type != nullptr ? TypeOfMessage(*type) : Type::Any(); };
  switch (static_cast<Slot>(slot)) {
    case kRequest:
      return message(request);
    case kResponse:
      return message(response);
    case kRequests:
      return Type::List(message(request));
    case kResponses:
      return Type::List(message(response));
    case kStatusCode:
    case kRequestBytes:
    case kResponseBytes:
      return Type::Of(Kind::kInt);
    case kMetadata:
    case kTrailers:
      return Type::Map(Type::Of(Kind::kString), Type::List(Type::Of(Kind::kString)));
    case kDuration:
      return Type::Of(Kind::kDuration);
    case kStart:
      return Type::Of(Kind::kTimestamp);
    case kStatus:
    case kMethod:
    case kService:
    case kIdentity:
    case kUpstream:
      return Type::Of(Kind::kString);
  }
  return Type::Any();
}

bool Mentions(const Syntax& syntax, size_t first, size_t end) {
  return std::any_of(syntax.nodes.begin(), syntax.nodes.end(), [&](const Node& node) {
    std::string_view name = node.text;
    if (node.op != Op::kName) return false;
    if (name.starts_with('.')) name.remove_prefix(1);
    for (size_t slot = first; slot < end; ++slot) {
      if (name == kSlotNames[slot]) return true;
    }
    return false;
  });
}

Value CountOf(uint64_t count) {
  return Value::Int(static_cast<int64_t>(std::min(count, uint64_t{std::numeric_limits<int64_t>::max()})));
}

Value TimeValue(absl::Time time) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  const absl::Duration rest = time - absl::FromUnixSeconds(seconds);
  return Value::Time(Kind::kTimestamp, seconds, static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}

Value DurationValue(absl::Duration duration) {
  absl::Duration rest;
  const int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &rest);
  return Value::Time(Kind::kDuration, seconds, static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
}

// Lists by key, in the order in which keys first came.
Value PairsValue(absl::Span<const SaidPair> said, Heap* heap) {
  if (!heap->Spend(said.size() + 1)) return Heap::TooMuch();
  auto* const pairs = heap->Array<Pair>(said.size());
  size_t size = 0;
  for (const SaidPair& one : said) {
    if (one.key.ends_with("-bin") || !IsUtf8(one.key) || !IsUtf8(one.value)) continue;
    if (!heap->Spend(size + 1)) return Heap::TooMuch();
    size_t at = 0;
    while (at < size && pairs[at].key.text() != one.key) ++at;
    if (at == size) {
      pairs[size++] = {Value::Text(one.key), Value::List(nullptr, 0)};
    }
    ++pairs[at].value.size;
  }
  for (size_t i = 0; i < size; ++i) {
    if (!heap->Spend(said.size())) return Heap::TooMuch();
    auto* const items = heap->Array<Value>(pairs[i].value.size);
    size_t count = 0;
    for (const SaidPair& one : said) {
      if (one.key == pairs[i].key.text() && IsUtf8(one.value)) items[count++] = Value::Text(one.value);
    }
    pairs[i].value.items = items;
  }
  return Value::Map(pairs, size);
}

class CallVariables final : public Variables {
 public:
  CallVariables(const CallFacts& call, const pb::Descriptor* request, const pb::Descriptor* response,
                const MessageTypes& types)
      : call_(call), request_(request), response_(response), types_(types) {}

  Value Get(size_t slot, Heap* heap) const override {
    switch (static_cast<Slot>(slot)) {
      case kRequest:
        return Only(call_.requests, request_, "it has none, or several requests: ask `requests`", heap);
      case kResponse:
        return Only(call_.responses, response_, "it has none, or several responses: ask `responses`", heap);
      case kRequests:
        return All(call_.requests, request_, heap);
      case kResponses:
        return All(call_.responses, response_, heap);
      case kMethod:
        return Value::Text(call_.method);
      case kService:
        return Value::Text(call_.method.substr(0, call_.method.rfind('/')));
      case kIdentity:
        return Value::Text(call_.identity);
      case kUpstream:
        return Value::Text(call_.upstream);
      case kMetadata:
        return PairsValue(call_.metadata, heap);
      case kStart:
        return TimeValue(call_.start);
      case kStatus:
      case kStatusCode:
      case kDuration:
      case kRequestBytes:
      case kResponseBytes:
      case kTrailers:
        break;
    }
    return call_.ended ? OfEnd(static_cast<Slot>(slot), heap) : Value::Error("the call has not ended");
  }

 private:
  Value OfEnd(Slot slot, Heap* heap) const {
    switch (slot) {
      case kStatus:
        return Value::Text(call_.status);
      case kStatusCode:
        return Value::Int(call_.status_code);
      case kDuration:
        return DurationValue(call_.duration);
      case kRequestBytes:
        return CountOf(call_.request_bytes);
      case kResponseBytes:
        return CountOf(call_.response_bytes);
      default:
        return PairsValue(call_.trailers, heap);
    }
  }

  Value Message(const SaidMessage& said, const pb::Descriptor* type, Heap* heap) const {
    if (said.why_not != nullptr) return Value::Unreadable(said.why_not);
    if (type == nullptr) return Value::Unreadable("no descriptor is known for its messages");
    return MessageToValue(*type, &said.bytes, 1, types_, heap);
  }
  Value Only(absl::Span<const SaidMessage> said, const pb::Descriptor* type, const char* not_one, Heap* heap) const {
    return said.size() == 1 ? Message(said[0], type, heap) : Value::Error(not_one);
  }
  Value All(absl::Span<const SaidMessage> said, const pb::Descriptor* type, Heap* heap) const {
    if (!heap->Spend(said.size() + 1)) return Heap::TooMuch();
    auto* const items = heap->Array<Value>(said.size());
    for (size_t i = 0; i < said.size(); ++i) {
      items[i] = Message(said[i], type, heap);
      if (items[i].error()) return items[i];
    }
    return Value::List(items, said.size());
  }

  const CallFacts& call_;
  const pb::Descriptor* const request_;
  const pb::Descriptor* const response_;
  const MessageTypes& types_;
};

}  // namespace

absl::StatusOr<Condition> Condition::Parse(std::string_view text) {
  absl::StatusOr<std::shared_ptr<const Syntax>> syntax = ParseCondition(text);
  if (!syntax.ok()) return syntax.status();
  return Condition(*std::move(syntax));
}

bool Condition::ReadsMessages() const { return Mentions(*syntax_, kRequest, kStatus); }
bool Condition::ReadsBeyondStart() const { return Mentions(*syntax_, kRequest, kMethod); }

absl::StatusOr<MethodCondition> Condition::For(const pb::Descriptor* request, const pb::Descriptor* response,
                                               const MessageTypes& types) const {
  if (ReadsMessages() && (request == nullptr || response == nullptr)) {
    return absl::FailedPreconditionError(
        "the condition asks about messages, and no descriptor of this method is known");
  }
  Names names;
  for (size_t slot = 0; slot < kSlotNames.size(); ++slot) {
    names.variables.push_back({kSlotNames[slot], TypeOfSlot(slot, request, response)});
  }
  if (request != nullptr) {
    names.pool = request->file()->pool();
    names.container = request->file()->package();
  }
  absl::StatusOr<std::shared_ptr<const Expression>> expression = Expression::Create(syntax_, names, types);
  if (!expression.ok()) return expression.status();
  const Type& type = (*expression)->type();
  if (!type.any() && !type.is(Kind::kBool)) {
    return absl::InvalidArgumentError(absl::StrCat("1:1: a condition is a bool, and this is of type ", type.name()));
  }
  return MethodCondition(*std::move(expression), request, response, &types);
}

Answer MethodCondition::Ask(const CallFacts& call) const {
  Heap heap(kMostConditionCost);
  const CallVariables variables(call, request_, response_, *types_);
  const Value value = expression_->Evaluate(variables, &heap);
  if (value.is(Kind::kBool)) return {value.truth ? Answer::Kind::kHolds : Answer::Kind::kFails, ""};
  if (value.unreadable) return {Answer::Kind::kUnreadable, std::string(value.text())};
  return {Answer::Kind::kError, value.error() ? std::string(value.text()) : "what comes out is no bool"};
}

}  // namespace sallyport::policy
