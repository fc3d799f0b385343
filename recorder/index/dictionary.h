// Numbers for names that many calls share.
#ifndef SALLYPORT_RECORDER_INDEX_DICTIONARY_H_
#define SALLYPORT_RECORDER_INDEX_DICTIONARY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "recorder/index/database.h"
#include "recorder/text.h"

namespace sallyport::recorder {

// One dictionary table of the index, with a bounded number of its names in memory. Not thread-safe.
class Dictionary {
 public:
  static absl::StatusOr<Dictionary> Create(Database& database, const std::string& table);

  // The number of a name, which is added if it is new.
  absl::StatusOr<int64_t> Id(std::string_view name);
  // Forgets what is in memory: after a rollback.
  void Clear() { remembered_.clear(); }

 private:
  static constexpr size_t kRemembered = 16384;

  Dictionary(Database& database, Statement find, Statement insert)
      : database_(&database), find_(std::move(find)), insert_(std::move(insert)) {}

  Database* database_;
  Statement find_;
  Statement insert_;
  TextMap<int64_t> remembered_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_DICTIONARY_H_
