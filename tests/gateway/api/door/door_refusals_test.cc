// What the door does not let in, what it passes on of a request, and what comes to an end.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "gateway/api/door/envelopes.h"
#include "gateway/api/door/http_door.h"
#include "sallyport/v1/audit.pb.h"
#include "tests/gateway/api/door/door_messages.h"
#include "tests/gateway/api/door/door_rig.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;
using sallyport::testing::RawConnection;
using testing::DoorRig;
using testing::Got;
using testing::kConnectJson;
using testing::kConnectProto;
using testing::kJson;
using testing::Pairs;
using testing::PartsOf;
using testing::ReadAnswer;
using testing::Script;
using testing::Skipped;
using testing::TwoCalls;
using testing::With;

TEST_CASE("what is no call of a service is answered as HTTP says") {
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}});
  CHECK(rig.Post("NoSuch", kJson, "{}").status == 404);
  CHECK(rig.Ask("POST", "/grpc.health.v1.Health/Check", kJson, "{}").status == 404);
  CHECK(rig.Ask("POST", "/", kJson, "{}").status == 404);
  const Got put = rig.Ask("PUT", "/sallyport.v1.Audit/SearchCalls", kJson, "{}");
  CHECK(put.status == 405);
  CHECK(put.Header("allow") == "GET, POST");
  for (const char* type : {"text/plain", "application/grpc", "application/connect+json", ""}) {
    INFO(type);
    const Got got = rig.Post("SearchCalls", {{"Content-Type", type}}, "{}");
    CHECK(got.status == 415);
    CHECK(absl::StrContains(got.Header("accept-post"), "application/json"));
  }
  CHECK(rig.Post("TailCalls", kJson, "{}").status == 415);
  CHECK(rig.Post("SearchCalls", {{"Content-Type", "Application/JSON; charset=utf-8"}}, "{}").status == 200);
  CHECK(rig.Post("SearchCalls", With(kJson, {{"connect-protocol-version", "2"}}), "{}").status == 400);
}

TEST_CASE("a request that is not the method's is refused before the service hears of it, and says why") {
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}});
  const std::string deep = "{\"filter\":" + std::string(200000, '[') + std::string(200000, ']') + "}";
  for (const std::string& body :
       {std::string(""), std::string("[]"), std::string("null"), std::string("{'pageSize':1}"),
        std::string("{pageSize:1}"), std::string("{\"pageSize\":1,}"), std::string("{\"pageSize\":\"x\"}"),
        std::string("{\"order\":\"NO_SUCH\"}"), std::string("{\"pageToken\":\"\xff\"}"), std::string("{}{}"), deep}) {
    INFO(body.substr(0, 40));
    const Got got = rig.Post("SearchCalls", kJson, body);
    CHECK(got.status == 400);
    CHECK(json::parse(got.body)["code"] == "invalid_argument");
  }
  const Got unknown = rig.Post("SearchCalls", kJson, R"({"filter":{"nosuch":1}})");
  CHECK(unknown.status == 400);
  CHECK(absl::StrContains(unknown.body, "nosuch"));
  const json details = json::parse(unknown.body)["details"];
  REQUIRE(details.size() == 1);
  CHECK(details[0]["type"] == "google.rpc.ErrorInfo");
  CHECK(rig.Post("SearchCalls", {{"Content-Type", "application/proto"}}, "\xff").status == 400);
  const json none = json::parse(PartsOf(rig.Post("TailCalls", kConnectJson, "").body).at(0).message);
  CHECK(none["error"]["code"] == "unimplemented");
  const json two = json::parse(
      PartsOf(rig.Post("TailCalls", kConnectJson, Enveloped(0, "{}") + Enveloped(0, "{}")).body).at(0).message);
  CHECK(two["error"]["code"] == "unimplemented");
  const json cut =
      json::parse(PartsOf(rig.Post("TailCalls", kConnectJson, Enveloped(0, "{}").substr(0, 6)).body).at(0).message);
  CHECK(cut["error"]["code"] == "invalid_argument");
  const absl::MutexLock lock(&rig.api().mutex);
  CHECK(rig.api().seen.empty());
}

