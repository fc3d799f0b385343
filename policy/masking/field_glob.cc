#include "policy/masking/field_glob.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policy/glob.h"

namespace sallyport::policy {

absl::StatusOr<FieldGlob> FieldGlob::Parse(std::string_view text) {
  constexpr size_t kMostParts = 256;
  FieldGlob glob;
  glob.text_ = std::string(text);
  for (absl::string_view part : absl::StrSplit(absl::string_view(text.data(), text.size()), '.')) {
    if (part.empty()) return absl::InvalidArgumentError("has an empty name: names are joined with single dots");
    if (part != kAnyNumber && part.find(kAnyNumber) != absl::string_view::npos) {
      return absl::InvalidArgumentError("has `**` within a name: it stands alone between dots");
    }
    for (const char c : part) {
      const bool name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
      if (!name && c != '*' && c != '?') {
        return absl::InvalidArgumentError("is not made of names, dots, `*`, `?` and `**`");
      }
    }
    glob.parts_.emplace_back(part);
  }
  if (glob.parts_.size() > kMostParts)
    return absl::InvalidArgumentError(absl::StrCat("has more than ", kMostParts, " names"));
  glob.any_type_ = glob.parts_.front() == "*";
  if (glob.parts_.size() == 1 && glob.parts_.front() != kAnyNumber) {
    return absl::InvalidArgumentError(
        "names no field: write a type and a field, such as \"pay.v1.Card.number\" or \"*.number\"");
  }
  return glob;
}

void FieldGlob::Add(uint16_t place, Places* places) const {
  // A `**` may stand for nothing, but for at least one name at the end.
  for (; place <= parts_.size(); ++place) {
    if (!std::binary_search(places->begin(), places->end(), place)) {
      places->insert(std::lower_bound(places->begin(), places->end(), place), place);
    }
    const bool passable = place + 1u < parts_.size() && parts_[place] == kAnyNumber;
    if (!passable) return;
  }
}

FieldGlob::Places FieldGlob::Step(const Places& places, std::string_view name) const {
  Places next;
  for (const uint16_t place : places) {
    if (place >= parts_.size()) continue;
    if (parts_[place] == kAnyNumber) {
      Add(place, &next);
      // At the end it has its one name now, and takes more.
      if (place + 1u == parts_.size()) Add(static_cast<uint16_t>(place + 1), &next);
    } else if (GlobMatches(parts_[place], name)) {
      Add(static_cast<uint16_t>(place + 1), &next);
    }
  }
  return next;
}

FieldGlob::Places FieldGlob::AtType(std::string_view full_name) const {
  Places places;
  if (any_type_) {
    Add(1, &places);
    return places;
  }
  Add(0, &places);
  for (absl::string_view name : absl::StrSplit(absl::string_view(full_name.data(), full_name.size()), '.')) {
    places = Step(places, std::string_view(name.data(), name.size()));
  }
  // The type alone is no field.
  places.erase(std::remove(places.begin(), places.end(), parts_.size()), places.end());
  return places;
}

FieldGlob::Places FieldGlob::After(const Places& places, std::string_view field) const { return Step(places, field); }

bool FieldGlob::Accepts(const Places& places, bool* by_wildcard) const {
  if (places.empty() || places.back() != parts_.size()) return false;
  *by_wildcard = parts_.back() == kAnyNumber;
  return true;
}

bool FieldGlob::AcceptsAnyNext(const Places& places) const {
  return std::any_of(places.begin(), places.end(), [this](uint16_t place) {
    return place + 1u == parts_.size() && (parts_[place] == "*" || parts_[place] == kAnyNumber);
  });
}

}  // namespace sallyport::policy
