// The index's names, opened.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_NAME_READER_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_NAME_READER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "recorder/format/name_sealer.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// The table `names`, read. Remembers a bounded number of names in the clear. Not thread-safe.
class NameReader {
 public:
  // `database` and `sealer` must outlive it.
  static absl::StatusOr<NameReader> Create(Database& database, const NameSealer& sealer);

  // The name of a number; 0 has the empty one. DATA_LOSS if there is none, or its bytes do not open.
  absl::StatusOr<std::string> Name(int64_t id);
  // The numbers of the names that a pattern matches, in order. Nothing if the pattern is empty or `*`, which match all.
  absl::StatusOr<std::optional<std::vector<int64_t>>> Matching(NameKind kind, const std::string& pattern);
  // The numbers of the names that one of the patterns matches, in order; an empty pattern matches the empty name alone.
  // Nothing if one of them is `*`, which matches all.
  absl::StatusOr<std::optional<std::vector<int64_t>>> MatchingAny(NameKind kind,
                                                                  const std::vector<std::string>& patterns);
  // The number of just this name. Nothing if the index does not know it.
  absl::StatusOr<std::optional<int64_t>> Number(NameKind kind, const std::string& name);

 private:
  static constexpr size_t kRemembered = 65536;

  NameReader(Database& database, const NameSealer& sealer) : database_(&database), sealer_(&sealer) {}

  // The numbers of all names of a kind, in order, that of the empty one too.
  absl::StatusOr<std::vector<int64_t>> All(NameKind kind);

  Database* database_;
  const NameSealer* sealer_;
  Statement select_;
  Statement find_;
  Statement select_all_;
  absl::flat_hash_map<int64_t, std::string> remembered_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_NAME_READER_H_
