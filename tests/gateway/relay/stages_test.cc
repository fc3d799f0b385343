// Each stage of a call's admission with a scripted caller, without gRPC calls and without a log.
#include "gateway/relay/admission/stages.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gateway/listener/memory_budget.h"
#include "gateway/reflection/refresher.h"
#include "gateway/relay/legs/misdescribed_methods.h"
#include "gateway/relay/recording/refusal_flood.h"
#include "gateway/sessions.h"
#include "gateway/upstream/method_catalog.h"
#include "policy/policy.h"
#include "tests/gateway/relay/scripted_request.h"

namespace sallyport::gateway {
namespace {

// A gateway's parts with one upstream, and rules that a test may change before it makes a call.
struct House {
  House() {
    UpstreamOptions options;
    options.name = "shop";
    options.target = "unix:/nowhere";
    upstream = *Upstream::Create(options);
    own = *OwnServices::Start();
    RouteRule route;
    route.services = {"shop.*"};
    route.upstream = upstream.get();
    rules->routes = std::make_shared<Routes>(std::vector<RouteRule>{route});
    LetIn(true);
    shared.catalog = &catalog;
    shared.refresher = &refresher;
    shared.own = own.get();
    shared.sessions = &sessions;
    shared.refusals = &refusals;
    shared.misdescribed = &misdescribed;
    shared.connections = &connections;
    shared.memory = &memory;
    shared.calls_per_connection = 10;
  }

  void LetIn(bool anonymous) {
    IdentityOptions identity;
    identity.anonymous = anonymous;
    rules->authenticator = *Authenticator::Create(identity);
  }

  void UsePolicy(const std::string& text) {
    auto policy = policy::Policy::Parse(text, "policy.yaml");
    INFO(policy.status());
    REQUIRE(policy.ok());
    rules->policy = *policy;
    rules->limits = std::make_unique<policy::Limits>(rules->policy, nullptr);
  }

  CallContext Call(const ScriptedRequest& request) { return {request, rules, absl::Now()}; }

  Refusal Run(CallContext& call, const std::vector<Stage>& stages) {
    StageRunner runner(shared, call, [](const StageRunner::Outcome&) { FAIL("nothing waits here"); });
    const auto outcome = runner.Run(stages);
    REQUIRE(outcome.has_value());
    REQUIRE_FALSE(outcome->given_up);
    return outcome->refusal;
  }

