// What clients of the door get: each protocol, each codec, and what goes wrong in the service.
#include "gateway/api/door/http_door.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/api/door/envelopes.h"
#include "google/rpc/status.pb.h"
#include "protos/message_encoding.h"
#include "sallyport/v1/audit.pb.h"
#include "tests/gateway/api/door/door_messages.h"
#include "tests/gateway/api/door/door_rig.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;
using testing::DoorRig;
using testing::Got;
using testing::kConnectJson;
using testing::kConnectProto;
using testing::kJson;
using testing::kWeb;
using testing::kWebText;
using testing::Pairs;
using testing::Part;
using testing::PartsOf;
using testing::PayRequest;
using testing::Refusing;
using testing::Script;
using testing::Skipped;
using testing::TwoCalls;
using testing::With;

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

TEST_CASE("an answer that its status comes with is given, as one that the status comes behind") {
  Script script{{{"x-first", "1"}}, {TwoCalls()}, grpc::Status::OK, {{"x-last", "2"}}};
  script.together = GENERATE(true, false);
  DoorRig rig(script);
  const Got got = rig.Post("SearchCalls", {{"Content-Type", "application/proto"}}, "");
  CHECK(got.status == 200);
  CHECK(got.body == TwoCalls());
  CHECK(got.Header("x-first") == "1");
  CHECK(got.Header("trailer-x-last") == "2");
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

}  // namespace
}  // namespace sallyport::gateway
