// Who may come in through the door.
#ifndef SALLYPORT_GATEWAY_API_ENTRANCE_H_
#define SALLYPORT_GATEWAY_API_ENTRANCE_H_

#include <grpcpp/support/status.h>

#include <memory>

#include "absl/functional/any_invocable.h"
#include "gateway/api/api_call.h"
#include "gateway/api/looks/look_recorder.h"
#include "gateway/api/work_pool.h"
#include "gateway/relay/call_rules.h"
#include "gateway/relay/recording/refusal_flood.h"

namespace sallyport::gateway {

// Finds out who makes a call and which roles that has, by the rules in force, and turns away those who may not make it:
// UNAUTHENTICATED where nobody is proved and no role is for such, PERMISSION_DENIED without a role that will do, and
// RESOURCE_EXHAUSTED where too many calls of its address were refused. Thread-safe; outlives the calls.
class Entrance {
 public:
  // Whether a reader may make a call.
  using May = bool (*)(const Reader&);

  // All outlive it.
  Entrance(const CurrentRules* rules, RefusalFlood* refusals, LookRecorder* looks, WorkPool* pool)
      : rules_(rules), refusals_(refusals), looks_(looks), pool_(pool) {}

  // Calls `then` once, on a thread of the pool, with OK when `call` has its rules and its reader, or with what its
  // caller is told; then it is recorded. Where the pool has no room, `then` is called at once, wherever that is.
  using Then = absl::AnyInvocable<void(grpc::Status)>;
  void Enter(std::shared_ptr<ApiCall> call, May may, Then then);

  // Whether whoever came in still has the same roles, by the rules in force now and at this time, and its proofs still
  // hold.
  bool StillIn(const ApiCall& call, absl::Time now) const;

 private:
  void Prove(const std::shared_ptr<ApiCall>& call, May may, Then then);
  void Proved(ApiCall& call, May may, Authenticator::Result result, Then& then);
  grpc::Status Refuse(ApiCall& call, const absl::Status& status, RefusalReason reason, std::string_view word);

  const CurrentRules* const rules_;
  RefusalFlood* const refusals_;
  LookRecorder* const looks_;
  WorkPool* const pool_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_ENTRANCE_H_
