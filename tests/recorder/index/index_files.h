// What is in an index's files.
#ifndef SALLYPORT_TESTS_RECORDER_INDEX_INDEX_FILES_H_
#define SALLYPORT_TESTS_RECORDER_INDEX_INDEX_FILES_H_

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>

#include "recorder/index/sqlite/sqlite_index.h"
#include "tests/recorder/fixed_sealer.h"
#include "tests/recorder/index/log_model.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {

// All bytes of an index's files.
inline std::string FileBytes(const std::string& path) {
  std::string bytes;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    std::ifstream file(path + suffix, std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  return bytes;
}

// What an index made from what is left of a log says.
inline std::string RebuiltDump(LogModel& log) {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/rebuilt.db";
  {
    auto index = SqliteIndex::Open(path, FixedSealer(), SqliteIndex::Purpose::kRebuild);
    REQUIRE(index.ok());
    log.Feed(**index);
    REQUIRE((*index)->FinishRebuild() == absl::OkStatus());
  }
  return DumpIndexFile(path);
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_INDEX_INDEX_FILES_H_
