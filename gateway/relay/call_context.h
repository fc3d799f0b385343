// What is known of a call besides its frames.
#ifndef SALLYPORT_GATEWAY_RELAY_CALL_CONTEXT_H_
#define SALLYPORT_GATEWAY_RELAY_CALL_CONTEXT_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "gateway/identity/authenticator.h"
#include "gateway/listener/connections.h"
#include "gateway/relay/admission/call_facts.h"
#include "gateway/relay/call.h"
#include "gateway/relay/call_rules.h"
#include "gateway/relay/call_trace.h"
#include "gateway/relay/durability.h"
#include "gateway/relay/legs/caller_leg.h"
#include "gateway/relay/own/own_services.h"
#include "gateway/sessions.h"
#include "gateway/upstream/routes.h"
#include "policy/descriptors/descriptors.h"
#include "policy/limits.h"
#include "policy/masking/masker.h"
#include "recorder/format/entry_batch.h"

namespace sallyport::gateway {

// Each part is written by one stage of admission, the one that it is named after (admission/stages.h), and is constant
// from then on; whoever comes after the stages is given a const CallContext. Lives as long as the call.
struct CallContext {
  CallContext(const CallerRequest& caller, std::shared_ptr<const CallRules> rules, absl::Time start)
      : caller(caller), rules(std::move(rules)), start(start), start_tick(std::chrono::steady_clock::now()) {}

  // From the beginning.
  const CallerRequest& caller;
  const std::shared_ptr<const CallRules> rules;
  const absl::Time start;
  const std::chrono::steady_clock::time_point start_tick;

  absl::Duration Elapsed() const { return absl::FromChrono(std::chrono::steady_clock::now() - start_tick); }

  // The call's id in the record; 0 where it is not recorded, or only counted. Taken by `examine`.
  uint64_t id = 0;
  // As people type it; empty where nobody can look the call up.
  std::string IdText() const;

  // `examine`: what the call looks like, before anybody is believed.
  struct Arrival {
    std::string peer;                              // the caller's own address, in gRPC's notation
    OpenCall place;                                // until the call's end is told
    std::shared_ptr<const Connection> connection;  // null if it is not known
    size_t connection_number = 0;                  // the same for calls of one connection, and seldom for others
    std::string connection_name;                   // likewise
    std::string session_name;                      // that the caller chose
    // How long until proofs of its address are looked at again that were not seen before; nothing: they are now.
    std::optional<absl::Duration> flooded_for;
  } arrival;

  // `authenticate`.
  struct Proof {
    bool proved = false;  // or nobody has to prove anything: `caller` is who calls
    Caller caller;
    std::string name;  // empty for anonymous callers
    // Of a call that ends before anybody was proved: whether that was counted, and whether that is all that is
    // recorded.
    bool counted = false;
    bool only_counted = false;
  } proof;

  // `route`. Null where no route leads anywhere.
  const RouteRule* route = nullptr;
  Upstream* upstream() const { return route == nullptr ? nullptr : route->upstream; }

  // `decide`.
  struct Verdict {
    bool recorded = false;
    absl::Time time;
    recorder::DecisionOutcome outcome = recorder::DecisionOutcome::kAllowed;
    std::string_view rule;  // of the policy's texts, as are these
    std::vector<std::string_view> shadow;
    policy::LimitTicket ticket;
  } verdict;

  // `decide`, too: what is recorded of the call.
  struct Recording {
    const policy::RecordRule* rule = nullptr;  // one of the rules' policy; null: everything
    uint64_t frame_bytes() const { return rule == nullptr ? policy::kWholeFrames : rule->frame_bytes; }
    // How surely, where the configuration says `configured`. Nothing is recorded with kOff, whatever the rule says.
    Durability DurabilityOf(Durability configured) const;
  } recording;

  // `describe`: what is known of the method and its messages.
  struct Description {
    std::shared_ptr<const policy::Descriptors> descriptors;  // null before
    bool method_known = false;
    recorder::Arity arity = recorder::Arity::kStream;
  } description;

  // `mask`. Null if nothing is hidden or looked into. Of refused calls too: their metadata is recorded.
  std::shared_ptr<const policy::CallMasks> masks;

  // `join`: calls that belong together.
  Sessions::Member session;

  // `credentials`: what the upstream is shown.
  UpstreamCredentials::Shown credentials;  // null if there are none
  OwnServices::Announcement announcement;  // of a call that the gateway answers itself

  // `connect`: a place on one of the upstream's connections, until its side of the call takes it.
  StreamLease lease;

  // How long each stage took, waits included, by its place in the lists; zero for those that did not run.
  static constexpr size_t kMostStages = 10;
  std::array<absl::Duration, kMostStages> stage_took = {};

  // From the beginning; null where calls are not traced.
  std::unique_ptr<CallTrace> trace;
};

// Hands `use` what routes and the policy look at in the call.
void WithFacts(const CallContext& call, absl::FunctionRef<void(const CallFacts&)> use);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_CALL_CONTEXT_H_
