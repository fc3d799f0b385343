// What clients of the door get: each protocol, each codec, what goes wrong, and what is kept out.
#include "gateway/api/door/http_door.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/api/door/door_error.h"
#include "gateway/api/door/envelopes.h"
#include "google/rpc/status.pb.h"
#include "protos/message_encoding.h"
#include "sallyport/v1/audit.pb.h"
#include "tests/gateway/api/door/door_rig.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;
using sallyport::testing::RawConnection;
using testing::DoorRig;
using testing::Got;
using testing::Pairs;
using testing::ReadAnswer;
using testing::Script;

const Pairs kJson = {{"Content-Type", "application/json"}};
const Pairs kConnectJson = {{"Content-Type", "application/connect+json"}};
const Pairs kConnectProto = {{"Content-Type", "application/connect+proto"}};
const Pairs kWeb = {{"Content-Type", "application/grpc-web+proto"}, {"X-Grpc-Web", "1"}};
const Pairs kWebText = {{"Content-Type", "application/grpc-web-text"}};

Pairs With(Pairs headers, const Pairs& more) {
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

std::string TwoCalls(size_t id_bytes = 4) {
  v1::SearchCallsResponse response;
  response.add_calls()->set_id(std::string(id_bytes, 'a'));
  response.add_calls()->set_id("second");
  response.set_next_page_token("next");
  response.set_count(7);
  return response.SerializeAsString();
}

std::string Skipped(uint64_t number) {
  v1::TailCallsResponse said;
  said.set_skipped(number);
  return said.SerializeAsString();
}

std::string PayRequest() {
  v1::SearchCallsRequest request;
  request.mutable_filter()->set_method("pay.*");
  request.set_page_size(100);
  return request.SerializeAsString();
}

Script Refusing(grpc::StatusCode code, const std::string& message = "no ä%") {
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  v1::Filter detail;
  detail.set_method("pay.*");
  status.add_details()->PackFrom(detail);
  Script script;
  script.status = grpc::Status(code, message, status.SerializeAsString());
  script.trailing = {{"x-why", "because"}};
  return script;
}

struct Part {
  uint8_t flags = 0;
  std::string message;
};
std::vector<Part> PartsOf(std::string body) {
  std::vector<Part> parts;
  while (body.size() >= 5) {
    size_t length = 0;
    for (size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
    REQUIRE(body.size() >= 5 + length);
    parts.push_back({static_cast<uint8_t>(body[0]), body.substr(5, length)});
    body.erase(0, 5 + length);
  }
  CHECK(body.empty());
  return parts;
}

TEST_CASE("plain JSON is asked and answered as Connect says") {
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}});
  const Got got = rig.Post("SearchCalls", With(kJson, {{"Authorization", "Bearer me"}}),
                           R"({"filter":{"method":"pay.*"},"pageSize":100})");
  CHECK(got.status == 200);
  CHECK(got.Header("content-type") == "application/json");
  CHECK(got.Header("cache-control") == "no-store");
  const json said = json::parse(got.body);
  CHECK(said["calls"].size() == 2);
  CHECK(said["calls"][0]["id"] == "aaaa");
  CHECK(said["nextPageToken"] == "next");
  CHECK(said["count"] == "7");  // 64 bits are a text
  const testing::SeenCall seen = rig.api().Last();
  CHECK(seen.method == "/sallyport.v1.Audit/SearchCalls");
  CHECK(seen.request == PayRequest());
  CHECK(seen.metadata.find(ApiBackend::kVisitKey)->second == "visit-1");
  CHECK_FALSE(seen.has_deadline);
  const ApiVisitor visitor = rig.LastVisitor();
  CHECK(visitor.authorization == "Bearer me");
  CHECK(absl::StartsWith(visitor.peer, "ipv4:127.0.0.1:"));
  CHECK(visitor.authority == "localhost");
  CHECK_FALSE(visitor.proved.has_value());
}

