// What the recorder's tests share.
#ifndef SALLYPORT_TESTS_RECORDER_STORE_FIXTURE_H_
#define SALLYPORT_TESTS_RECORDER_STORE_FIXTURE_H_

#include <stdlib.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "recorder/format/entry_batch.h"
#include "recorder/record_reader.h"
#include "recorder/recorder.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// A directory that is removed in the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "recorder-test-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  // Of a store within it.
  std::string store() const { return path_ + "/store"; }

 private:
  std::string path_;
};

// Waits until it is told, which must not take long.
class BlockingWaiter : public AppendWaiter {
 public:
  void OnAppended(Appended outcome) override {
    std::lock_guard lock(mutex_);
    outcome_ = outcome;
    ++told_;
    changed_.notify_all();
  }
  absl::Status Wait() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, kLongest, [&] { return told_ > 0; })) {
      return absl::DeadlineExceededError("nobody told the waiter");
    }
    if (outcome_ == Appended::kDone) return absl::OkStatus();
    return outcome_ == Appended::kNoSpace ? absl::ResourceExhaustedError("told that there is no space")
                                          : absl::InternalError("told that the log cannot be written");
  }
  int told() {
    std::lock_guard lock(mutex_);
    return told_;
  }

 private:
  static constexpr std::chrono::minutes kLongest{2};

  std::mutex mutex_;
  std::condition_variable changed_;
  Appended outcome_ = Appended::kPending;
  int told_ = 0;
};

inline CallStart StartOf(std::string_view method, std::string_view upstream = "payments", uint64_t session_id = 7) {
  CallStart start;
  start.method = method;
  start.authority = "example.test";
  start.peer = "ipv4:10.0.0.7:51514";
  start.identity = {"https://idp.test", "alice", {}, 1};
  start.session_id = session_id;
  start.upstream = upstream;
  return start;
}

// A whole unary call as a batch of its own.
inline EntryBatch UnaryCall(Recorder& recorder, uint64_t id, absl::Time time, std::string_view method,
                            int status_code = 0) {
  EntryBatch batch = recorder.NewBatch(id);
  batch.AddStart(time, StartOf(method));
  const std::string_view request = "request bytes";
  const std::string_view response = "response bytes!";
  batch.AddFrame(time, Direction::kRequest, 0, false, {request});
  batch.AddHalfClose(time);
  batch.AddResponseHeaders(time, {}, "");
  batch.AddFrame(time, Direction::kResponse, 0, false, {response});
  CallEnd end;
  end.status_code = status_code;
  end.request_frames = 1;
  end.response_frames = 1;
  end.request_bytes = request.size();
  end.response_bytes = response.size();
  end.duration = absl::Milliseconds(3);
  batch.AddEnd(time + end.duration, end);
  return batch;
}

// Appends and waits for the sync. Where the log cannot be written, what the recorder says of it.
inline absl::Status AppendDurably(Recorder& recorder, EntryBatch batch) {
  BlockingWaiter waiter;
  switch (recorder.Append(std::move(batch), Until::kDurable, &waiter)) {
    case Appended::kDone:
      return absl::OkStatus();
    case Appended::kPending:
      if (const absl::Status told = waiter.Wait(); !absl::IsInternal(told)) return told;
      break;
    case Appended::kNoSpace:
    case Appended::kFailed:
      break;
  }
  return recorder.Health();
}

inline std::vector<v1::Entry> EntriesOf(RecordReader& reader, uint64_t id) {
  std::vector<v1::Entry> entries;
  const absl::Status status = reader.ReadCall(id, [&](const v1::Entry& entry) {
    entries.push_back(entry);
    return absl::OkStatus();
  });
  if (!status.ok()) entries.clear();
  return entries;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_STORE_FIXTURE_H_
