#include "protos/suggestion.h"

#include <algorithm>
#include <utility>

namespace sallyport {
namespace {

constexpr size_t kLongestName = 256;

// No more than `most` matters: then it is told as more.
size_t EditDistance(std::string_view a, std::string_view b, size_t most) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > most) return most + 1;
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, change}));
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string> Nearest(std::string_view given, const std::vector<std::string>& known) {
  if (given.size() > kLongestName) return std::nullopt;
  const std::string* nearest = nullptr;
  size_t least = std::max<size_t>(1, given.size() / 3) + 1;
  for (const std::string& name : known) {
    if (name.size() > kLongestName) continue;
    const size_t distance = EditDistance(given, name, least - 1);
    if (distance >= least) continue;
    nearest = &name;
    least = distance;
    if (least == 0) break;
  }
  return nearest == nullptr ? std::nullopt : std::optional(*nearest);
}

}  // namespace sallyport
