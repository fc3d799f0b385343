// Which upstream a call goes to.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_ROUTES_H_
#define SALLYPORT_GATEWAY_UPSTREAM_ROUTES_H_

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "gateway/upstream/upstream.h"

namespace sallyport::gateway {

// Every condition that is given must hold; within one, any glob may match.
struct RouteRule {
  std::vector<std::string> services;  // over "package.Service"
  std::vector<std::string> methods;   // over "package.Service/Method"
  std::vector<std::string> authorities;
  std::vector<std::pair<std::string, std::string>> metadata;  // name, glob over one of its values
  Upstream* upstream = nullptr;
  bool forward_authorization = false;  // the caller's own goes on to the upstream
  // How long calls may take from when they came in: those whose callers set no deadline, and all.
  absl::Duration default_deadline = absl::InfiniteDuration();
  absl::Duration most_deadline = absl::InfiniteDuration();
  absl::Duration idle = absl::InfiniteDuration();  // without a message in either direction the call is ended
  bool call_id_trailer = false;                    // callers are told the call's id
};

// The rules in order. Immutable, so shared between threads; the upstreams outlive it.
class Routes {
 public:
  // True if one of the values that the call carries under `name` matches `glob`.
  using HasMetadata = absl::FunctionRef<bool(std::string_view name, std::string_view glob)>;

  explicit Routes(std::vector<RouteRule> rules) : rules_(std::move(rules)) {}

  const std::vector<RouteRule>& rules() const { return rules_; }

  // The first rule that matches; null if none does. `path` is "/package.Service/Method".
  const RouteRule* Find(std::string_view path, std::string_view authority, HasMetadata has_metadata) const;
  // The first rule that some method of a service could match.
  const RouteRule* FindService(std::string_view service, std::string_view authority, HasMetadata has_metadata) const;

 private:
  const std::vector<RouteRule> rules_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_ROUTES_H_
