// A data directory, opened once for any number of readers.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_STORE_H_
#define SALLYPORT_REPLAY_VIEW_CALL_STORE_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/format/store_layout.h"
#include "recorder/keys/key_source.h"
#include "recorder/keys/store_keys.h"
#include "recorder/record_reader.h"
#include "replay/view/log_watch.h"
#include "replay/view/stored_descriptors.h"

namespace sallyport::replay {

class TailHub;  // tail_hub.h

// What readers of one store share: its keys, which are opened once, readers that are free, the descriptor sets that
// were read, and a watch over the log. Thread-safe, also while a gateway writes the store. Must outlive what it lends.
class CallStore {
 public:
  // A reader for one thread, until it goes out of scope.
  class Reader {
   public:
    Reader(CallStore* store, std::unique_ptr<recorder::RecordReader> reader)
        : store_(store), reader_(std::move(reader)) {}
    Reader(Reader&&) = default;
    ~Reader() {
      if (reader_ != nullptr) store_->TakeBack(std::move(reader_));
    }
    recorder::RecordReader* operator->() const { return reader_.get(); }
    // Hands on what an action of the reader said. A reader that met damage is not used again: what it has open may
    // have been replaced meanwhile.
    absl::Status Checked(absl::Status status) {
      if (absl::IsDataLoss(status) || absl::IsInternal(status)) reader_.reset();
      return status;
    }

   private:
    CallStore* store_;
    std::unique_ptr<recorder::RecordReader> reader_;
  };

  // Errors are those of recorder::RecordReader::Open.
  static absl::StatusOr<std::unique_ptr<CallStore>> Open(const std::string& directory,
                                                         const std::optional<recorder::KeySource>& keys);
  CallStore(const CallStore&) = delete;
  CallStore& operator=(const CallStore&) = delete;

  const recorder::StoreLayout& layout() const { return layout_; }
  recorder::StoreKeys& keys() { return *keys_; }
  StoredDescriptors& descriptors() { return descriptors_; }

  // A free reader whose index is still in its place, or one more. Who waits for something slow while it holds one holds
  // nobody up.
  absl::StatusOr<Reader> Borrow();
  // The first damage that any reader met while it brought the index up to date.
  absl::Status LogHealth() const;
  // Begins to watch when it is first asked for.
  const LogWatch& watch();
  // For TailHub::Of: the one that somebody has, or what `make` gives.
  std::shared_ptr<TailHub> TailHubOr(absl::FunctionRef<std::shared_ptr<TailHub>()> make);

 private:
  // Free readers keep files open.
  static constexpr size_t kMostFree = 8;

  CallStore(const recorder::StoreLayout& layout, std::shared_ptr<recorder::StoreKeys> keys);

  // Null if none is free.
  std::unique_ptr<recorder::RecordReader> TakeFree();
  void TakeBack(std::unique_ptr<recorder::RecordReader> reader);

  const recorder::StoreLayout layout_;
  const std::shared_ptr<recorder::StoreKeys> keys_;
  StoredDescriptors descriptors_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<recorder::RecordReader>> free_ ABSL_GUARDED_BY(mutex_);
  absl::Status log_health_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<const LogWatch> watch_ ABSL_GUARDED_BY(mutex_);  // null at first
  std::mutex tail_hub_mutex_;
  std::weak_ptr<TailHub> tail_hub_ ABSL_GUARDED_BY(tail_hub_mutex_);
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_STORE_H_
