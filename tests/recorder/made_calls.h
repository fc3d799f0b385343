// Calls made up for large stores: the same ones for the same options.
#ifndef SALLYPORT_TESTS_RECORDER_MADE_CALLS_H_
#define SALLYPORT_TESTS_RECORDER_MADE_CALLS_H_

#include <cstdint>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "recorder/format/entry_batch.h"
#include "recorder/format/log_format.h"

namespace sallyport::recorder {

struct MadeCallOptions {
  uint64_t calls = 10'000'000;
  int identities = 200;
  int methods = 300;
  int upstreams = 20;
  int days = 30;             // over which the calls are spread
  size_t payload_bytes = 0;  // of the one request and the one response frame; none if 0
  uint32_t seed = 1;
};

// What a call is made of. A value.
struct MadeCall {
  uint64_t id = 0;
  int identity = 0;
  int method = 0;
  int upstream = 0;
  uint64_t session = 0;
  int port = 0;
  absl::Time start;
  absl::Duration duration;
  int status = 0;
  bool open = false;  // never ends
};

// Makes calls one after another by start: identities and methods with Zipf-like popularity, two sessions of each
// identity a day, one call in twenty fails, one in five hundred takes seconds to hours, one in a hundred thousand never
// ends. Identity 1 never calls method 1, and all calls of identity 2 fail, so that there are searches for much that
// find nothing. Not thread-safe.
class CallMaker {
 public:
  explicit CallMaker(const MadeCallOptions& options);

  // Nothing after the last.
  std::optional<MadeCall> Next();

  static absl::Time Begin() { return absl::FromUnixSeconds(1'700'000'000); }
  std::string Identity(int number) const;  // as the index shows it
  std::string Method(int number) const;
  std::string Upstream(int number) const;
  // Appends the entries up to the end, and those of the end.
  void AddStart(const MadeCall& call, EntryBatch& batch) const;
  void AddEnd(const MadeCall& call, EntryBatch& batch) const;

  const MadeCallOptions& options() const { return options_; }
  // Chooses as the calls do.
  int RandomIdentity();
  int RandomMethod();
  std::mt19937_64& random() { return random_; }

 private:
  const MadeCallOptions options_;
  std::mt19937_64 random_;
  std::vector<double> identity_weights_;  // cumulative
  std::vector<double> method_weights_;
  std::string payload_;
  uint64_t made_ = 0;
  uint64_t last_id_ = 0;
};

// A block as the log hands it to the index, without there being a log.
struct MadeBlock {
  Position position;
  Position end;
  uint64_t next_sequence = 1;
  std::vector<DirectoryEntry> directory;
  std::string body;
};

// Groups calls into blocks. Ends of calls that take long come in later blocks. Not thread-safe.
class BlockMaker {
 public:
  BlockMaker(const MadeCallOptions& options, int calls_per_block, uint64_t segment_bytes = 256 << 20)
      : calls_(options), calls_per_block_(calls_per_block), segment_bytes_(segment_bytes) {}

  // False after the last.
  bool Next(MadeBlock& block);
  CallMaker& calls() { return calls_; }

 private:
  struct Ending {
    absl::Time time;
    MadeCall call;
    friend bool operator<(const Ending& a, const Ending& b) { return a.time > b.time; }
  };

  void Add(MadeBlock& block, EntryBatch batch, bool ends);

  CallMaker calls_;
  const int calls_per_block_;
  const uint64_t segment_bytes_;
  Position next_{1, kSegmentHeaderSize};
  uint64_t next_sequence_ = 1;
  std::priority_queue<Ending> endings_;
  absl::flat_hash_map<uint64_t, Position> last_blocks_;  // of calls that are open
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_MADE_CALLS_H_
