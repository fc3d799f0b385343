#include "policy/masking/glob_progress.h"

#include <algorithm>
#include <iterator>

namespace sallyport::policy {

namespace pb = google::protobuf;

void FollowedGlobs::Begin(const pb::Descriptor* type, Progress* progress) {
  for (uint32_t number = 0; number < globs_.size(); ++number) {
    const auto [start, is_new] = starts_.try_emplace({type, number});
    if (is_new) start->second = globs_[number].first->AtType(type->full_name());
    Merge(number, start->second, progress);
  }
}

FieldGlob::Places FollowedGlobs::After(const Progress& progress, uint32_t number, std::string_view field) const {
  const auto at =
      std::find_if(progress.begin(), progress.end(), [&](const auto& entry) { return entry.first == number; });
  return at == progress.end() ? FieldGlob::Places() : globs_[number].first->After(at->second, field);
}

void FollowedGlobs::Merge(uint32_t number, const FieldGlob::Places& places, Progress* progress) {
  if (places.empty()) return;
  auto at = std::lower_bound(progress->begin(), progress->end(), number,
                             [](const auto& entry, uint32_t wanted) { return entry.first < wanted; });
  if (at == progress->end() || at->first != number) at = progress->insert(at, {number, {}});
  FieldGlob::Places merged;
  std::set_union(at->second.begin(), at->second.end(), places.begin(), places.end(), std::back_inserter(merged));
  at->second = std::move(merged);
}

bool FollowedGlobs::MeansEverything(const Progress& progress) const {
  return std::any_of(progress.begin(), progress.end(),
                     [this](const auto& entry) { return globs_[entry.first].first->AcceptsAnyNext(entry.second); });
}

bool FollowedGlobs::AnyWaits(const Progress& progress) const {
  return std::any_of(progress.begin(), progress.end(),
                     [this](const auto& entry) { return globs_[entry.first].first->AnyWaits(entry.second); });
}

FollowedGlobs::Progress FollowedGlobs::NoneHolds(const Progress& progress) const {
  return Decided(progress, [](uint32_t, uint16_t, const KeySelector&) { return false; });
}

FollowedGlobs::Conditions FollowedGlobs::ConditionsOn(const pb::Descriptor& type,
                                                      const std::vector<const pb::FieldDescriptor*>& fields,
                                                      const Progress& progress) const {
  Conditions conditions;
  const auto leads_on = [&](const FieldGlob& glob, uint16_t place) {
    const FieldGlob::Places places = glob.Decided({place}, [](uint16_t, const KeySelector&) { return true; });
    return std::any_of(fields.begin(), fields.end(),
                       [&](const pb::FieldDescriptor* field) { return !glob.After(places, field->name()).empty(); });
  };
  Decided(progress, [&](uint32_t number, uint16_t place, const KeySelector& selector) {
    const auto& [glob, selection] = globs_[number];
    const pb::FieldDescriptor* const field = KeyFieldOf(type, selector);
    if (field == nullptr || !leads_on(*glob, place)) return false;
    const auto [at, is_new] =
        conditions.places.try_emplace({selection, field, glob->RestFrom(place)}, conditions.list.size());
    if (is_new) conditions.list.push_back({field, {}});
    std::vector<KeyPattern>& patterns = conditions.list[at->second].patterns;
    patterns.insert(patterns.end(), selector.patterns.begin(), selector.patterns.end());
    return false;
  });
  return conditions;
}

FollowedGlobs::Progress FollowedGlobs::Decided(const pb::Descriptor& type, const Progress& progress,
                                               const Conditions& conditions, uint64_t outcome) const {
  return Decided(progress, [&](uint32_t number, uint16_t place, const KeySelector& selector) {
    const auto& [glob, selection] = globs_[number];
    const auto at = conditions.places.find({selection, KeyFieldOf(type, selector), glob->RestFrom(place)});
    return at != conditions.places.end() && (outcome >> at->second & 1) != 0;
  });
}

FollowedGlobs::Progress FollowedGlobs::Decided(const Progress& progress, Holds holds) const {
  Progress decided;
  for (const auto& [number, places] : progress) {
    FieldGlob::Places left = globs_[number].first->Decided(
        places,
        [&, number = number](uint16_t place, const KeySelector& selector) { return holds(number, place, selector); });
    if (!left.empty()) decided.emplace_back(number, std::move(left));
  }
  return decided;
}

}  // namespace sallyport::policy
