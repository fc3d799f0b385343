#include "gateway/upstream/routes.h"

#include <catch2/catch.hpp>
#include <map>
#include <string>

#include "policy/glob.h"

namespace sallyport::gateway {
namespace {

std::unique_ptr<Upstream> Named(const std::string& name) {
  UpstreamOptions options;
  options.name = name;
  options.target = "127.0.0.1:1";
  return *Upstream::Create(options);
}

RouteRule To(Upstream* upstream) {
  RouteRule rule;
  rule.upstream = upstream;
  return rule;
}

std::string Find(const Routes& routes, const std::string& path, const std::string& authority = "a",
                 const std::multimap<std::string, std::string>& metadata = {}) {
  const RouteRule* route = routes.Find(path, authority, [&](std::string_view name, std::string_view glob) {
    for (const auto& [key, value] : metadata) {
      if (key == name && policy::GlobMatches(glob, value)) return true;
    }
    return false;
  });
  return route == nullptr ? "" : route->upstream->name();
}

}  // namespace

TEST_CASE("the first route whose conditions all hold decides") {
  auto pay = Named("pay");
  auto eu = Named("eu");
  auto rest = Named("rest");
  RouteRule tenant = To(eu.get());
  tenant.services = {"pay.*"};
  tenant.metadata = {{"tenant", "eu-*"}};
  RouteRule services = To(pay.get());
  services.services = {"pay.*", "bank.Accounts"};
  RouteRule method = To(rest.get());
  method.methods = {"*/Get"};
  method.authorities = {"*.internal"};
  Routes routes({tenant, services, method});
  CHECK(Find(routes, "/pay.v1.Payments/Charge") == "pay");
  CHECK(Find(routes, "/pay.v1.Payments/Charge", "a", {{"tenant", "us-1"}, {"tenant", "eu-1"}}) == "eu");
  CHECK(Find(routes, "/bank.Accounts/Open", "a", {{"tenant", "eu-1"}}) == "pay");
  CHECK(Find(routes, "/bank.AccountsOld/Open").empty());
  CHECK(Find(routes, "/x.Y/Get", "db.internal") == "rest");
  CHECK(Find(routes, "/x.Y/Get", "db.external").empty());
  CHECK(Find(routes, "/x.Y/GetAll", "db.internal").empty());
}

TEST_CASE("without routes nothing is found") { CHECK(Find(Routes({}), "/a.B/C").empty()); }

TEST_CASE("an upstream without a target, or with half a certificate, is refused") {
  UpstreamOptions options;
  options.name = "x";
  CHECK(absl::IsInvalidArgument(Upstream::Create(options).status()));
  options.target = "x:1";
  options.tls = true;
  options.cert_file = "c";
  CHECK(absl::IsInvalidArgument(Upstream::Create(options).status()));
}

}  // namespace sallyport::gateway
