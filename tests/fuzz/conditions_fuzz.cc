// Conditions that strangers write, asked about messages that strangers send. Input: a length in one byte (times 16),
// the condition, and the bytes of the request. Both are read within their bounds, twice alike, and what is right is
// what its negation is not.
#include <memory>
#include <string>

#include "policy/conditions/condition.h"
#include "policy/conditions/text_search.h"
#include "policy/descriptors/descriptors.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/message_schema.h"
#include "tests/policy/masking/parsed_proto.h"

namespace sallyport::recorder {
namespace {

using policy::Answer;

struct Bench {
  Bench() : descriptors(*policy::ParsedProto(kMessageSchema)) {
    type = descriptors->pool().FindMessageTypeByName(kMessageTypes[0]);
  }
  std::shared_ptr<const policy::Descriptors> descriptors;
  const google::protobuf::Descriptor* type;
};

Answer Ask(const policy::MethodCondition& condition, std::string_view message) {
  const policy::SaidMessage said = {message, nullptr};
  const policy::SaidPair pair = {"a", "b"};
  policy::CallFacts call;
  call.method = "a.B/C";
  call.ended = true;
  call.status = "OK";
  call.requests = absl::MakeConstSpan(&said, 1);
  call.responses = call.requests;
  call.metadata = absl::MakeConstSpan(&pair, 1);
  return condition.Ask(call);
}

}  // namespace

void FuzzConditions(std::string_view input) {
  static Bench& bench = *new Bench;
  if (input.empty()) return;
  const size_t length = std::min<size_t>(static_cast<uint8_t>(input[0]) * size_t{16}, input.size() - 1);
  const std::string_view text = input.substr(1, length);
  const std::string_view message = input.substr(1 + length);
  if (const auto search = policy::TextSearch::Create(text); search.ok()) {
    static_cast<void>(search->InMessage(*bench.type, message, bench.descriptors->types()));
    Require(search->IsIn(text), "a text is in itself");
  }
  const auto parsed = policy::Condition::Parse(text);
  if (!parsed.ok()) return;
  const auto condition = parsed->For(bench.type, bench.type, bench.descriptors->types());
  if (!condition.ok()) return;
  const Answer answer = Ask(*condition, message);
  Require(answer.kind == Ask(*condition, message).kind, "the same question has the same answer");
  const auto negation = policy::Condition::Parse("!(" + std::string(text) + "\n)");
  if (!negation.ok()) return;
  const auto negated = negation->For(bench.type, bench.type, bench.descriptors->types());
  Require(negated.ok(), "what fits can be negated");
  const Answer other = Ask(*negated, message);
  if (answer.holds()) Require(other.kind != Answer::Kind::kHolds, "a condition and its negation do not both hold");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzConditions)
