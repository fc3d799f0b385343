#include "replay/view/call_scan.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "recorder/format/call_id.h"
#include "replay/view/call_filter.h"
#include "replay/view/call_question.h"
#include "replay/view/index_messages.h"
#include "replay/view/proto_time.h"

namespace sallyport::replay {
namespace {

using Clock = std::chrono::steady_clock;
using Outcome = CallQuestion::Outcome;
using Tested = CallQuestion::Tested;

// How many calls are asked of the index at a time.
constexpr int kBatch = 256;

absl::Status Stopped() { return absl::CancelledError("nobody asks any more"); }

int ThreadsOf(const ScanOptions& options) {
  if (options.threads > 0) return options.threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2);
}

// Threads that look into calls, a batch at a time. Calls are taken in order, so those that were taken are always the
// first ones of the batch.
class Testers {
 public:
  Testers(CallStore* store, CallQuestion* question, const ScanOptions& options, std::stop_token stop)
      : store_(*store),
        question_(*question),
        options_(options),
        deadline_(Clock::now() + absl::ToChronoNanoseconds(options.most_time)),
        on_stop_(std::move(stop), [this] { Close(); }) {
    for (int i = 0; i < ThreadsOf(options); ++i) threads_.emplace_back([this](std::stop_token quit) { Work(quit); });
  }
  ~Testers() {
    for (std::jthread& thread : threads_) thread.request_stop();
    Close();
    threads_.clear();
  }

  // The calls live until all of them are tested, or Await said that no more will be.
  void Begin(const std::vector<recorder::CallSummary>* calls) {
    const std::lock_guard lock(mutex_);
    calls_ = calls;
    results_.assign(calls->size(), std::nullopt);
    next_ = 0;
    changed_.notify_all();
  }

  enum class Waited { kTested, kNotYet, kNoMore };
  // Of the call of that index: kNoMore where a bound is met and nobody has begun with it, or it was told to stop.
  Waited Await(size_t index, Clock::time_point until, Tested* tested) {
    std::unique_lock lock(mutex_);
    const auto settled = [&] { return results_[index].has_value() || (closed_ && index >= next_); };
    if (!changed_.wait_until(lock, until, settled)) return Waited::kNotYet;
    if (!results_[index].has_value()) return Waited::kNoMore;
    *tested = *results_[index];
    return Waited::kTested;
  }

 private:
  void Close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  // The next call, or null at the end.
  const recorder::CallSummary* Take(const std::stop_token& quit, size_t* index) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [&] { return closed_ || quit.stop_requested() || (calls_ != nullptr && next_ < results_.size()); });
    if (closed_ || quit.stop_requested()) return nullptr;
    // One call is looked into, whatever the bounds, so that every scan comes further.
    if (taken_ > 0 && (Clock::now() >= deadline_ || bytes_ >= options_.most_bytes)) {
      closed_ = true;
      changed_.notify_all();
      return nullptr;
    }
    ++taken_;
    *index = next_++;
    return &(*calls_)[*index];
  }

  void Work(const std::stop_token& quit) {
    std::optional<CallStore::Reader> reader;
    size_t index = 0;
    while (const recorder::CallSummary* const call = Take(quit, &index)) {
      const Tested tested = Test(*call, &reader, quit);
      const std::lock_guard lock(mutex_);
      results_[index] = tested;
      bytes_ += tested.bytes;
      changed_.notify_all();
    }
  }

  Tested Test(const recorder::CallSummary& call, std::optional<CallStore::Reader>* reader,
              const std::stop_token& quit) {
    if (!reader->has_value()) {
      absl::StatusOr<CallStore::Reader> borrowed = store_.Borrow();
      if (!borrowed.ok()) return {Outcome::kUnreadable, 0};
      reader->emplace(*std::move(borrowed));
    }
    const absl::StatusOr<Tested> tested = question_.Test(call, *(*reader)->operator->(), quit);
    if (tested.ok()) return *tested;
    // Damage: the reader is not used again.
    static_cast<void>((*reader)->Checked(tested.status()));
    reader->reset();
    return {Outcome::kUnreadable, 0};
  }

  CallStore& store_;
  CallQuestion& question_;
  const ScanOptions& options_;
  const Clock::time_point deadline_;
  std::mutex mutex_;
  std::condition_variable changed_;
  const std::vector<recorder::CallSummary>* calls_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::vector<std::optional<Tested>> results_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::jthread> threads_;
  std::stop_callback<std::function<void()>> on_stop_;
};

// One scan, from the thread that asks.
class Scan {
 public:
  Scan(CallStore* store, CallQuestion* question, const ScanOptions& options, recorder::CallQuery query, size_t most,
       std::stop_token stop, CallSource::ScanReceiver said)
      : store_(*store),
        question_(*question),
        query_(std::move(query)),
        most_(most),
        stop_(stop),
        said_(said),
        next_progress_(Clock::now() + absl::ToChronoNanoseconds(kBetweenProgress)),
        testers_(store, question, options, std::move(stop)) {
    query_.limit = kBatch;
  }

  absl::Status Run() {
    bool more = true;
    while (more) {
      absl::StatusOr<std::vector<recorder::CallSummary>> calls = NextBatch();
      if (!calls.ok()) return calls.status();
      batch_ = *std::move(calls);
      if (batch_.empty()) break;
      testers_.Begin(&batch_);
      const absl::StatusOr<bool> whole = HandOnBatch();
      if (!whole.ok()) return whole.status();
      if (!*whole) return Finish(true);
      more = batch_.size() == kBatch;
    }
    if (absl::Status fits = question_.WhetherItFits(); !fits.ok()) return fits;
    return Finish(false);
  }

