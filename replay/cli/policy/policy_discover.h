// Looks through recorded calls for values that look sensitive and that nothing masked.
#ifndef SALLYPORT_REPLAY_CLI_POLICY_POLICY_DISCOVER_H_
#define SALLYPORT_REPLAY_CLI_POLICY_POLICY_DISCOVER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "policy/masking/detectors.h"
#include "policy/masking/mask_plan.h"
#include "replay/view/call_decoder.h"
#include "replay/view/reading.h"

namespace sallyport::replay {

// Where one detector found something. Never what.
struct DiscoveredPlace {
  std::string place;  // a field's full name, as masks name it, or "metadata <name>"
  std::string detector;
  uint64_t values = 0;
  uint64_t calls = 0;
  std::string example;  // the id of a call
};

struct DiscoverResult {
  uint64_t calls = 0;
  uint64_t unread = 0;  // frames for which there is no descriptor, or that do not parse
  uint64_t shredded = 0;
  uint64_t unreadable = 0;              // calls whose record is damaged
  std::string no_descriptors;           // why those that the record names could not be had; empty if they could
  std::vector<DiscoveredPlace> places;  // the most values first
};

// Lives for one run; `source` must outlive it. Not thread-safe.
class PolicyDiscover {
 public:
  PolicyDiscover(CallSource* source, std::shared_ptr<const policy::Detectors> detectors)
      : source_(*source), detectors_(std::move(detectors)), descriptors_(DescriptorsOf(*source)) {}

  // Damage is counted, other errors of the source are returned.
  absl::Status Add(const v1::CallSummary& summary);
  DiscoverResult Finish() &&;

 private:
  void Look(const std::string& place, std::string_view text, const std::string& call);
  void LookIntoFrame(const std::string& method, const std::string& version, const v1::Frame& frame,
                     const CallDecoder& decoder, const std::string& call);
  // The plan for texts of a method's messages; null if their type is not known.
  const policy::MaskPlan* PlanFor(const std::string& method, const std::string& version, policy::MessageSide side);

  CallSource& source_;
  const std::shared_ptr<const policy::Detectors> detectors_;
  StoredDescriptors descriptors_;
  std::map<std::string, std::unique_ptr<const policy::MaskPlan>> plans_;
  std::map<std::pair<std::string, uint32_t>, DiscoveredPlace> places_;  // by place and detector
  DiscoverResult result_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_POLICY_POLICY_DISCOVER_H_
