// One call of the services.
#ifndef SALLYPORT_GATEWAY_API_API_CALL_H_
#define SALLYPORT_GATEWAY_API_API_CALL_H_

#include <chrono>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gateway/api/api_backend.h"
#include "gateway/api/reader.h"
#include "gateway/relay/call_rules.h"

namespace sallyport::gateway {

// Written by the thread that has it in hand: gRPC's, then one of the door's own. Only `stop` is thread-safe.
struct ApiCall {
  std::string path;     // "/sallyport.v1.Audit/SearchCalls"
  bool unary = true;    // one answer
  std::string request;  // the message's bytes
  ApiVisitor visitor;
  absl::Status fault;  // what comes with the call can't be right
  absl::Time start;
  std::chrono::steady_clock::time_point start_tick = std::chrono::steady_clock::now();
  absl::Time deadline = absl::InfiniteFuture();
  std::stop_source stop;  // its caller has gone, its deadline has passed, or the door closes

  // Once it is known.
  std::shared_ptr<const CallRules> rules;
  Reader reader;

  absl::Duration Elapsed() const;
  // "package.Service/Method".
  std::string_view method() const;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_API_CALL_H_