TEST_CASE("metadata goes both ways, but for what is HTTP's, a protocol's or the door's") {
  DoorRig rig(
      {{{"x-first", "1"}, {"x-raw-bin", std::string("\0\xff", 2)}}, {TwoCalls()}, grpc::Status::OK, {{"x-last", "2"}}});
  const Got got = rig.Post("SearchCalls",
                           With(kJson, {{"X-Mine", "one"},
                                        {"X-Bytes-Bin", "AP8, AQ=="},
                                        {"Cookie", "secret=1"},
                                        {"Authorization", "Bearer secret"},
                                        {"Sallyport-Visit", "visit-99"},
                                        {"Sallyport-Session", "mine"},
                                        {"Origin", "http://localhost"},
                                        {"Keep-Alive", "1"}}),
                           "{}");
  CHECK(got.status == 200);
  CHECK(got.Header("x-first") == "1");
  CHECK(got.Header("x-raw-bin") == "AP8");
  CHECK(got.Header("trailer-x-last") == "2");
  const auto metadata = rig.api().Last().metadata;
  CHECK(metadata.count("x-mine") == 1);
  CHECK(metadata.count("sallyport-session") == 1);
  REQUIRE(metadata.count("x-bytes-bin") == 2);
  CHECK(metadata.find("x-bytes-bin")->second == std::string("\0\xff", 2));
  REQUIRE(metadata.count("sallyport-visit") == 1);
  CHECK(metadata.find("sallyport-visit")->second == "visit-1");
  for (const char* name : {"cookie", "authorization", "origin", "keep-alive", "host", "content-length"}) {
    INFO(name);
    CHECK(metadata.count(name) == 0);
  }
  CHECK(rig.Post("SearchCalls", With(kJson, {{"X-Bytes-Bin", "?"}}), "{}").status == 400);
  CHECK(rig.Post("SearchCalls", With(kJson, {{"X-Text", "\xc3\xa4"}}), "{}").status == 400);
  CHECK(rig.Post("SearchCalls", With(kJson, {{"X~Odd", "1"}}), "{}").status == 400);
}

TEST_CASE("an Authorization that comes twice is refused") {
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}});
  const Got got =
      rig.Post("SearchCalls", With(kJson, {{"Authorization", "Bearer a"}, {"authorization", "Bearer b"}}), "{}");
  CHECK(got.status == 400);
  CHECK_FALSE(absl::StrContains(got.body, "Bearer"));
}

TEST_CASE("who is logged in comes as such; with an Authorization besides, or a log-in that is refused, nobody comes") {
  HttpDoorHandlers handlers;
  handlers.proof = [](const ReceivedRequest& request) -> absl::StatusOr<std::optional<Caller>> {
    const std::string* cookie = request.Header("cookie");
    if (cookie == nullptr) return std::optional<Caller>();
    if (*cookie != "good") return absl::UnauthenticatedError("the log-in has ended");
    return std::optional<Caller>(Caller());
  };
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}}, {}, handlers);
  CHECK(rig.Post("SearchCalls", With(kJson, {{"Cookie", "good"}}), "{}").status == 200);
  CHECK(rig.LastVisitor().proved.has_value());
  CHECK(rig.Post("SearchCalls", kJson, "{}").status == 200);
  CHECK_FALSE(rig.LastVisitor().proved.has_value());
  CHECK(rig.Post("SearchCalls", With(kJson, {{"Cookie", "bad"}}), "{}").status == 401);
  CHECK(rig.Post("SearchCalls", With(kJson, {{"Cookie", "good"}, {"Authorization", "Bearer a"}}), "{}").status == 400);
}

TEST_CASE("paths of others come before the services, and behind Host and Origin") {
  HttpDoorHandlers handlers;
  handlers.paths.push_back([](const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().target != "/login") return false;
    exchange->Answer({200, {}, "who are you?"});
    return true;
  });
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}}, {}, handlers);
  CHECK(rig.Ask("GET", "/login", {}, "").body == "who are you?");
  CHECK(rig.Ask("GET", "/login", {{"Origin", "https://evil.example"}}, "").status == 403);
  CHECK(rig.Ask("GET", "/other", {}, "").status == 404);
}

