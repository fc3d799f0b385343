// Where detectors found something, so that somebody can say of those fields what they hold.
#ifndef SALLYPORT_POLICY_MASKING_DETECTION_COUNTS_H_
#define SALLYPORT_POLICY_MASKING_DETECTION_COUNTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace sallyport::policy {

// Thread-safe. Holds no values, and of places no more than kMostPlaces; further ones count as kElsewhere, as do places
// with names that are longer than kLongestPlace, which upstreams choose.
class DetectionCounts {
 public:
  static constexpr size_t kMostPlaces = 10'000;
  static constexpr size_t kLongestPlace = 512;
  static constexpr char kElsewhere[] = "(elsewhere)";
  // Places that are no fields.
  static constexpr char kMetadata[] = "(metadata)";
  static constexpr char kStatusMessage[] = "(status message)";

  struct Count {
    std::string place;  // a field's full name, or one of the above
    std::string detector;
    uint64_t finds = 0;
  };

  void Add(std::string_view place, std::string_view detector, uint64_t finds);
  // By place, then by detector.
  std::vector<Count> Read() const;

 private:
  mutable absl::Mutex mutex_;
  std::map<std::pair<std::string, std::string>, uint64_t> counts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_DETECTION_COUNTS_H_
