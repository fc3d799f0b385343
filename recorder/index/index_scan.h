// The whole index, row by row, for whoever compares it with the log.
#ifndef SALLYPORT_RECORDER_INDEX_INDEX_SCAN_H_
#define SALLYPORT_RECORDER_INDEX_INDEX_SCAN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/database.h"
#include "recorder/index/name_reader.h"
#include "recorder/index/name_sealer.h"
#include "recorder/log/log_format.h"
#include "recorder/record_reader.h"

namespace sallyport::recorder {

// One state of the index, also while a gateway goes on writing it. Needs no key, but for names. Not thread-safe.
class IndexScan {
 public:
  // `sealer` may be null. NOT_FOUND if there is no index, DATA_LOSS if it is damaged or of another version, or of
  // another store than `sealer`.
  static absl::StatusOr<std::unique_ptr<IndexScan>> Open(const std::string& path, Database::Mode mode,
                                                         std::shared_ptr<const NameSealer> sealer);

  // The first block that the index does not know, and up to where the last blocks of open calls are exact.
  Position position() const { return position_; }
  Position positions_exact_to() const { return positions_exact_to_; }

  struct Row {
    uint64_t id = 0;
    Position last;  // the last block with entries of the call; of an open one it may be an earlier one
    bool ended = false;
    bool shredded = false;
    std::optional<CallSummary> summary;  // with a sealer; calls without an end are open in it
  };
  // Every row, in order of ids, until `row` returns an error, which is then returned. Each time the same ones.
  absl::Status ForEachCall(absl::FunctionRef<absl::Status(const Row&)> row);

 private:
  IndexScan(std::shared_ptr<const NameSealer> sealer, std::unique_ptr<Database> database)
      : sealer_(std::move(sealer)), database_(std::move(database)) {}

  const std::shared_ptr<const NameSealer> sealer_;
  std::unique_ptr<Database> database_;
  std::optional<NameReader> names_;
  Position position_;
  Position positions_exact_to_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_INDEX_SCAN_H_