TEST_CASE("pages of other origins are kept out, but for those that may ask") {
  HttpDoorOptions options;
  options.origins = {"https://pages.example"};
  options.hosts = {"sallyport.example"};
  DoorRig rig({{{"x-first", "1"}}, {TwoCalls()}, grpc::Status::OK, {}}, std::move(options));
  const auto status = [&](const Pairs& headers) { return rig.Post("SearchCalls", With(kJson, headers), "{}").status; };
  CHECK(status({{"Origin", "https://evil.example"}}) == 403);
  CHECK(status({{"Origin", "null"}}) == 403);
  CHECK(status({{"Origin", "https://pages.example.evil"}}) == 403);
  CHECK(status({{"Origin", "http://localhost:81"}}) == 403);
  CHECK(status({{"Origin", "http://localhost"}}) == 200);
  CHECK(status({{"Origin", "https://pages.example"}, {"Origin", "https://evil.example"}}) == 400);
  const Got allowed = rig.Post("SearchCalls", With(kJson, {{"Origin", "https://pages.example"}}), "{}");
  CHECK(allowed.status == 200);
  CHECK(allowed.Header("access-control-allow-origin") == "https://pages.example");
  CHECK(absl::StrContains(allowed.Header("access-control-expose-headers"), "x-first"));
  CHECK(allowed.headers.count("access-control-allow-credentials") == 0);
  const Pairs asks = {{"Access-Control-Request-Method", "POST"}, {"Access-Control-Request-Headers", "authorization"}};
  const Got preflight =
      rig.Ask("OPTIONS", "/sallyport.v1.Audit/SearchCalls", With(asks, {{"Origin", "https://pages.example"}}), "");
  CHECK(preflight.status == 204);
  CHECK(preflight.Header("access-control-allow-origin") == "https://pages.example");
  for (const char* name :
       {"Authorization", "Connect-Protocol-Version", "Connect-Timeout-Ms", "X-Grpc-Web", "Grpc-Timeout"}) {
    CHECK(absl::StrContains(preflight.Header("access-control-allow-headers"), name));
  }
  const Got refused =
      rig.Ask("OPTIONS", "/sallyport.v1.Audit/SearchCalls", With(asks, {{"Origin", "https://evil.example"}}), "");
  CHECK(refused.status == 403);
  CHECK(refused.headers.count("access-control-allow-origin") == 0);
}

TEST_CASE("whoever asks by a name that is not the door's is sent away") {
  HttpDoorOptions options;
  options.hosts = {"sallyport.example", "other.example:8443"};
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}}, std::move(options));
  const auto status = [&](const std::string& host) {
    return rig.Post("SearchCalls", With(kJson, {{"Host", host}}), "{}").status;
  };
  for (const char* host : {"localhost", "LOCALHOST:1", "127.0.0.1:50052", "[::1]:1", "sallyport.example",
                           "Sallyport.Example:443", "other.example:8443"}) {
    INFO(host);
    CHECK(status(host) == 200);
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "other.example",
                           "sallyport.example@evil", "10.0.0.7", "", "a b"}) {
    INFO(host);
    CHECK(status(host) == 421);
  }
  CHECK(rig.Post("SearchCalls", With(kJson, {{"Host", "localhost"}, {"Host", "evil.example"}}), "{}").status == 400);
}

