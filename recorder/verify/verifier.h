// Recomputes everything a store promises from its bytes.
#ifndef SALLYPORT_RECORDER_VERIFY_VERIFIER_H_
#define SALLYPORT_RECORDER_VERIFY_VERIFIER_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_secrets.h"
#include "recorder/verify/stated_call.h"

namespace sallyport::recorder {

// Something the verifier met.
struct Finding {
  enum class Weight {
    kNote,   // worth knowing, and nothing wrong: bytes of a block that was being written
    kError,  // the store is not what it promises
  };
  Weight weight = Weight::kError;
  std::string file;      // under the data directory
  uint64_t segment = 0;  // 0 where it is about no segment
  uint64_t offset = 0;   // of the first bad byte in the file
  uint64_t length = 0;   // it is among so many; 0 where no byte can be named
  std::string text;

  // One line for people: file, place and what is wrong.
  std::string Line() const;
};

struct VerifyProgress {
  uint64_t bytes_done = 0;
  uint64_t bytes_total = 0;
};

// The index, as far as the verifier looks at it. An interface, so that tests can put rows before it that no index
// holds.
class IndexedCalls {
 public:
  struct Row {
    uint64_t id = 0;
    Position last;      // the last block that holds entries of the call
    bool open = false;  // then `last` may be an earlier one of its blocks
    // Where names can be read: what the row says of the call.
    std::optional<StatedCall> stated;
  };
  virtual ~IndexedCalls() = default;
  // The first block it does not know.
  virtual Position end() const = 0;
  // Every row, in the order of ids; stops at the first error that `row` returns.
  virtual absl::Status ForEach(const std::function<absl::Status(const Row&)>& row) = 0;
};

struct VerifyOptions {
  std::string directory;
  // Opens the blocks too; null: only what needs no key is checked. Must outlive the verification.
  StoreSecrets* keys = nullptr;
  // In place of the store's own index. Must outlive the verification.
  IndexedCalls* index = nullptr;
  // The key whose signature the checkpoint must bear, as a C2SP verifier key. Empty: the store's own.
  std::string verifier_key;
  // A checkpoint seen earlier (a signed note): the log must extend it. Empty: none.
  std::string against;
  int jobs = 1;  // threads
  size_t max_findings = 100;
  // Called from time to time, by one thread at a time. May be empty.
  std::function<void(const VerifyProgress&)> progress;
  // Asked before each segment, by any thread: true ends it with CANCELLED. May be empty.
  std::function<bool()> stopped;
};

struct VerifyReport {
  std::vector<Finding> findings;  // in the order of the log; at most max_findings
  uint64_t findings_left_out = 0;

  StoreId store_id = {};
  uint64_t segments = 0;
  uint64_t deleted_segments = 0;  // that the last tombstone accounts for
  // Only counted with keys: whose key was destroyed, and whose key is missing though nothing says so.
  uint64_t shredded_segments = 0;
  uint64_t segments_without_key = 0;
  uint64_t blocks = 0;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t calls = 0;          // opened whole, with keys
  uint64_t opened_blocks = 0;  // with keys
  uint64_t leaves = 0;
  std::optional<Hash> root;  // of the tree over all leaves, where it could be computed

  bool has_checkpoint = false;
  std::string checkpoint_origin;
  uint64_t checkpoint_size = 0;
  std::string checkpoint_key;  // the verifier key its signature was checked with
  bool key_was_given = false;  // rather than the store's own
  bool against_holds = false;
  uint64_t against_size = 0;
  bool index_checked = false;

  uint64_t log_errors = 0;    // found, listed or not, in the log and what proves it
  uint64_t index_errors = 0;  // in the index, which can be made again from the log

  bool verified() const { return log_errors == 0 && index_errors == 0; }
};

// Errors are what kept it from being done: NOT_FOUND if there is no store, PERMISSION_DENIED, INVALID_ARGUMENT for an
// unreadable key or checkpoint to compare with. What is wrong with the store is in the report.
absl::StatusOr<VerifyReport> VerifyStore(const VerifyOptions& options);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_VERIFIER_H_
