// Conditions over what was said in a call: a part of CEL. CONDITIONS.md has the language.
#ifndef SALLYPORT_POLICY_CONDITIONS_CONDITION_H_
#define SALLYPORT_POLICY_CONDITIONS_CONDITION_H_

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "policy/messages/message_types.h"

namespace sallyport::policy {

class Expression;  // policy/conditions/expression.h
struct Syntax;     // policy/conditions/node.h

// A message of a call: its bytes, inflated, or why nobody can read them.
struct SaidMessage {
  std::string_view bytes;
  const char* why_not = nullptr;  // null where `bytes` are the message
};

// A pair of metadata as an application sees it; of a credential its fingerprint.
struct SaidPair {
  std::string_view key;
  std::string_view value;
};

// What a condition is asked about. Refers to what must outlive the question.
struct CallFacts {
  std::string_view method;    // "package.Service/Method"
  std::string_view identity;  // as in CallSummary
  std::string_view upstream;
  absl::Time start;
  // These four hold where it has ended.
  bool ended = false;
  int status_code = 0;
  std::string_view status;  // the code's name
  absl::Duration duration;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  absl::Span<const SaidMessage> requests;
  absl::Span<const SaidMessage> responses;
  absl::Span<const SaidPair> metadata;  // of the request
  absl::Span<const SaidPair> trailers;
};

// What a condition says of a call.
struct Answer {
  enum class Kind {
    kHolds,
    kFails,
    kError,       // an error in CEL's sense, such as an index that is not there: it does not hold
    kUnreadable,  // what it asks about cannot be read, or answering costs more than kMostConditionCost
  };
  Kind kind = Kind::kFails;
  std::string why;  // of the last two

  bool holds() const { return kind == Kind::kHolds; }
};

inline constexpr size_t kMostConditionBytes = 4 << 10;
// How deep parentheses, lists, calls and choices may be nested.
inline constexpr int kMostConditionDepth = 64;
// For one answer: steps, and parts of 32 bytes that are looked at or made.
inline constexpr uint64_t kMostConditionCost = 1'000'000;

// A condition for the calls of one method: its names are bound to fields. Immutable, and may be asked by any number of
// threads at once.
class MethodCondition {
 public:
  // In time and memory bounded by kMostConditionCost, whatever the messages are.
  Answer Ask(const CallFacts& call) const;

 private:
  friend class Condition;
  MethodCondition(std::shared_ptr<const Expression> expression, const google::protobuf::Descriptor* request,
                  const google::protobuf::Descriptor* response, const MessageTypes* types)
      : expression_(std::move(expression)), request_(request), response_(response), types_(types) {}

  std::shared_ptr<const Expression> expression_;
  const google::protobuf::Descriptor* request_;
  const google::protobuf::Descriptor* response_;
  const MessageTypes* types_;
};

// A condition as it was written. Immutable; copies share it.
class Condition {
 public:
  // INVALID_ARGUMENT says what is wrong and where, as "3:14: …" (line and column, from 1).
  static absl::StatusOr<Condition> Parse(std::string_view text);

  // Whether it asks about what messages say, so that descriptors are needed.
  bool ReadsMessages() const;
  // Whether it asks about messages, trailers, or how the call ended: what stands behind its beginning.
  bool ReadsBeyondStart() const;

  // For a method whose messages are of these types. `types` finds what messages name by themselves; it and the types
  // must outlive what is returned. INVALID_ARGUMENT names a field that there is not, or what does not fit, and where.
  // FAILED_PRECONDITION if it asks about messages and a type is null: nobody knows a descriptor.
  absl::StatusOr<MethodCondition> For(const google::protobuf::Descriptor* request,
                                      const google::protobuf::Descriptor* response, const MessageTypes& types) const;

 private:
  explicit Condition(std::shared_ptr<const Syntax> syntax) : syntax_(std::move(syntax)) {}

  std::shared_ptr<const Syntax> syntax_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_CONDITION_H_
