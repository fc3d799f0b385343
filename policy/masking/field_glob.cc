#include "policy/masking/field_glob.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "policy/glob.h"

namespace sallyport::policy {
namespace {

constexpr size_t kMostParts = 256;

void Insert(uint16_t place, FieldGlob::Places* places) {
  const auto at = std::lower_bound(places->begin(), places->end(), place);
  if (at == places->end() || *at != place) places->insert(at, place);
}

}  // namespace

absl::Status FieldGlob::AddPart(std::string_view part) {
  if (part.empty()) return absl::InvalidArgumentError("has an empty name: names are joined with single dots");
  if (part != kAnyNumber && part.find(kAnyNumber) != std::string_view::npos) {
    return absl::InvalidArgumentError("has `**` within a name: it stands alone between dots");
  }
  for (const char c : part) {
    const bool name = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!name && c != '*' && c != '?') {
      return absl::InvalidArgumentError("is not made of names, dots, `*`, `?`, `**` and keys in brackets");
    }
  }
  parts_.emplace_back(part);
  if (parts_.size() <= kMostParts) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("has more than ", kMostParts, " names"));
}

absl::StatusOr<FieldGlob> FieldGlob::Parse(std::string_view text) {
  FieldGlob glob;
  glob.text_ = std::string(text);
  bool selected = false;  // the last name has a selector
  for (size_t at = 0; at <= text.size(); ++at) {
    glob.last_at_ = at;
    const size_t end = std::min(text.find_first_of(".[", at), text.size());
    if (absl::Status status = glob.AddPart(text.substr(at, end - at)); !status.ok()) return status;
    at = end;
    selected = at < text.size() && text[at] == '[';
    if (!selected) continue;
    if (glob.parts_.back() == kAnyNumber) {
      return absl::InvalidArgumentError("has a key at `**`: write `**.*[…]` for messages in any field");
    }
    absl::StatusOr<KeySelector> selector = KeySelector::Parse(text, &at);
    if (!selector.ok()) return selector.status();
    glob.selectors_.emplace(static_cast<uint16_t>(glob.parts_.size()), *std::move(selector));
    if (at < text.size() && text[at] != '.') {
      return absl::InvalidArgumentError("has something else than a dot behind a bracket");
    }
  }
  if (selected) {
    glob.last_at_ = text.size();
    if (absl::Status status = glob.AddPart("value"); !status.ok()) return status;
  }
  glob.any_type_ = glob.parts_.front() == "*";
  if (glob.parts_.size() == 1 && glob.parts_.front() != kAnyNumber) {
    return absl::InvalidArgumentError(
        "names no field: write a type and a field, such as \"pay.v1.Card.number\" or \"*.number\"");
  }
  return glob;
}

std::string FieldGlob::EndingIn(std::string_view name) const {
  if (last_at_ == text_.size()) return "";
  return absl::StrCat(text_.substr(0, last_at_), std::string(name));
}

void FieldGlob::Arrive(uint16_t place, Places* places) const {
  if (!selectors_.contains(place)) return Add(place, places);
  Insert(place | kWaiting, places);
}

void FieldGlob::Add(uint16_t place, Places* places) const {
  // A `**` may stand for nothing, but for at least one name at the end.
  for (size_t at = place; at <= parts_.size(); ++at) {
    Insert(static_cast<uint16_t>(at), places);
    const bool passable = at + 1 < parts_.size() && parts_[at] == kAnyNumber;
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
      Arrive(static_cast<uint16_t>(place + 1), &next);
    }
  }
  return next;
}

const KeySelector* FieldGlob::WaitsFor(uint16_t place) const {
  return (place & kWaiting) == 0 ? nullptr : &selectors_.at(place & static_cast<uint16_t>(~kWaiting));
}

bool FieldGlob::AnyWaits(const Places& places) const {
  return std::any_of(places.begin(), places.end(), [](uint16_t place) { return (place & kWaiting) != 0; });
}

FieldGlob::Places FieldGlob::Decided(const Places& places,
                                     absl::FunctionRef<bool(uint16_t place, const KeySelector&)> holds) const {
  if (!has_selectors()) return places;
  Places decided;
  for (const uint16_t place : places) {
    const KeySelector* const selector = WaitsFor(place);
    if (selector == nullptr) {
      Insert(place, &decided);
    } else if (holds(place, *selector)) {
      Add(place & static_cast<uint16_t>(~kWaiting), &decided);
    }
  }
  return decided;
}

FieldGlob::Places FieldGlob::AtType(std::string_view full_name) const {
  Places places;
  if (any_type_) {
    Arrive(1, &places);
    return places;
  }
  Add(0, &places);
  for (absl::string_view name : absl::StrSplit(absl::string_view(full_name.data(), full_name.size()), '.')) {
    // What has been reached so far is a package, or a type around this one: no message.
    if (has_selectors()) places = Decided(places, [](uint16_t, const KeySelector&) { return false; });
    places = Step(places, std::string_view(name.data(), name.size()));
  }
  // The type alone is no field.
  places.erase(std::remove(places.begin(), places.end(), parts_.size()), places.end());
  return places;
}

FieldGlob::Places FieldGlob::After(const Places& places, std::string_view field) const { return Step(places, field); }

bool FieldGlob::Accepts(const Places& places, bool* by_wildcard) const {
  if (!std::binary_search(places.begin(), places.end(), parts_.size())) return false;
  *by_wildcard = parts_.back() == kAnyNumber;
  return true;
}

bool FieldGlob::AcceptsAnyNext(const Places& places) const {
  return std::any_of(places.begin(), places.end(), [this](uint16_t place) {
    return place + 1u == parts_.size() && (parts_[place] == "*" || parts_[place] == kAnyNumber);
  });
}

std::string FieldGlob::RestFrom(uint16_t place) const {
  std::string rest;
  for (size_t part = place & ~kWaiting; part < parts_.size(); ++part) {
    absl::StrAppend(&rest, ".", parts_[part]);
    const auto selector = selectors_.find(static_cast<uint16_t>(part + 1));
    if (selector != selectors_.end()) rest += selector->second.text;
  }
  return rest;
}

}  // namespace sallyport::policy
