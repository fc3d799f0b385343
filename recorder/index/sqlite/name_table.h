// Numbers for names that many calls share.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_NAME_TABLE_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_NAME_TABLE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/crypto/text.h"
#include "recorder/format/name_sealer.h"
#include "recorder/sqlite/database.h"

namespace sallyport::recorder {

// The table `names`, written: each name sealed, with how often rows use it. A bounded number of names is remembered in
// the clear, in memory only. Not thread-safe.
class NameTable {
 public:
  // `database` and `sealer` must outlive it.
  static absl::StatusOr<NameTable> Create(Database& database, const NameSealer& sealer);

  // The number of a name, which is added if it is new; 0 for the empty one.
  absl::StatusOr<int64_t> Id(NameKind kind, std::string_view name);
  // One more, or one less, row uses it. 0 is no name.
  void Use(int64_t id) { ++uses_[id]; }
  void Release(int64_t id) { --uses_[id]; }
  // Writes the uses, and removes the names that no row uses any more.
  absl::Status Write();

 private:
  // Peers and session names can be without number; the rest stays far below this.
  static constexpr size_t kRemembered = 16384;

  NameTable(Database& database, const NameSealer& sealer) : database_(&database), sealer_(&sealer) {}

  Database* database_;
  const NameSealer* sealer_;
  Statement find_;
  Statement insert_;
  Statement add_uses_;
  Statement remove_;
  std::array<TextMap<int64_t>, 6> remembered_;  // by kind
  absl::flat_hash_map<int64_t, int64_t> uses_;  // what is to be added to those in the table
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_NAME_TABLE_H_
