#include "policy/masking/type_table.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "policy/descriptors/file_scan.h"

namespace sallyport::policy {

TypeTable::TypeTable(absl::Span<const std::shared_ptr<const Descriptors>> sets) {
  // Which set a file was first seen in: what upstreams add stands on files that they share.
  absl::flat_hash_map<const char*, size_t> first_in;
  std::vector<size_t> begins;  // of each set's own types
  std::vector<absl::flat_hash_set<size_t>> stands_on(sets.size());
  for (size_t set = 0; set < sets.size(); ++set) {
    begins.push_back(types_.size());
    for (const std::string& name : sets[set]->files()) {
      const std::string_view file = sets[set]->FileBytes(name);
      const auto [place, is_new] = first_in.try_emplace(file.data(), set);
      if (is_new) {
        AddTypes(file);
      } else if (place->second != set) {
        stands_on[set].insert(place->second);
      }
    }
  }
  begins.push_back(types_.size());
  std::vector<Names> names(sets.size());
  for (size_t set = 0; set < sets.size(); ++set) {
    names[set].reserve(begins[set + 1] - begins[set]);
    for (size_t i = begins[set]; i < begins[set + 1]; ++i) {
      names[set].try_emplace(types_[i].full_name, static_cast<uint32_t>(i));
    }
    const auto find = [&](std::string_view name) {
      auto found = names[set].find(name);
      if (found != names[set].end()) return found->second;
      for (const size_t other : stands_on[set]) {
        found = names[other].find(name);
        if (found != names[other].end()) return found->second;
      }
      return kNone;
    };
    const size_t end = begins[set + 1] == types_.size() ? fields_.size() : types_[begins[set + 1]].first;
    for (size_t i = begins[set] == types_.size() ? end : types_[begins[set]].first; i < end; ++i) {
      if (!references_[i].empty()) fields_[i].message = find(references_[i]);
    }
  }
  references_ = {};
}

void TypeTable::AddTypes(std::string_view file) {
  ScanTypes(file, [this](const ScannedType& type) {
    if (type.is_enum) return;
    types_.push_back({type.full_name, static_cast<uint32_t>(fields_.size()), 0});
    ScanFields(type.bytes, [this](const ScannedField& field) {
      if (!field.extendee.empty()) return;
      ++types_.back().count;
      fields_.push_back({field.name, field.options, kNone});
      // What is in the canonical form has full names, with a dot before them.
      references_.push_back(field.type_name.substr(std::min<size_t>(1, field.type_name.size())));
    });
  });
}

}  // namespace sallyport::policy
