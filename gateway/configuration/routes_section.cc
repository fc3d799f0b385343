// `routes`: which call goes to which upstream.
#include <map>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"
#include "gateway/health/health_service.h"
#include "gateway/relay/own/own_services.h"
#include "policy/method_globs.h"

namespace sallyport::gateway {
namespace {

// As policies take it: the first slash of a path is not part of a method's name.
std::string WithoutSlash(const std::string& glob) { return glob.substr(absl::StartsWith(glob, "/") ? 1 : 0); }

void CheckService(ConfigurationCheck& check, const std::string& key, std::string& glob) {
  glob = WithoutSlash(glob);
  if (!absl::StrContains(glob, '/')) return;
  check.Fail(
      key, absl::StrCat("\"", glob, "\" names a method, and services have no slash: write methods: [\"", glob, "\"]"));
}

// A name that gRPC never delivers would match no call.
void CheckRouteMetadata(ConfigurationCheck& check, const std::string& key, const v1::Route& route) {
  // In the order of their names: the map's own order is random.
  const std::map<std::string, std::string> sorted(route.metadata().begin(), route.metadata().end());
  for (const auto& [name, glob] : sorted) {
    if (!name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-") == std::string::npos) {
      continue;
    }
    check.Fail(key, absl::StrCat("\"", name, "\" is no name of metadata: those have a-z, 0-9, _, . and - only"));
  }
}

void CheckForwarding(ConfigurationCheck& check, const std::string& key, const v1::Route& route) {
  if (!route.forward_authorization()) return;
  for (const UpstreamOptions& upstream : check.options().upstreams) {
    if (upstream.name == route.upstream() && upstream.credentials.has_value() &&
        upstream.credentials->Names("authorization")) {
      check.Fail(key, absl::StrCat("cannot stand with credentials of upstream ", upstream.name,
                                   " that are sent as authorization too"));
    }
  }
}

// Of a route; nothing given is no bound.
absl::Duration RouteDuration(ConfigurationCheck& check, const std::string& key, const std::string& text) {
  if (text.empty()) return absl::InfiniteDuration();
  const absl::Duration duration = check.Duration(key, text, "");
  if (duration <= absl::ZeroDuration()) check.Fail(key, "must be longer than nothing");
  return duration;
}

// With several upstreams no single one knows what there is, and how all are: the gateway answers itself, unless a
// route says by name where such calls go.
void AddOwnRoute(ConfigurationCheck& check, absl::string_view package, const std::vector<std::string>& services) {
  GatewayOptions& options = check.options();
  if (options.upstreams.size() < 2) return;
  for (const RouteOptions& route : options.routes) {
    for (const auto* globs : {&route.match.services(), &route.match.methods()}) {
      for (const std::string& glob : *globs) {
        if (absl::StartsWith(glob, package)) return;
      }
    }
  }
  RouteOptions route;
  for (const std::string& service : services) route.match.add_services(service);
  route.upstream = kOwnUpstream;
  options.routes.insert(options.routes.begin(), std::move(route));
}

}  // namespace

void CheckRoutes(ConfigurationCheck& check) {
  const v1::Config& config = check.config();
  for (int i = 0; i < config.routes_size(); ++i) {
    const v1::Route& route = config.routes(i);
    if (route.upstream() != kOwnUpstream) {
      check.UpstreamName(absl::StrCat("routes[", i, "].upstream"), route.upstream());
    }
    CheckRouteMetadata(check, absl::StrCat("routes[", i, "].metadata"), route);
    CheckForwarding(check, absl::StrCat("routes[", i, "].forward_authorization"), route);
    const std::string key = absl::StrCat("routes[", i, "]");
    RouteOptions options{route, route.upstream()};
    for (std::string& glob : *options.match.mutable_services()) CheckService(check, key + ".services", glob);
    for (std::string& glob : *options.match.mutable_methods()) {
      glob = WithoutSlash(glob);
      if (const std::string fault = policy::SlashFault(glob); !fault.empty()) check.Fail(key + ".methods", fault);
    }
    options.default_deadline = RouteDuration(check, key + ".deadline.default", route.deadline().default_());
    options.most_deadline = RouteDuration(check, key + ".deadline.most", route.deadline().most());
    options.idle = RouteDuration(check, key + ".idle", route.idle());
    options.call_id_trailer = route.call_id() == v1::Route::trailer;
    check.options().routes.push_back(std::move(options));
  }
  if (config.routes().empty()) {
    if (config.upstreams_size() > 1)
      check.Fail("routes", "is missing: with several upstreams, say which calls go where");
    if (config.upstreams_size() == 1) {
      check.options().routes.push_back({v1::Route(), config.upstreams().begin()->first});
    }
  }
  AddOwnRoute(check, "grpc.reflection.",
              {"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"});
  AddOwnRoute(check, "grpc.health.", {HealthService::kServiceName});
}

}  // namespace sallyport::gateway