TEST_CASE("the wire format is asked and answered as Connect says, and by GET where nothing is changed") {
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}});
  const Got got =
      rig.Post("SearchCalls", {{"Content-Type", "application/proto"}, {"connect-protocol-version", "1"}}, PayRequest());
  CHECK(got.status == 200);
  CHECK(got.Header("content-type") == "application/proto");
  CHECK(got.body == TwoCalls());
  const Got by_get = rig.Ask("GET",
                             absl::StrCat("/sallyport.v1.Audit/SearchCalls?connect=v1&encoding=proto&base64=1&message=",
                                          absl::WebSafeBase64Escape(PayRequest())),
                             {}, "");
  CHECK(by_get.status == 200);
  CHECK(by_get.body == TwoCalls());
  CHECK(rig.api().Last().request == PayRequest());
  const Got in_json =
      rig.Ask("GET", "/sallyport.v1.Audit/SearchCalls?encoding=json&message=%7B%22pageSize%22%3A100%7D", {}, "");
  CHECK(in_json.status == 200);
  CHECK(json::parse(in_json.body)["nextPageToken"] == "next");
  CHECK(rig.Ask("GET", "/sallyport.v1.Audit/SearchCalls?encoding=xml&message=", {}, "").status == 400);
  CHECK(rig.Ask("GET", "/sallyport.v1.Audit/TailCalls?encoding=json&message={}", {}, "").status == 405);
  // Evidence may make the log write a checkpoint.
  const Got evidence = rig.Ask("GET", "/sallyport.v1.Audit/GetEvidence?encoding=json&message={}", {}, "");
  CHECK(evidence.status == 405);
  CHECK(evidence.Header("allow") == "POST");
}

TEST_CASE("a service's error is Connect's JSON with the status that Connect says, its details and metadata") {
  const auto [code, name, status] = GENERATE(table<grpc::StatusCode, std::string, int>({
      {grpc::StatusCode::CANCELLED, "canceled", 499},
      {grpc::StatusCode::UNKNOWN, "unknown", 500},
      {grpc::StatusCode::INVALID_ARGUMENT, "invalid_argument", 400},
      {grpc::StatusCode::DEADLINE_EXCEEDED, "deadline_exceeded", 504},
      {grpc::StatusCode::NOT_FOUND, "not_found", 404},
      {grpc::StatusCode::ALREADY_EXISTS, "already_exists", 409},
      {grpc::StatusCode::PERMISSION_DENIED, "permission_denied", 403},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, "resource_exhausted", 429},
      {grpc::StatusCode::FAILED_PRECONDITION, "failed_precondition", 400},
      {grpc::StatusCode::ABORTED, "aborted", 409},
      {grpc::StatusCode::OUT_OF_RANGE, "out_of_range", 400},
      {grpc::StatusCode::UNIMPLEMENTED, "unimplemented", 501},
      {grpc::StatusCode::INTERNAL, "internal", 500},
      {grpc::StatusCode::UNAVAILABLE, "unavailable", 503},
      {grpc::StatusCode::DATA_LOSS, "data_loss", 500},
      {grpc::StatusCode::UNAUTHENTICATED, "unauthenticated", 401},
  }));
  DoorRig rig(Refusing(code));
  const Got got = rig.Post("SearchCalls", {{"Content-Type", "application/proto"}}, "");
  CHECK(got.status == status);
  CHECK(got.Header("content-type") == "application/json");
  CHECK(got.Header("trailer-x-why") == "because");
  CHECK(got.Header("www-authenticate") == (status == 401 ? "Bearer" : ""));
  const json said = json::parse(got.body);
  CHECK(said["code"] == name);
  CHECK(said["message"] == "no ä%");
  REQUIRE(said["details"].size() == 1);
  CHECK(said["details"][0]["type"] == "sallyport.v1.Filter");
  CHECK(said["details"][0]["debug"]["method"] == "pay.*");
  std::string bytes;
  REQUIRE(absl::Base64Unescape(said["details"][0]["value"].get<std::string>(), &bytes));
  CHECK_FALSE(absl::StrContains(said["details"][0]["value"].get<std::string>(), "="));
  v1::Filter detail;
  REQUIRE(detail.ParseFromString(bytes));
  CHECK(detail.method() == "pay.*");
}

