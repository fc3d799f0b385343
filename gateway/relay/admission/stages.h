// The life of a call up to its first frame, as a list.
#ifndef SALLYPORT_GATEWAY_RELAY_ADMISSION_STAGES_H_
#define SALLYPORT_GATEWAY_RELAY_ADMISSION_STAGES_H_

#include "gateway/relay/admission/stage.h"

namespace sallyport::gateway {

// Each in a file of its own. All write to the part of the context that is named after them.
std::optional<Refusal> Examine(const RelayContext& shared, CallContext& call, BeginWait begin_wait);
std::optional<Refusal> Authenticate(const RelayContext& shared, CallContext& call, BeginWait begin_wait);
std::optional<Refusal> Route(const RelayContext& shared, CallContext& call, BeginWait begin_wait);
std::optional<Refusal> Decide(const RelayContext& shared, CallContext& call, BeginWait begin_wait);
std::optional<Refusal> Describe(const RelayContext& shared, CallContext& call, BeginWait begin_wait);
std::optional<Refusal> Mask(const RelayContext& shared, CallContext& call, BeginWait begin_wait);
std::optional<Refusal> ObtainCredentials(const RelayContext& shared, CallContext& call, BeginWait begin_wait);
std::optional<Refusal> Connect(const RelayContext& shared, CallContext& call, BeginWait begin_wait);
std::optional<Refusal> Join(const RelayContext& shared, CallContext& call, BeginWait begin_wait);

// Before anything of the call is recorded or read: Call's kAdmit.
inline constexpr Stage kAdmissionStages[] = {
    {"examine", Examine},            // what it looks like, and whether there is room for it
    {"authenticate", Authenticate},  // who calls
    {"route", Route},                // where it goes
    {"decide", Decide},              // whether it may: policy and limits
    {"describe", Describe},          // what is known of its method
    {"mask", Mask},                  // what of it is hidden, and from whom
};
// Here a held call waits for a person's yes (Call's kAskApproval), with its first frame in the record.

// Before the upstream is opened: Call's kPrepareUpstream.
inline constexpr Stage kUpstreamStages[] = {
    {"credentials", ObtainCredentials},  // what the upstream is shown
    {"connect", Connect},                // a place on one of its connections
    {"join", Join},                      // the session that the call belongs to
};

// Used by more than one of them.

// The masks that apply to the call as far as it is known; null if none do.
std::shared_ptr<const policy::CallMasks> FindMasks(const CallContext& call);
// Looks for descriptors, where no stage has, and writes CallContext::masks.
void ApplyMasks(const RelayContext& shared, CallContext& call);
// By which calls of one caller are known to belong together; valid as long as the call.
std::string_view SessionIdentity(const CallContext& call);

// For every call that ends before all of these were over: what has to be known of it for its record. `refusal` is what
// its caller is told; OK if the caller has gone.
void Conclude(const RelayContext& shared, CallContext& call, const Refusal& refusal);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_ADMISSION_STAGES_H_
