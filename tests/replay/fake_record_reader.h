// A store in memory.
#ifndef SALLYPORT_TESTS_REPLAY_FAKE_RECORD_READER_H_
#define SALLYPORT_TESTS_REPLAY_FAKE_RECORD_READER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "recorder/record_reader.h"
#include "replay/replayer/recorded_call.h"
#include "tests/replay/record_builder.h"

namespace sallyport::replay {

// Knows calls by id; has no index. Not thread-safe.
class FakeRecordReader final : public recorder::RecordReader {
 public:
  void Add(const RecordBuilder& call) { calls_[call.id()] = call.entries(); }

  absl::Status ReadCall(uint64_t id, absl::FunctionRef<absl::Status(const v1::Entry&)> entry) override {
    const auto found = calls_.find(id);
    if (found == calls_.end()) return absl::NotFoundError("there is no such call");
    for (const v1::Entry& each : found->second) {
      if (absl::Status status = entry(each); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<recorder::CallSummary>> Calls(const recorder::CallQuery&) override { return NoIndex(); }
  absl::StatusOr<std::vector<recorder::SessionSummary>> Sessions(const recorder::SessionQuery&) override {
    return NoIndex();
  }
  absl::StatusOr<recorder::CallSummary> Call(uint64_t) override { return NoIndex(); }
  absl::StatusOr<std::string> Descriptors(std::string_view) override { return NoIndex(); }
  absl::StatusOr<std::unique_ptr<recorder::LogFollower>> Follow() override { return NoIndex(); }

 private:
  static absl::Status NoIndex() { return absl::UnimplementedError("the fake store has entries only"); }

  std::map<uint64_t, std::vector<v1::Entry>> calls_;
};

// A call loaded from its record, which must be whole.
inline RecordedCall LoadWhole(const RecordBuilder& builder) {
  FakeRecordReader reader;
  reader.Add(builder);
  return LoadRecordedCall(reader, builder.id()).value();
}

}  // namespace sallyport::replay

#endif  // SALLYPORT_TESTS_REPLAY_FAKE_RECORD_READER_H_