TEST_CASE("a stream is Connect's envelopes, and its end says how it went") {
  const bool in_json = GENERATE(true, false);
  DoorRig rig(
      {{{"x-first", "1"}}, {Skipped(1), Skipped(2)}, grpc::Status::OK, {{"x-last", "2"}, {"x-raw-bin", "\x01"}}});
  const Got got = rig.Post("TailCalls", in_json ? kConnectJson : kConnectProto, Enveloped(0, in_json ? "{}" : ""));
  CHECK(got.status == 200);
  CHECK(got.whole);
  CHECK(got.Header("content-type") == (in_json ? "application/connect+json" : "application/connect+proto"));
  CHECK(got.Header("x-first") == "1");
  const std::vector<Part> parts = PartsOf(got.body);
  REQUIRE(parts.size() == 3);
  CHECK(parts[1].flags == 0);
  CHECK(parts[1].message == (in_json ? R"({"skipped":"2"})" : Skipped(2)));
  CHECK(parts[2].flags == kConnectEndFlag);
  CHECK(json::parse(parts[2].message) == json::parse(R"({"metadata":{"x-last":["2"],"x-raw-bin":["AQ"]}})"));
}

TEST_CASE("a stream that fails says so at its end, behind what was said before") {
  Script script = Refusing(grpc::StatusCode::PERMISSION_DENIED);
  script.messages = {Skipped(1)};
  DoorRig rig(script);
  const Got got = rig.Post("TailCalls", kConnectJson, Enveloped(0, "{}"));
  CHECK(got.status == 200);
  const std::vector<Part> parts = PartsOf(got.body);
  REQUIRE(parts.size() == 2);
  const json end = json::parse(parts[1].message);
  CHECK(end["error"]["code"] == "permission_denied");
  CHECK(end["error"]["details"].size() == 1);
  CHECK(end["metadata"]["x-why"] == json::parse(R"(["because"])"));
  const std::vector<Part> web = PartsOf(rig.Post("TailCalls", kWeb, Enveloped(0, "")).body);
  REQUIRE(web.size() == 2);
  CHECK(web[1].flags == kGrpcWebTrailersFlag);
  CHECK(absl::StrContains(web[1].message, "grpc-status: 7\r\n"));
  CHECK(absl::StrContains(web[1].message, "grpc-message: no %C3%A4%25\r\n"));
  CHECK(absl::StrContains(web[1].message, "x-why: because\r\n"));
}

TEST_CASE("gRPC-Web has trailers behind its messages, as text in base64") {
  DoorRig rig({{{"x-first", "1"}}, {TwoCalls()}, grpc::Status::OK, {{"x-last", "2"}}});
  const Got got = rig.Post("SearchCalls", kWeb, Enveloped(0, PayRequest()));
  CHECK(got.status == 200);
  CHECK(got.Header("content-type") == "application/grpc-web+proto");
  CHECK(got.Header("x-first") == "1");
  const std::vector<Part> parts = PartsOf(got.body);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].message == TwoCalls());
  CHECK(parts[1].flags == kGrpcWebTrailersFlag);
  CHECK(parts[1].message == "grpc-status: 0\r\nx-last: 2\r\n");
  CHECK(rig.api().Last().request == PayRequest());
  const Got text = rig.Post("SearchCalls", kWebText, absl::Base64Escape(Enveloped(0, PayRequest())));
  CHECK(text.Header("content-type") == "application/grpc-web-text+proto");
  const absl::StatusOr<std::string> bytes = ReadWebText(text.body);
  REQUIRE(bytes.ok());
  CHECK(*bytes == got.body);
}

TEST_CASE("an error of gRPC-Web without messages stands in the headers") {
  DoorRig rig(Refusing(grpc::StatusCode::UNAUTHENTICATED));
  const Got got = rig.Post("SearchCalls", kWeb, Enveloped(0, ""));
  CHECK(got.status == 200);
  CHECK(got.body.empty());
  CHECK(got.Header("grpc-status") == "16");
  CHECK(got.Header("grpc-message") == "no %C3%A4%25");
  std::string details;
  REQUIRE(absl::Base64Unescape(got.Header("grpc-status-details-bin"), &details));
  google::rpc::Status status;
  REQUIRE(status.ParseFromString(details));
  CHECK(status.details_size() == 1);
  CHECK(got.Header("x-why") == "because");
}

