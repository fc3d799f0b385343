#include "protos/faults.h"

#include "absl/strings/str_cat.h"

namespace sallyport {

int Faults::LineOf(const std::string& key) const {
  std::string place = key;
  while (!place.empty() && !lines_.contains(place)) {
    const size_t end = place.find_last_of(".[");
    place.resize(end == std::string::npos ? 0 : end);
  }
  const auto line = lines_.find(place);
  return line == lines_.end() ? 1 : line->second;
}

std::string Faults::Text(const std::string& key, absl::string_view problem) const {
  const std::string place = lines_.empty() ? name_ : absl::StrCat(name_, ":", LineOf(key));
  return absl::StrCat(place, ": ", key, ": ", problem);
}

void Faults::Add(const std::string& key, absl::string_view problem) { faults_.Add(Text(key, problem)); }

}  // namespace sallyport
