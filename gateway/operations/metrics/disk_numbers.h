// What a data directory takes, and what is left around it.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_METRICS_DISK_NUMBERS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_METRICS_DISK_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sallyport::gateway {

struct DiskNumbers {
  struct Part {
    std::string name;    // of the directory or file in the data directory
    uint64_t bytes = 0;  // on disk, of all that is in it
  };
  std::vector<Part> parts;  // by name
  // Of the file system that the data directory is on; nothing where it cannot be told.
  std::optional<uint64_t> free;  // for whom the gateway runs as
  std::optional<uint64_t> size;
};

// Looks at every file: some milliseconds for a log of a terabyte. What cannot be looked at counts as nothing, for it
// may have been deleted just now.
DiskNumbers ReadDiskNumbers(const std::string& data_directory);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_METRICS_DISK_NUMBERS_H_
