#include "protos/faults.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

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

void Faults::Add(const std::string& key, absl::string_view problem) {
  constexpr size_t kMost = 20;
  if (faults_.size() == kMost) {
    ++left_out_;
    return;
  }
  faults_.push_back(Text(key, problem));
}

absl::Status Faults::status() const {
  if (faults_.empty()) return absl::OkStatus();
  std::string text = absl::StrJoin(faults_, "\n");
  if (left_out_ > 0) absl::StrAppend(&text, "\n", name_, ": and ", left_out_, " more");
  return absl::InvalidArgumentError(text);
}

std::string Quoted(const std::string& text) {
  constexpr size_t kShown = 80;
  return absl::StrCat("\"", absl::CHexEscape(text.substr(0, kShown)), text.size() > kShown ? "..." : "", "\"");
}

}  // namespace sallyport