  std::shared_ptr<CallRules> rules = std::make_shared<CallRules>();
  std::unique_ptr<Upstream> upstream;
  std::unique_ptr<OwnServices> own;
  MethodCatalog catalog{[](const policy::Descriptors&) { return absl::OkStatus(); }};
  ReflectionRefresher refresher{&catalog};
  Sessions sessions{absl::Minutes(1)};
  RefusalFlood refusals{RefusalLimits(), nullptr};
  MisdescribedMethods misdescribed;
  Connections connections{10, 10};
  MemoryBudget memory{size_t{1} << 40};
  RelayContext shared;
};

const std::vector<Stage> kUpToDecide = {
    {"examine", Examine}, {"authenticate", Authenticate}, {"route", Route}, {"decide", Decide}};

TEST_CASE("examine refuses what no call can look like, before anybody is believed") {
  House house;
  for (const char* path : {"", "/", "no-slash", "/a.B", "/a.B/C/D", "/a..B/C"}) {
    INFO(path);
    const ScriptedRequest request(path);
    CallContext call = house.Call(request);
    CHECK(house.Run(call, {{"examine", Examine}}).code == grpc::StatusCode::INVALID_ARGUMENT);
    CHECK(call.proof.counted);
    CHECK_FALSE(call.proof.proved);
  }
  const ScriptedRequest two("/shop.Orders/Get", {{"authorization", "a"}, {"authorization", "b"}});
  CallContext call = house.Call(two);
  CHECK(house.Run(call, {{"examine", Examine}}).code == grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_CASE("examine refuses calls while the memory is full, and those of a connection that nobody knows") {
  House house;
  ScriptedRequest request("/shop.Orders/Get");
  MemoryBudget full(1);
  full.Charge(1 << 20);
  house.shared.memory = &full;
  CallContext call = house.Call(request);
  CHECK(house.Run(call, {{"examine", Examine}}).code == grpc::StatusCode::RESOURCE_EXHAUSTED);
  house.shared.memory = &house.memory;
  request.peer = "ipv4:10.0.0.7:1";
  CallContext stranger = house.Call(request);
  CHECK(house.Run(stranger, {{"examine", Examine}}).code == grpc::StatusCode::INTERNAL);
}

TEST_CASE("examine takes the name of the caller's session") {
  House house;
  const ScriptedRequest request("/shop.Orders/Get", {{"sallyport-session", "job 7"}});
  CallContext call = house.Call(request);
  CHECK(house.Run(call, {{"examine", Examine}}).ok());
  CHECK(call.arrival.session_name == "job 7");
  CHECK(call.arrival.peer == "unix:");
}

TEST_CASE("authenticate lets nobody in who proves nothing, unless anonymous callers may come") {
  House house;
  const ScriptedRequest request("/shop.Orders/Get");
  CallContext call = house.Call(request);
  CHECK(house.Run(call, {{"examine", Examine}, {"authenticate", Authenticate}}).ok());
  CHECK(call.proof.proved);
  CHECK(call.proof.caller.anonymous());

  house.LetIn(false);
  CallContext stranger = house.Call(request);
  CHECK(house.Run(stranger, {{"examine", Examine}, {"authenticate", Authenticate}}).code ==
        grpc::StatusCode::UNAUTHENTICATED);
  CHECK_FALSE(stranger.proof.proved);
  CHECK(stranger.proof.counted);
  CHECK(stranger.verdict.recorded);
  CHECK(stranger.verdict.outcome == recorder::DecisionOutcome::kUnauthenticated);
}

TEST_CASE("where no route leads is told to those who may call only") {
  House house;
  const ScriptedRequest request("/other.Service/Get");
  CallContext open = house.Call(request);
  const Refusal no_route = house.Run(open, kUpToDecide);
  CHECK(no_route.code == grpc::StatusCode::UNIMPLEMENTED);
  CHECK(no_route.message == "no route for other.Service/Get");
  house.UsePolicy("access: {default: deny}\n");
  CallContext denied = house.Call(request);
  CHECK(house.Run(denied, kUpToDecide).code == grpc::StatusCode::PERMISSION_DENIED);
  CHECK(denied.verdict.recorded);
  CHECK(denied.verdict.outcome == recorder::DecisionOutcome::kDenied);
}

TEST_CASE("decide notes the rule, what rules in shadow would have said, and limits") {
  House house;
  house.UsePolicy(
      "access:\n  default: allow\n  rules:\n    - {name: soon, match: {methods: [\"shop.*\"]}, action: deny, shadow: "
      "true}\n"
      "limits: [{name: one, open_calls: 1}]\n");
  const ScriptedRequest request("/shop.Orders/Get");
  CallContext first = house.Call(request);
  CHECK(house.Run(first, kUpToDecide).ok());
  CHECK(first.verdict.shadow == std::vector<std::string_view>{"soon"});
  CHECK(first.route->upstream == house.upstream.get());
  CallContext second = house.Call(request);
  CHECK(house.Run(second, kUpToDecide).code == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(second.verdict.outcome == recorder::DecisionOutcome::kLimited);
  CHECK(second.verdict.rule == "one");
}

TEST_CASE("a call that nobody was proved for is counted once, whatever ended it") {
  House house;
  const ScriptedRequest request("/shop.Orders/Get");
  CallContext gone = house.Call(request);
  CHECK(house.Run(gone, {{"examine", Examine}}).ok());
  Conclude(house.shared, gone, Refusal());
  CHECK(gone.proof.counted);
  const auto counted = [&] {
    return house.refusals.counts().by_reason[static_cast<size_t>(RefusalReason::kCallerGone)];
  };
  CHECK(counted() == 1);
  Conclude(house.shared, gone, Refusal());
  CHECK(counted() == 1);
}

TEST_CASE("credentials announces a call of the gateway's own services, with who makes it") {
  House house;
  RouteRule route;
  route.upstream = &house.own->upstream();
  house.rules->routes = std::make_shared<Routes>(std::vector<RouteRule>{route});
  const ScriptedRequest request("/grpc.health.v1.Health/Check", {{"tenant", "a"}});
  CallContext call = house.Call(request);
  CHECK(house.Run(call, kUpToDecide).ok());
  CHECK_FALSE(call.announcement.announced());
  CHECK(house.Run(call, {{"credentials", ObtainCredentials}}).ok());
  CHECK(call.announcement.announced());
  const OwnCaller own = OwnCallerOf(call);
  CHECK(own.metadata == std::vector<std::pair<std::string, std::string>>{{"tenant", "a"}});
  CHECK(own.LeadsTo("/grpc.health.v1.Health/Watch") == kOwnUpstream);
}

}  // namespace
}  // namespace sallyport::gateway
