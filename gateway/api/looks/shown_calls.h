// Which calls a look has shown.
#ifndef SALLYPORT_GATEWAY_API_LOOKS_SHOWN_CALLS_H_
#define SALLYPORT_GATEWAY_API_LOOKS_SHOWN_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string_view>

#include "sallyport/v1/record.pb.h"

namespace sallyport::gateway {

// Gathers them until they are recorded. Bounded: beyond kMostListed calls, of those before no more is kept than the
// first, the last and how many. Not thread-safe.
class ShownCalls {
 public:
  static constexpr size_t kMostListed = 10'000;

  // A call, by its id as messages have it, and its method ("package.Service/Method", or empty where that is not known).
  // Looks are counted and not listed: else a look at looks would be one more, for ever.
  void Add(std::string_view id, std::string_view method);
  void AddNumbers() { numbers_ = true; }

  // Something that is to be listed.
  bool any_listed() const { return !ids_.empty() || range_.calls() > 0 || numbers_; }
  bool empty() const { return !any_listed() && looks_ == 0; }

  // What there is, and begins anew.
  v1::Look Take();

 private:
  void Fold();

  std::set<uint64_t> ids_;
  v1::Look::Range range_;
  uint64_t looks_ = 0;
  bool numbers_ = false;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_LOOKS_SHOWN_CALLS_H_
