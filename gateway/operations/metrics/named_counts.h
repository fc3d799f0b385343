// Counts by names that come from settings.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_METRICS_NAMED_COUNTS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_METRICS_NAMED_COUNTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {

// Counts for pairs of names, no more than kMost pairs: further ones count under kElsewhere. For what happens to few
// calls, as it takes a lock. Thread-safe.
class NamedCounts {
 public:
  static constexpr size_t kMost = 1000;
  // A longer name counts under kElsewhere, too.
  static constexpr size_t kLongest = 256;
  static constexpr char kElsewhere[] = "(others)";

  struct Count {
    std::string first;
    std::string second;
    uint64_t count = 0;
  };

  void Add(std::string_view first, std::string_view second = "");
  // In the order of the names.
  std::vector<Count> Read() const;

 private:
  using Names = std::pair<std::string, std::string>;
  // So that a pair of views finds its count.
  struct Less {
    using is_transparent = void;
    template <typename One, typename Other>
    bool operator()(const One& a, const Other& b) const {
      return std::pair<std::string_view, std::string_view>(a.first, a.second) <
             std::pair<std::string_view, std::string_view>(b.first, b.second);
    }
  };

  mutable absl::Mutex mutex_;
  std::map<Names, uint64_t, Less> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_METRICS_NAMED_COUNTS_H_
