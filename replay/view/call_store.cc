#include "replay/view/call_store.h"

#include <utility>

#include "recorder/format/store_check.h"
#include "recorder/system/file.h"

namespace sallyport::replay {

using recorder::RecordReader;
using recorder::StoreKeys;

absl::StatusOr<std::unique_ptr<CallStore>> CallStore::Open(const std::string& directory,
                                                           const std::optional<recorder::KeySource>& keys) {
  const recorder::StoreLayout layout(directory);
  if (absl::Status status = recorder::CheckStore(layout); !status.ok()) return status;
  absl::StatusOr<std::unique_ptr<StoreKeys>> opened = StoreKeys::Open(layout, keys);
  if (!opened.ok()) return opened.status();
  std::unique_ptr<CallStore> store(new CallStore(layout, *std::move(opened)));
  // What keeps it from being read is said now.
  if (absl::Status status = store->Borrow().status(); !status.ok()) return status;
  return store;
}

CallStore::CallStore(const recorder::StoreLayout& layout, std::shared_ptr<StoreKeys> keys)
    : layout_(layout),
      keys_(std::move(keys)),
      descriptors_([this](const std::string& version) -> absl::StatusOr<std::string> {
        absl::StatusOr<Reader> reader = Borrow();
        return reader.ok() ? (*reader)->Descriptors(version) : reader.status();
      }) {}

absl::StatusOr<CallStore::Reader> CallStore::Borrow() {
  while (std::unique_ptr<RecordReader> reader = TakeFree()) {
    if (reader->IsCurrent()) return Reader(this, std::move(reader));
  }
  absl::StatusOr<std::unique_ptr<RecordReader>> opened = RecordReader::Open(layout_.directory(), keys_);
  if (!opened.ok()) return opened.status();
  const absl::Status health = (*opened)->LogHealth();
  if (!health.ok()) {
    const std::lock_guard lock(mutex_);
    log_health_.Update(health);
  }
  return Reader(this, *std::move(opened));
}

std::unique_ptr<RecordReader> CallStore::TakeFree() {
  const std::lock_guard lock(mutex_);
  if (free_.empty()) return nullptr;
  std::unique_ptr<RecordReader> reader = std::move(free_.back());
  free_.pop_back();
  return reader;
}

void CallStore::TakeBack(std::unique_ptr<RecordReader> reader) {
  const std::lock_guard lock(mutex_);
  if (free_.size() < kMostFree) free_.push_back(std::move(reader));
}

absl::Status CallStore::LogHealth() const {
  const std::lock_guard lock(mutex_);
  return log_health_;
}

const LogWatch& CallStore::watch() {
  const std::lock_guard lock(mutex_);
  if (watch_ == nullptr) watch_ = std::make_unique<const LogWatch>(layout_);
  return *watch_;
}

std::shared_ptr<TailHub> CallStore::TailHubOr(absl::FunctionRef<std::shared_ptr<TailHub>()> make) {
  const std::lock_guard lock(tail_hub_mutex_);
  std::shared_ptr<TailHub> hub = tail_hub_.lock();
  if (hub == nullptr) {
    hub = make();
    tail_hub_ = hub;
  }
  return hub;
}

}  // namespace sallyport::replay
