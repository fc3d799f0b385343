#include "gateway/api/looks/shown_calls.h"

#include <algorithm>
#include <optional>

#include "recorder/format/call_id.h"

namespace sallyport::gateway {
namespace {

bool IsLook(std::string_view method) { return method.starts_with("sallyport.v1."); }

}  // namespace

void ShownCalls::Add(std::string_view id, std::string_view method) {
  if (IsLook(method)) {
    ++looks_;
    return;
  }
  const std::optional<uint64_t> number = recorder::ParseId(id);
  if (!number.has_value()) return;
  ids_.insert(*number);
  if (ids_.size() > kMostListed) Fold();
}

void ShownCalls::Fold() {
  const uint64_t first = *ids_.begin();
  const uint64_t last = *ids_.rbegin();
  const bool any = range_.calls() > 0;
  range_.set_first(any ? std::min<uint64_t>(range_.first(), first) : first);
  range_.set_last(any ? std::max<uint64_t>(range_.last(), last) : last);
  range_.set_calls(range_.calls() + ids_.size());
  ids_.clear();
}

v1::Look ShownCalls::Take() {
  v1::Look look;
  uint64_t before = 0;
  for (const uint64_t id : ids_) {
    look.add_calls(id - before);
    before = id;
  }
  if (range_.calls() > 0) *look.add_ranges() = range_;
  look.set_looks(looks_);
  look.set_numbers(numbers_);
  *this = ShownCalls();
  return look;
}

}  // namespace sallyport::gateway