TEST_CASE("a client that goes ends its stream, and one that takes nothing is sent no more than fits on the way") {
  Script script;
  SECTION("it goes") {
    script.messages = {Skipped(1)};
    script.holds = true;
    DoorRig rig(script);
    {
      RawConnection connection(rig.door().address());
      connection.Send(DoorRig::Written("POST", "/sallyport.v1.Audit/TailCalls", kConnectProto, Enveloped(0, "")));
      CHECK(absl::StrContains(connection.ReadSome(), "200"));
    }
    CHECK(rig.api().Await([](testing::ScriptedApi& api) { return api.cancelled == 1; }));
  }
  SECTION("it takes nothing") {
    HttpDoorOptions options;
    options.limits.write_time = absl::Milliseconds(500);
    constexpr size_t kMessages = 400;
    v1::TailCallsResponse said;
    said.mutable_event()->set_method(std::string(100000, 'm'));
    script.messages.assign(kMessages, said.SerializeAsString());
    DoorRig rig(script, std::move(options));
    RawConnection connection(rig.door().address(), 4096);
    connection.Send(DoorRig::Written("POST", "/sallyport.v1.Audit/TailCalls", kConnectProto, Enveloped(0, "")));
    CHECK(rig.api().Await([](testing::ScriptedApi& api) { return api.cancelled == 1; }));
    const absl::MutexLock lock(&rig.api().mutex);
    CHECK(rig.api().written < kMessages / 2);
  }
}

TEST_CASE("a door that ends cuts its streams") {
  Script script;
  script.messages = {Skipped(1)};
  script.holds = true;
  DoorRig rig(script);
  RawConnection connection(rig.door().address());
  connection.Send(DoorRig::Written("POST", "/sallyport.v1.Audit/TailCalls", kConnectProto, Enveloped(0, "")));
  CHECK(absl::StrContains(connection.ReadSome(), "200"));
  rig.CloseDoor();
  CHECK(rig.api().Await([](testing::ScriptedApi& api) { return api.cancelled == 1; }));
  CHECK_FALSE(ReadAnswer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + connection.ReadAll()).whole);
}

TEST_CASE("a client has only so many calls open, and gets the place of one that ended") {
  HttpDoorOptions options;
  options.limits.most_client_calls = 1;
  Script script;
  script.messages = {Skipped(1)};
  script.holds = true;
  DoorRig rig(script, std::move(options));
  const std::string request =
      DoorRig::Written("POST", "/sallyport.v1.Audit/TailCalls", kConnectProto, Enveloped(0, ""));
  auto first = std::make_unique<RawConnection>(rig.door().address());
  first->Send(request);
  CHECK(absl::StrContains(first->ReadSome(), "200"));
  const Got second = rig.Post("TailCalls", kConnectProto, Enveloped(0, ""));
  CHECK(absl::StrContains(second.body, "resource_exhausted"));
  CHECK(rig.Post("SearchCalls", kJson, "{}").status == 429);
  first = nullptr;
  CHECK(rig.api().Await([](testing::ScriptedApi& api) { return api.cancelled == 1; }));
  // The place is given back a moment later than the service hears of the end.
  bool taken = false;
  for (int i = 0; i < 1000 && !taken; ++i) {
    RawConnection again(rig.door().address());
    again.Send(request);
    taken = !absl::StrContains(again.ReadSome(), "resource_exhausted");
  }
  CHECK(taken);
}

TEST_CASE("a request that is too large is refused by its size") {
  HttpDoorOptions options;
  options.limits.most_body_bytes = 1000;
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}}, std::move(options));
  CHECK(rig.Post("SearchCalls", kJson, "{\"pageToken\":\"" + std::string(2000, 'a') + "\"}").status == 413);
}

TEST_CASE("settings that are not in order are told before anything is listened on") {
  DoorRig rig({});
  const auto start = [&](const std::function<void(HttpDoorOptions&)>& change) {
    HttpDoorOptions options;
    options.address = "127.0.0.1:0";
    change(options);
    return HttpDoor::Start(std::move(options), &rig, {}).status();
  };
  CHECK(start([](auto& options) {}).ok());
  CHECK(start([](auto& options) { options.origins = {"sallyport.example"}; }).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(start([](auto& options) { options.origins = {"https://a.example/path"}; }).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(start([](auto& options) { options.hosts = {"https://a.example"}; }).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(start([](auto& options) { options.services = {"no.such.Service"}; }).code() ==
        absl::StatusCode::kInvalidArgument);
  CHECK(start([](auto& options) { options.address = "nowhere"; }).code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sallyport::gateway