 private:
  absl::StatusOr<std::vector<recorder::CallSummary>> NextBatch() {
    if (stop_.stop_requested()) return Stopped();
    absl::StatusOr<CallStore::Reader> reader = store_.Borrow();
    if (!reader.ok()) return reader.status();
    absl::StatusOr<std::vector<recorder::CallSummary>> calls = (*reader)->Calls(query_);
    if (!calls.ok()) return reader->Checked(calls.status());
    return calls;
  }

  // False where it ended before all of the batch was seen, or enough was found.
  absl::StatusOr<bool> HandOnBatch() {
    for (size_t i = 0; i < batch_.size();) {
      Tested tested;
      const Testers::Waited waited = testers_.Await(i, next_progress_, &tested);
      if (stop_.stop_requested()) return Stopped();
      if (waited == Testers::Waited::kNoMore) return false;
      if (waited == Testers::Waited::kTested) {
        if (absl::Status status = HandOn(batch_[i], tested); !status.ok()) return status;
        ++i;
        if (most_ > 0 && found_ == most_) return false;
      }
      if (absl::Status status = TellProgress(); !status.ok()) return status;
    }
    return true;
  }

  absl::Status HandOn(const recorder::CallSummary& call, const Tested& tested) {
    query_.after = call.id;
    progress_.set_calls(progress_.calls() + 1);
    progress_.set_bytes(progress_.bytes() + tested.bytes);
    SetTime(call.start, progress_.mutable_reached());
    if (tested.outcome == Outcome::kUnreadable) progress_.set_unreadable(progress_.unreadable() + 1);
    if (tested.outcome != Outcome::kMatches) return absl::OkStatus();
    ++found_;
    v1::ScanCallsResponse response;
    *response.mutable_call() = ToMessage(call);
    return said_(response);
  }

  absl::Status TellProgress() {
    const Clock::time_point now = Clock::now();
    if (now < next_progress_) return absl::OkStatus();
    next_progress_ = now + absl::ToChronoNanoseconds(kBetweenProgress);
    v1::ScanCallsResponse response;
    *response.mutable_progress() = progress_;
    return said_(response);
  }

  absl::Status Finish(bool more) {
    v1::ScanCallsResponse response;
    progress_.set_done(true);
    if (more) progress_.set_next_page_token(recorder::FormatId(query_.after.value_or(0)));
    *response.mutable_progress() = progress_;
    return said_(response);
  }

  CallStore& store_;
  CallQuestion& question_;
  recorder::CallQuery query_;
  const size_t most_;  // found calls; 0: any number
  const std::stop_token stop_;
  const CallSource::ScanReceiver said_;
  Clock::time_point next_progress_;
  size_t found_ = 0;
  v1::ScanProgress progress_;
  std::vector<recorder::CallSummary> batch_;
  Testers testers_;  // which read the batch
};

absl::Status CheckAnswerable(const v1::Filter& filter) {
  if (filter.caller_kind() != v1::CALLER_KIND_UNSPECIFIED) {
    return absl::InvalidArgumentError(
        "filter.caller_kind: the record does not say whether a token came from a person's log-in; ask for `identity`");
  }
  if (!filter.accessed_by().empty()) {
    return absl::InvalidArgumentError("filter.accessed_by: it does not go with text, where or correlation");
  }
  return absl::OkStatus();
}

}  // namespace

bool NeedsScan(const v1::Filter& filter) {
  return !filter.text().empty() || !filter.where().empty() || !filter.correlation().empty() ||
         filter.caller_kind() != v1::CALLER_KIND_UNSPECIFIED;
}

absl::Status ScanCalls(CallStore& store, const v1::SearchCallsRequest& request, const ScanOptions& options,
                       std::stop_token stop, CallSource::ScanReceiver said) {
  if (absl::Status status = CheckAnswerable(request.filter()); !status.ok()) return status;
  absl::StatusOr<recorder::CallQuery> query = ToQuery(request);
  if (!query.ok()) return query.status();
  query->scope = options.scope;
  const absl::StatusOr<std::unique_ptr<CallQuestion>> question =
      CallQuestion::Create(request.filter(), options, &store.descriptors());
  if (!question.ok()) return question.status();
  const size_t most = request.page_size() > 0 ? static_cast<size_t>(request.page_size()) : 0;
  return Scan(&store, question->get(), options, *std::move(query), most, std::move(stop), said).Run();
}

absl::StatusOr<v1::SearchCallsResponse> ScanPage(CallStore& store, const v1::SearchCallsRequest& request,
                                                 const ScanOptions& options, std::stop_token stop) {
  if (request.count() != v1::COUNT_MODE_NONE) {
    return absl::InvalidArgumentError("count: calls that are looked into are not counted; count them with ScanCalls");
  }
  v1::SearchCallsRequest bounded = request;
  const absl::StatusOr<recorder::CallQuery> query = ToQuery(request);
  if (!query.ok()) return query.status();
  bounded.set_page_size(query->limit);
  v1::SearchCallsResponse page;
  const absl::Status status =
      ScanCalls(store, bounded, options, std::move(stop), [&](const v1::ScanCallsResponse& said) {
        if (said.has_call()) *page.add_calls() = said.call();
        if (said.has_progress() && said.progress().done()) {
          page.set_next_page_token(said.progress().next_page_token());
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return page;
}

}  // namespace sallyport::replay
