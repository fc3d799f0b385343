#include "gateway/listener/memory_budget.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

// mimalloc's, where the program is linked with it.
extern "C" void mi_collect(bool force) __attribute__((weak));

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kGiveBackInterval = absl::Seconds(1);

// One number of a file; nothing if there is none ("max").
uint64_t NumberIn(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  uint64_t number = 0;
  return file >> word && absl::SimpleAtoi(word, &number) ? number : std::numeric_limits<uint64_t>::max();
}

// The least limit of the process's control group and those above it, of version 2 or 1.
uint64_t GroupBytes() {
  uint64_t least = std::numeric_limits<uint64_t>::max();
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const size_t path_at = line.rfind(':');
    if (path_at == std::string::npos) continue;
    const bool second = absl::StartsWith(line, "0::");
    if (!second && !absl::StrContains(line, ":memory:")) continue;
    const std::string root = second ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    const char* const file = second ? "/memory.max" : "/memory.limit_in_bytes";
    for (std::string path = line.substr(path_at + 1);; path.resize(path.rfind('/'))) {
      least = std::min(least, NumberIn(absl::StrCat(root, path == "/" ? "" : path, file)));
      if (path.empty() || path == "/" || path.rfind('/') == std::string::npos) break;
    }
  }
  return least;
}

void GiveBackFreeMemory() {
  if (mi_collect != nullptr) {
    mi_collect(true);
  } else {
    malloc_trim(0);
  }
}

// Whoever gets true does it; the others go on.
bool IsMyTurn(std::atomic<int64_t>& next, absl::Time now, absl::Duration interval) {
  int64_t due = next.load(std::memory_order_relaxed);
  const int64_t time = absl::ToUnixNanos(now);
  return time >= due &&
         next.compare_exchange_strong(due, time + absl::ToInt64Nanoseconds(interval), std::memory_order_relaxed);
}

}  // namespace

MemoryBudget::MemoryBudget(uint64_t bytes) : MemoryBudget(bytes, ResidentBytes, GiveBackFreeMemory) {}

bool MemoryBudget::Full(absl::Time now) {
  if (IsMyTurn(next_read_, now, kReadInterval)) {
    last_resident_.store(resident_(), std::memory_order_relaxed);
    if (Over() && IsMyTurn(next_give_back_, now, kGiveBackInterval)) {
      give_back_();
      last_resident_.store(resident_(), std::memory_order_relaxed);
    }
  }
  return Over();
}

uint64_t ResidentBytes() {
  const int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[128] = {};
  const ssize_t size = read(file, text, sizeof text - 1);
  close(file);
  if (size <= 0) return 0;
  std::istringstream words(text);
  uint64_t all = 0, resident = 0;
  words >> all >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

uint64_t DefaultMemoryBytes() {
  const uint64_t machine =
      static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  return std::min(machine, GroupBytes()) / 4 * 3;
}

}  // namespace sallyport::gateway
