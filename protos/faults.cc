#include "protos/faults.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport {

namespace {

// The key that this one stands under; empty for those that stand under none.
std::string Above(const std::string& key) {
  const size_t end = key.find_last_of(".[");
  return key.substr(0, end == std::string::npos ? 0 : end);
}

bool IsUnder(const std::string& key, const std::string& above) {
  return above.empty() || (absl::StartsWith(key, above) &&
                           (key.size() == above.size() || key[above.size()] == '.' || key[above.size()] == '['));
}

// The longest part of the key that is in the file.
std::string GivenPart(std::string key, const KeyLines& lines) {
  while (!key.empty() && !lines.contains(key)) key = Above(key);
  return key;
}

}  // namespace

bool Faults::Unread(const std::string& key) const {
  const std::string given = GivenPart(key, lines_);
  return std::any_of(form_.begin(), form_.end(),
                     [&](const std::string& fault) { return IsUnder(key, fault) || Above(fault) == given; });
}

int Faults::LineOf(const std::string& key) const {
  const auto line = lines_.find(GivenPart(key, lines_));
  return line == lines_.end() ? 1 : line->second;
}

std::string Faults::Place(const std::string& key) const {
  return absl::StrCat(name_, lines_.empty() ? "" : absl::StrCat(":", LineOf(key)), ": ", key);
}

std::string Faults::Text(const std::string& key, absl::string_view problem) const {
  return absl::StrCat(Place(key), ": ", problem);
}

void Faults::Add(const std::string& key, absl::string_view problem) {
  if (!Unread(key)) faults_.Add(Text(key, problem));
}

}  // namespace sallyport
