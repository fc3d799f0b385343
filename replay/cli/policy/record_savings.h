// What record rules would leave of the payload that is recorded.
#ifndef SALLYPORT_REPLAY_CLI_POLICY_RECORD_SAVINGS_H_
#define SALLYPORT_REPLAY_CLI_POLICY_RECORD_SAVINGS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "policy/record_rules.h"
#include "replay/view/call_source.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// Of the calls that one rule decides, or none: bytes of frame payloads before compression, as they are recorded and as
// they would be. Calls that are shortened
// already count as what the rule would leave of them, were they made now.
struct RecordSaving {
  std::string rule;  // policy::kDefaultRule where none decides
  uint64_t calls = 0;
  uint64_t now = 0;
  uint64_t then = 0;
};

// Adds up recorded calls for the rules that decide them. Looks at frames one by one only where sums do not tell. Lives
// for one run.
class RecordSavings {
 public:
  // `rules` must outlive it.
  explicit RecordSavings(absl::Span<const policy::RecordRule> rules) : rules_(rules) {}

  // A call with its start, and that of the rules that decides it; null if none does. Damage is counted, other errors of
  // the source are returned.
  absl::Status Add(CallSource& source, const v1::CallSummary& summary, const v1::CallStart& start,
                   const policy::RecordRule* rule);

  // In the order of the file, the calls that no rule decides last. Rules that decide no call are not there.
  std::vector<RecordSaving> savings() const;
  // Calls whose frames could not all be read: they count in no saving.
  uint64_t unmeasured() const { return unmeasured_; }

 private:
  struct Bytes {
    uint64_t now = 0;
    uint64_t then = 0;
  };
  // Without looking at frames; nothing if that does not do.
  static std::optional<Bytes> FromSums(const v1::CallSummary& summary, const v1::CallStart& start, uint64_t most);

  const absl::Span<const policy::RecordRule> rules_;
  std::map<size_t, RecordSaving> by_place_;  // of the rule in the file; behind all of them those of none
  uint64_t unmeasured_ = 0;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_POLICY_RECORD_SAVINGS_H_
