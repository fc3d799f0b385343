#include "gateway/listener/descriptor_limit.h"

#include <sys/resource.h>

#include <algorithm>

namespace sallyport::gateway {
namespace {

constexpr size_t kLeastReserve = 32;
constexpr size_t kUnknownLimit = 1024;
// Beyond, tables that the kernel and libraries keep by descriptor cost more than they are good for.
constexpr rlim_t kMostUseful = 1 << 20;

}  // namespace

size_t RaiseDescriptorLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return kUnknownLimit;
  const rlim_t most = std::min(limit.rlim_max, kMostUseful);
  if (limit.rlim_cur < most) {
    rlimit raised = limit;
    raised.rlim_cur = most;
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return static_cast<size_t>(std::min(limit.rlim_cur, kMostUseful));
}

size_t DescriptorsForConnections(size_t limit) {
  const size_t reserve = std::max(kLeastReserve, limit / 8);
  return limit > reserve ? limit - reserve : 0;
}

}  // namespace sallyport::gateway
