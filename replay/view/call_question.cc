#include "replay/view/call_question.h"

#include <deque>
#include <string_view>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "replay/view/call_decoder.h"
#include "replay/view/names.h"

namespace sallyport::replay {

using policy::Answer;
using policy::SaidMessage;
using policy::SaidPair;
using policy::TextSearch;
using Outcome = CallQuestion::Outcome;

// One call, while it is read: entries in order, then the answer. One thread.
class QuestionedCall {
 public:
  QuestionedCall(CallQuestion* question, const recorder::CallSummary& summary)
      : question_(*question), summary_(summary), decoder_(question->descriptors_) {
    if (question_.options_.sight != nullptr) sight_ = question_.options_.sight();
  }

  uint64_t bytes() const { return bytes_; }

  // False once nothing that follows can change the answer.
  bool Add(const v1::Entry& recorded) {
    if (sight_ == nullptr) return Take(recorded);
    v1::Entry entry = recorded;
    if (!sight_->Show(&entry).ok()) return Give(Outcome::kUnreadable);
    return Take(entry);
  }

  Outcome Finish() {
    if (given_.has_value()) return *given_;
    // A call whose beginning is not there says nothing.
    if (method_ == nullptr) return Outcome::kUnreadable;
    const Outcome text = TextOutcome();
    if (text == Outcome::kDoesNotMatch) return text;
    const Outcome condition = ConditionOutcome();
    if (condition == Outcome::kDoesNotMatch) return condition;
    return text == Outcome::kUnreadable ? text : condition;
  }

 private:
  bool Give(Outcome outcome) {
    given_ = outcome;
    return false;
  }

  bool Take(const v1::Entry& entry) {
    decoder_.Learn(entry);
    if (entry.has_start()) return TakeStart(entry.start());
    if (entry.has_frame()) return TakeFrame(entry.frame());
    if (entry.has_response_headers()) TakePairs(entry.response_headers().metadata(), nullptr);
    if (entry.has_end()) {
      TakePairs(entry.end().trailers(), &trailers_);
      LookFor(entry.end().status_message());
    }
    return true;
  }

  bool TakeStart(const v1::CallStart& start) {
    method_ = question_.MethodOf(start.descriptors(), start.method());
    if (method_->condition.has_value() && absl::IsInvalidArgument(method_->condition->status())) {
      return Give(Outcome::kDoesNotMatch);
    }
    if (question_.correlation_.has_value() && !Correlates(start)) return Give(Outcome::kDoesNotMatch);
    TakePairs(start.metadata(), &metadata_);
    const bool asks_more = (question_.text_.has_value() && !found_) ||
                           (question_.condition_.has_value() && question_.condition_->ReadsBeyondStart());
    return asks_more;
  }

  bool Correlates(const v1::CallStart& start) const {
    for (const v1::Metadatum& one : start.metadata()) {
      if (!one.fingerprint() && one.key() == question_.correlation_->first &&
          one.value() == question_.correlation_->second) {
        return true;
      }
    }
    return false;
  }

  // Keeps what conditions ask for, if they do.
  template <typename List>
  void TakePairs(const List& list, std::vector<SaidPair>* said) {
    for (const v1::Metadatum& one : list) {
      if (!one.fingerprint() && !IsBinaryKey(one.key())) LookFor(one.value());
      if (said == nullptr || !question_.condition_.has_value()) continue;
      const std::string& key = kept_.emplace_back(one.key());
      said->push_back({key, kept_.emplace_back(one.value())});
    }
  }

  void LookFor(std::string_view text) {
    if (question_.text_.has_value() && !found_) found_ = question_.text_->IsIn(text);
  }

  bool TakeFrame(const v1::Frame& frame) {
    bytes_ += frame.payload().size();
    if (bytes_ > question_.options_.most_call_bytes) return Give(Outcome::kUnreadable);
    const bool response = frame.direction() == v1::DIRECTION_RESPONSE;
    std::vector<SaidMessage>& list = response ? responses_ : requests_;
    if (frame.has_part()) {
      list.push_back({{}, "its payload is sealed apart"});
      undecoded_ = true;
      return true;
    }
    absl::StatusOr<std::string> message = decoder_.Message(frame);
    if (!message.ok()) {
      list.push_back({{}, "its payload is not all there, or cannot be inflated"});
      undecoded_ = true;
      return true;
    }
    held_ += message->size();
    if (held_ > question_.options_.most_call_bytes) return Give(Outcome::kUnreadable);
    SearchMessage(response, *message);
    const bool kept = question_.condition_.has_value() && question_.condition_->ReadsMessages();
    if (kept) list.push_back({kept_.emplace_back(*std::move(message)), nullptr});
    return true;
  }

  void SearchMessage(bool response, std::string_view message) {
    if (!question_.text_.has_value() || found_) return;
    const google::protobuf::Descriptor* const type =
        method_ == nullptr ? nullptr : (response ? method_->response : method_->request);
    if (type == nullptr) {
      undecoded_ = true;
      return;
    }
    const TextSearch::Found found = question_.text_->InMessage(*type, message, method_->descriptors->types());
    found_ = found == TextSearch::Found::kYes;
    undecoded_ |= found == TextSearch::Found::kUndecodable;
  }

  Outcome TextOutcome() const {
    if (!question_.text_.has_value() || found_) return Outcome::kMatches;
    return undecoded_ ? Outcome::kUnreadable : Outcome::kDoesNotMatch;
  }

