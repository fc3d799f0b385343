// How what is recorded is called, wherever people or programs read it.
#ifndef SALLYPORT_REPLAY_VIEW_NAMES_H_
#define SALLYPORT_REPLAY_VIEW_NAMES_H_

#include <optional>
#include <string>
#include <string_view>

#include "sallyport/v1/audit.pb.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// The state that a call with this end is in; a call without one is open.
v1::CallState StateOf(v1::EndReason reason);
// "open", "completed", "cancelled", "deadline", "upstream_failure", "refused", "interrupted", "shredded".
std::string StateName(v1::CallState state);

// "none", "jwt", "mtls", "api_key", "local".
std::string ProofName(v1::Proof proof);
// "allowed", "denied", "unauthenticated" or "limited".
std::string DecisionName(v1::Decision::Outcome outcome);
// "status", "nothing", "unsure" or "reset"; nothing where it is not recorded.
std::optional<std::string> ToldName(v1::Told told);
// "upstream", "caller" or "gateway"; nothing where it is not recorded.
std::optional<std::string> EndedByName(v1::EndedBy who);

// What is said of a frame of which a record rule left some away: "shortened, first 16384 of 99999 bytes", or
// "shortened, none of 99999 bytes".
std::string ShortenedText(uint64_t recorded, uint64_t whole);

// "subject", "issuer#subject" or "anonymous", as the index has it.
std::string IdentityName(const v1::Identity& identity);
// See recorder::NameOfMethod.
std::string MethodName(const std::string& path);
// A caller's address, "ipv4:10.0.0.7:51514" or "ipv6:%5B::1%5D:51514" in a record, without the percent-encoding of
// brackets that gRPC gives it: "ipv6:[::1]:51514". What is of no such form stays as it is.
std::string PlainPeer(std::string_view peer);
// True for a metadata key whose values are bytes.
bool IsBinaryKey(std::string_view key);

// A gRPC status by name (any case, `-` for `_`) or as any number: upstreams may end calls with what gRPC has no name
// for.
std::optional<int> ParseStatusCode(const std::string& text);
// Whether gRPC has a name for the number: 0 to kStatusCodes - 1.
inline constexpr int kStatusCodes = 17;
bool IsStatusCode(int code);
// "NOT_FOUND"; the number for codes without a name.
std::string StatusName(int code);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_NAMES_H_