TEST_CASE("what is compressed is inflated, and answers are compressed for those who take that") {
  DoorRig rig({{}, {TwoCalls(5000)}, grpc::Status::OK, {}});
  const std::string gzip = *Gzip(PayRequest());
  SECTION("Connect, unary") {
    const Got got = rig.Post(
        "SearchCalls",
        {{"Content-Type", "application/proto"}, {"Content-Encoding", "gzip"}, {"Accept-Encoding", "br, gzip"}}, gzip);
    CHECK(got.status == 200);
    CHECK(got.Header("content-encoding") == "gzip");
    CHECK(*Inflate(MessageEncoding::kGzip, got.body, 1 << 20) == TwoCalls(5000));
    const Got plain =
        rig.Post("SearchCalls", {{"Content-Type", "application/proto"}, {"Accept-Encoding", "gzip;q=0"}}, "");
    CHECK(plain.Header("content-encoding").empty());
    CHECK(plain.body == TwoCalls(5000));
  }
  SECTION("gRPC-Web") {
    const Got got = rig.Post("SearchCalls", With(kWeb, {{"grpc-encoding", "gzip"}, {"grpc-accept-encoding", "gzip"}}),
                             Enveloped(kCompressedFlag, gzip));
    CHECK(got.Header("grpc-encoding") == "gzip");
    const std::vector<Part> parts = PartsOf(got.body);
    REQUIRE(parts.size() == 2);
    CHECK(parts[0].flags == kCompressedFlag);
    CHECK(*Inflate(MessageEncoding::kGzip, parts[0].message, 1 << 20) == TwoCalls(5000));
  }
  CHECK(rig.api().Await([](testing::ScriptedApi& api) { return !api.seen.empty(); }));
}

TEST_CASE("a message that is compressed in an unknown way, damaged, or too long inflated goes no further") {
  HttpDoorOptions options;
  options.limits.most_message_bytes = 1000;
  DoorRig rig({{}, {TwoCalls()}, grpc::Status::OK, {}}, std::move(options));
  const Pairs proto = {{"Content-Type", "application/proto"}};
  const Got unknown = rig.Post("SearchCalls", With(proto, {{"Content-Encoding", "br"}}), "x");
  CHECK(unknown.status == 501);
  CHECK(unknown.Header("accept-encoding") == "gzip");
  CHECK(rig.Post("SearchCalls", With(proto, {{"Content-Encoding", "gzip"}}), "x").status == 400);
  const Got bomb =
      rig.Post("SearchCalls", With(proto, {{"Content-Encoding", "gzip"}}), *Gzip(std::string(1 << 20, 'a')));
  CHECK(bomb.status == 429);
  CHECK(absl::StrContains(bomb.body, "1000 bytes when inflated"));
  const Got flag = rig.Post("SearchCalls", kWeb, Enveloped(kCompressedFlag, "x"));
  CHECK(flag.Header("grpc-status") == "13");
  const absl::MutexLock lock(&rig.api().mutex);
  CHECK(rig.api().seen.empty());
}

TEST_CASE("timeouts reach the service, and end a call that takes longer") {
  Script script;
  script.holds = true;
  DoorRig rig(script);
  const Got got = rig.Post("SearchCalls", With(kJson, {{"connect-timeout-ms", "1000"}}), "{}");
  CHECK(got.status == 504);
  CHECK(json::parse(got.body)["code"] == "deadline_exceeded");
  CHECK(rig.api().Await([](testing::ScriptedApi& api) { return api.cancelled == 1; }));
  CHECK(rig.api().Last().has_deadline);
  const std::vector<Part> parts =
      PartsOf(rig.Post("TailCalls", With(kWeb, {{"grpc-timeout", "1S"}}), Enveloped(0, "")).body);
  REQUIRE(parts.size() == 1);
  CHECK(absl::StrContains(parts[0].message, "grpc-status: 4\r\n"));
  CHECK(rig.Post("SearchCalls", With(kJson, {{"connect-timeout-ms", "12345678901"}}), "{}").status == 400);
  CHECK(rig.Post("SearchCalls", With(kJson, {{"connect-timeout-ms", "-1"}}), "{}").status == 400);
  CHECK(rig.Post("SearchCalls", With(kWeb, {{"grpc-timeout", "1x"}}), Enveloped(0, "")).Header("grpc-status") == "3");
}

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
