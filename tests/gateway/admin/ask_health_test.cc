#include "gateway/admin/ask_health.h"

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "gateway/admin/admin_server.h"

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kLong = absl::Seconds(20);

std::unique_ptr<AdminServer> Answering(int status, const std::string& body) {
  auto server = AdminServer::Start("127.0.0.1:0", {{"/readyz",
                                                    [=] {
                                                      return AdminAnswer{status, "text/plain", body};
                                                    }},
                                                   {"/healthz", [] {
                                                      return AdminAnswer{200, "text/plain", "ok"};
                                                    }}});
  INFO(server.status());
  REQUIRE(server.ok());
  return *std::move(server);
}

TEST_CASE("a gateway that is ready is in order") {
  const auto server = Answering(200, "ready\n");
  const absl::Status status = AskHealth(server->address(), kLong);
  INFO(status);
  CHECK(status.ok());
}

TEST_CASE("a gateway that runs and is not ready is not in order, with its reason") {
  const auto server = Answering(503, "the log cannot be written: no space\n");
  const absl::Status status = AskHealth(server->address(), kLong);
  CHECK(status.code() == absl::StatusCode::kFailedPrecondition);
  INFO(status);
  CHECK(absl::StrContains(status.message(), "the log cannot be written: no space"));
}

TEST_CASE("where nothing listens there is nobody to be in order") {
  std::string address;
  {
    const auto server = Answering(200, "ready\n");
    address = server->address();
  }
  CHECK(AskHealth(address, kLong).code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("one that never answers is given up") {
  auto admin = AdminServer::Start("127.0.0.1:0", {{"/readyz", [] {
                                                     absl::SleepFor(absl::Seconds(2));
                                                     return AdminAnswer{200, "text/plain", "late"};
                                                   }}});
  REQUIRE(admin.ok());
  CHECK(AskHealth((*admin)->address(), absl::Milliseconds(100)).code() == absl::StatusCode::kUnavailable);
}

TEST_CASE("what is no address is refused, saying what is expected") {
  for (const char* address : {"", "localhost", "http://127.0.0.1:1", "127.0.0.1:1/x", "user@127.0.0.1:1",
                              "127.0.0.1:port", "127.0.0.1:1?x", "127.0.0.1:1#x", "127.0.0.1 :1"}) {
    const absl::Status status = AskHealth(address, kLong);
    INFO(address << ": " << status);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(absl::StrContains(status.message(), "expected host:port"));
  }
}

}  // namespace
}  // namespace sallyport::gateway
