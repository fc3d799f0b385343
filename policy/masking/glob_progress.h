// How far the globs of masks have come on the way to a message, all together.
#ifndef SALLYPORT_POLICY_MASKING_GLOB_PROGRESS_H_
#define SALLYPORT_POLICY_MASKING_GLOB_PROGRESS_H_

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "policy/masking/field_glob.h"
#include "policy/masking/key_table.h"

namespace sallyport::policy {

// The globs of some selections, by their numbers. Lives while a plan is made; the globs and descriptors must outlive
// it.
class FollowedGlobs {
 public:
  // By number, in order, of those globs that lead anywhere.
  using Progress = std::vector<std::pair<uint32_t, FieldGlob::Places>>;

  // The next number is given to it; `selection` is its own.
  void Add(const FieldGlob& glob, size_t selection) { globs_.emplace_back(&glob, selection); }

  // Every glob also begins at every type.
  void Begin(const google::protobuf::Descriptor* type, Progress* progress);
  // Where a glob has come after one more field; empty if nowhere. Of the places before it none waits.
  FieldGlob::Places After(const Progress& progress, uint32_t number, std::string_view field) const;
  static void Merge(uint32_t number, const FieldGlob::Places& places, Progress* progress);

  // Some glob means all fields of a message here. None of the places waits.
  bool MeansEverything(const Progress& progress) const;
  bool AnyWaits(const Progress& progress) const;
  // Without those that wait.
  Progress NoneHolds(const Progress& progress) const;

  // What globs wait for in messages of a type. Selectors that lead a selection on to the same are one condition.
  struct Conditions {
    std::vector<KeyCondition> list;
    std::map<std::tuple<size_t, const google::protobuf::FieldDescriptor*, std::string>, size_t> places;
  };
  // Of those globs only that go on with one of the fields.
  Conditions ConditionsOn(const google::protobuf::Descriptor& type,
                          const std::vector<const google::protobuf::FieldDescriptor*>& fields,
                          const Progress& progress) const;
  // What becomes of it in messages for which this set of conditions holds.
  Progress Decided(const google::protobuf::Descriptor& type, const Progress& progress, const Conditions& conditions,
                   uint64_t outcome) const;

 private:
  using Holds = absl::FunctionRef<bool(uint32_t number, uint16_t place, const KeySelector& selector)>;
  Progress Decided(const Progress& progress, Holds holds) const;

  std::vector<std::pair<const FieldGlob*, size_t>> globs_;
  std::map<std::pair<const google::protobuf::Descriptor*, uint32_t>, FieldGlob::Places> starts_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_GLOB_PROGRESS_H_