  Outcome ConditionOutcome() const {
    if (!method_->condition.has_value()) return Outcome::kMatches;
    // Nobody knows a descriptor.
    if (!method_->condition->ok()) return Outcome::kUnreadable;
    const std::string status = StatusName(summary_.status_code);
    policy::CallFacts facts;
    facts.method = summary_.method;
    facts.identity = summary_.identity;
    facts.upstream = summary_.upstream;
    facts.start = summary_.start;
    facts.ended = summary_.end_reason != v1::END_REASON_UNSPECIFIED;
    facts.status_code = summary_.status_code;
    facts.status = status;
    facts.duration = summary_.duration;
    facts.request_bytes = summary_.request_bytes;
    facts.response_bytes = summary_.response_bytes;
    facts.requests = requests_;
    facts.responses = responses_;
    facts.metadata = metadata_;
    facts.trailers = trailers_;
    switch ((*method_->condition)->Ask(facts).kind) {
      case Answer::Kind::kHolds:
        return Outcome::kMatches;
      case Answer::Kind::kFails:
      case Answer::Kind::kError:
        return Outcome::kDoesNotMatch;
      case Answer::Kind::kUnreadable:
        break;
    }
    return Outcome::kUnreadable;
  }

  CallQuestion& question_;
  const recorder::CallSummary& summary_;
  CallDecoder decoder_;
  std::unique_ptr<EntrySight> sight_;  // null where all is seen
  std::shared_ptr<const CallQuestion::Method> method_;
  std::optional<Outcome> given_;
  bool found_ = false;
  bool undecoded_ = false;
  uint64_t bytes_ = 0;
  uint64_t held_ = 0;
  std::deque<std::string> kept_;  // which the others refer to
  std::vector<SaidMessage> requests_;
  std::vector<SaidMessage> responses_;
  std::vector<SaidPair> metadata_;
  std::vector<SaidPair> trailers_;
};

absl::StatusOr<std::unique_ptr<CallQuestion>> CallQuestion::Create(const v1::Filter& filter, const ScanOptions& options,
                                                                   StoredDescriptors* descriptors) {
  std::unique_ptr<CallQuestion> question(new CallQuestion(options, descriptors));
  if (!filter.text().empty()) {
    absl::StatusOr<TextSearch> text = TextSearch::Create(filter.text());
    if (!text.ok()) return absl::InvalidArgumentError(absl::StrCat("filter.text: ", text.status().message()));
    question->text_ = *std::move(text);
  }
  if (!filter.where().empty()) {
    absl::StatusOr<policy::Condition> condition = policy::Condition::Parse(filter.where());
    if (!condition.ok())
      return absl::InvalidArgumentError(absl::StrCat("filter.where: ", condition.status().message()));
    question->condition_ = *std::move(condition);
  }
  if (!filter.correlation().empty()) {
    const size_t equals = filter.correlation().find('=');
    if (equals == std::string::npos || equals == 0) {
      return absl::InvalidArgumentError("filter.correlation: it is written as key=value, such as x-order=17");
    }
    question->correlation_ = {absl::AsciiStrToLower(filter.correlation().substr(0, equals)),
                              filter.correlation().substr(equals + 1)};
  }
  return question;
}

absl::StatusOr<CallQuestion::Tested> CallQuestion::Test(const recorder::CallSummary& call,
                                                        recorder::RecordReader& reader, std::stop_token stop) {
  if (call.shredded) return Tested{Outcome::kUnreadable, 0};
  QuestionedCall questioned(this, call);
  const absl::Status enough = absl::CancelledError("nothing more is asked");
  const absl::Status read = reader.ReadCall(call.id, [&](const v1::Entry& entry) {
    if (stop.stop_requested()) return absl::CancelledError("nobody asks any more");
    return questioned.Add(entry) ? absl::OkStatus() : enough;
  });
  if (stop.stop_requested()) return absl::CancelledError("nobody asks any more");
  // Retention took it meanwhile.
  if (absl::IsNotFound(read)) return Tested{Outcome::kDoesNotMatch, questioned.bytes()};
  if (absl::IsDataLoss(read) || absl::IsInternal(read)) return read;
  if (!read.ok() && read != enough) return Tested{Outcome::kUnreadable, questioned.bytes()};
  return Tested{questioned.Finish(), questioned.bytes()};
}

absl::Status CallQuestion::WhetherItFits() const {
  const std::lock_guard lock(mutex_);
  if (fits_ || misfit_.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("filter.where: ", misfit_.message()));
}

std::shared_ptr<const CallQuestion::Method> CallQuestion::MethodOf(const std::string& version,
                                                                   const std::string& path) {
  const std::pair<std::string, std::string> key(version, path);
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = methods_.find(key); found != methods_.end()) return found->second;
  }
  std::shared_ptr<const Method> method = Bind(version, path);
  const std::lock_guard lock(mutex_);
  if (method->condition.has_value()) {
    fits_ |= method->condition->ok();
    if (absl::IsInvalidArgument(method->condition->status())) misfit_.Update(method->condition->status());
  }
  if (methods_.size() < kMostMethods) methods_.emplace(key, method);
  return method;
}

std::shared_ptr<const CallQuestion::Method> CallQuestion::Bind(const std::string& version,
                                                               const std::string& path) const {
  auto method = std::make_shared<Method>();
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> set = descriptors_->Find(version);
  method->descriptors = set.ok() ? *std::move(set) : policy::Descriptors::Empty();
  method->request = method->descriptors->FindMessage(path, policy::MessageSide::kRequest);
  method->response = method->descriptors->FindMessage(path, policy::MessageSide::kResponse);
  if (condition_.has_value()) {
    method->condition = condition_->For(method->request, method->response, method->descriptors->types());
  }
  return method;
}

}  // namespace sallyport::replay
