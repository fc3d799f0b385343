#include "gateway/operations/metrics/process_numbers.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace sallyport::gateway {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

std::string FirstLine(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// proc(5): the boot, in seconds since the epoch.
double BootSeconds() {
  std::ifstream file("/proc/stat");
  std::string line;
  while (std::getline(file, line)) {
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    double seconds = 0;
    if (words.size() == 2 && words[0] == "btime" && absl::SimpleAtod(words[1], &seconds)) return seconds;
  }
  return 0;
}

// proc(5): starttime is the 22nd field. The second one is a name in parentheses that may hold anything.
double StartSeconds() {
  const std::string line = FirstLine("/proc/self/stat");
  const size_t name_end = line.rfind(')');
  if (name_end == std::string::npos || name_end + 2 > line.size()) return 0;
  const std::vector<std::string> fields = absl::StrSplit(line.substr(name_end + 2), ' ');
  constexpr size_t kStartTime = 22 - 3;
  double ticks = 0;
  if (fields.size() <= kStartTime || !absl::SimpleAtod(fields[kStartTime], &ticks)) return 0;
  return BootSeconds() + ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

ProcessNumbers ReadProcessNumbers() {
  ProcessNumbers numbers;
  rusage usage = {};
  if (getrusage(RUSAGE_SELF, &usage) == 0) numbers.cpu_seconds = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  const std::vector<std::string> memory = absl::StrSplit(FirstLine("/proc/self/statm"), ' ');
  uint64_t pages = 0;
  if (memory.size() > 1 && absl::SimpleAtoi(memory[1], &pages)) {
    numbers.resident_bytes = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  }
  std::error_code error;
  std::filesystem::directory_iterator entry("/proc/self/fd", error);
  for (const std::filesystem::directory_iterator end; !error && entry != end; entry.increment(error)) {
    ++numbers.open_descriptors;
  }
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) numbers.most_descriptors = limit.rlim_cur;
  static const double start_seconds = StartSeconds();
  numbers.start_seconds = start_seconds;
  return numbers;
}

}  // namespace sallyport::gateway
