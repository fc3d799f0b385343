// What a filter asks about what was said in a call.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_QUESTION_H_
#define SALLYPORT_REPLAY_VIEW_CALL_QUESTION_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/conditions/condition.h"
#include "policy/conditions/text_search.h"
#include "policy/descriptors/descriptors.h"
#include "recorder/record_reader.h"
#include "replay/view/call_scan.h"
#include "replay/view/stored_descriptors.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

// The part of a filter that the index cannot answer, asked of one call after the other by the threads of a scan.
// Thread-safe. Lives for one scan.
class CallQuestion {
 public:
  enum class Outcome { kMatches, kDoesNotMatch, kUnreadable };
  struct Tested {
    Outcome outcome = Outcome::kDoesNotMatch;
    uint64_t bytes = 0;  // of messages that were read
  };

  // INVALID_ARGUMENT names the field. Both must outlive it.
  static absl::StatusOr<std::unique_ptr<CallQuestion>> Create(const v1::Filter& filter, const ScanOptions& options,
                                                              StoredDescriptors* descriptors);

  // Reads the call as far as it has to. An error only if it was told to stop, or the reader met damage: then that is
  // what there is to say of this call.
  absl::StatusOr<Tested> Test(const recorder::CallSummary& call, recorder::RecordReader& reader, std::stop_token stop);

  // INVALID_ARGUMENT if the condition fitted none of the methods that were met, though descriptors of some were known.
  absl::Status WhetherItFits() const;

 private:
  friend class QuestionedCall;

  // A condition and types as one set of descriptors has them for a method.
  struct Method {
    std::shared_ptr<const policy::Descriptors> descriptors;
    const google::protobuf::Descriptor* request = nullptr;
    const google::protobuf::Descriptor* response = nullptr;
    std::optional<absl::StatusOr<policy::MethodCondition>> condition;  // nothing where no condition is asked
  };
  // Records that name more are slow to be looked into.
  static constexpr size_t kMostMethods = 4096;

  CallQuestion(const ScanOptions& options, StoredDescriptors* descriptors)
      : options_(options), descriptors_(descriptors) {}

  // `path` is "/package.Service/Method".
  std::shared_ptr<const Method> MethodOf(const std::string& version, const std::string& path);
  std::shared_ptr<const Method> Bind(const std::string& version, const std::string& path) const;

  const ScanOptions& options_;
  StoredDescriptors* const descriptors_;
  std::optional<policy::TextSearch> text_;
  std::optional<policy::Condition> condition_;
  std::optional<std::pair<std::string, std::string>> correlation_;
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<const Method>> methods_ ABSL_GUARDED_BY(mutex_);
  bool fits_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status misfit_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_QUESTION_H_
