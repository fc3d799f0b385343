#include "gateway/admin/admin_server.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_server.h"
#include "tests/fakes/raw_connection.h"

namespace sallyport::gateway {
namespace {

using testing::RawConnection;

std::unique_ptr<AdminServer> Start(AdminServer::Handlers handlers, const std::string& address = "127.0.0.1:0") {
  auto server = AdminServer::Start(address, std::move(handlers));
  INFO(server.status());
  REQUIRE(server.ok());
  return *std::move(server);
}

AdminServer::Handlers Keys() {
  return {{"/keys", [] { return AdminAnswer{200, "application/json", "{}", absl::Minutes(1)}; }}};
}

HttpResponse Get(const AdminServer& server, const std::string& path, HttpMethod method = HttpMethod::kGet) {
  auto client = HttpClient::Create({});
  REQUIRE(client.ok());
  auto response = (*client)->Send({method, "http://" + server.address() + path, {}, "body"});
  INFO(response.status());
  REQUIRE(response.ok());
  return *response;
}

TEST_CASE("what is registered is served, and may be kept for as long as it says") {
  const auto server = Start(Keys());
  const HttpResponse keys = Get(*server, "/keys");
  CHECK(keys.status == 200);
  CHECK(keys.content_type == "application/json");
  CHECK(keys.body == "{}");
  CHECK(Get(*server, "/keys?v=1").status == 200);
  RawConnection connection(server->address());
  REQUIRE(connection.Send("GET /keys HTTP/1.1\r\nHost: x\r\n\r\n"));
  const std::string answer = connection.ReadAll();
  CHECK(answer.find("Cache-Control: public, max-age=60\r\n") != std::string::npos);
  CHECK(answer.find("X-Content-Type-Options: nosniff\r\n") != std::string::npos);
  RawConnection head(server->address());
  REQUIRE(head.Send("HEAD /keys HTTP/1.1\r\nHost: x\r\n\r\n"));
  CHECK(head.ReadAll().ends_with("\r\n\r\n"));
}

TEST_CASE("nothing else is served") {
  const auto server = Start(Keys());
  for (const char* path :
       {"/", "/Keys", "/keys/", "/keys/../keys", "//keys", "/keys%00", "/etc/passwd", "/../../etc/passwd"}) {
    INFO(path);
    const int status = Get(*server, path).status;
    // libcurl resolves dots itself.
    CHECK(status == (std::string_view(path) == "/keys/../keys" ? 200 : 404));
  }
  CHECK(Get(*server, "/keys", HttpMethod::kPost).status == 405);
}

TEST_CASE("hostile requests end, and others are served after them") {
  const auto server = Start(Keys());
  const std::string many(16 << 10, 'a');
  for (const std::string& request :
       {std::string("\r\n\r\n"), std::string("rubbish\r\n\r\n"), std::string(100, '\0'), std::string("\x16\x03\x01", 3),
        std::string("GET /keys HTTP/9.9\r\n\r\n"), std::string("GET  /keys  HTTP/1.1\r\n\r\n"),
        "GET /" + many + " HTTP/1.1\r\n\r\n", "GET /keys HTTP/1.1\r\nx: " + many + "\r\n\r\n",
        std::string("POST /keys HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\nx"),
        std::string("POST /keys HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
        std::string("GET /keys HTTP/1.1\r\nRange: bytes=0-99999999999999999999,-,5-1\r\n\r\n"),
        std::string("GET /keys HTTP/1.1\r\nExpect: 100-continue\r\n\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")}) {
    RawConnection connection(server->address());
    connection.Send(request);
    connection.EndSending();
    connection.ReadAll();  // to the end, which must come
  }
  CHECK(Get(*server, "/keys").status == 200);
}

TEST_CASE("a request without end is cut off after 16 KiB") {
  const auto server = Start(Keys());
  RawConnection connection(server->address());
  connection.Send("GET /keys HTTP/1.1\r\n");
  int sent = 0;
  while (sent < 1'000'000 && connection.Send("x-header: 0123456789\r\n")) ++sent;
  // Far less than what it would have gone on to say; the rest filled the sockets' buffers.
  CHECK(sent < 1'000'000);
  CHECK(Get(*server, "/keys").status == 200);
}

TEST_CASE("connections that say nothing are cut when it ends") {
  auto server = Start(Keys());
  std::vector<std::unique_ptr<RawConnection>> idle;
  idle.reserve(3);
  for (int i = 0; i < 3; ++i) idle.push_back(std::make_unique<RawConnection>(server->address()));
  CHECK(Get(*server, "/keys").status == 200);
  const absl::Time begun = absl::Now();
  server = nullptr;
  CHECK(absl::Now() - begun < absl::Seconds(9));  // of the 10 that they would have had
  for (const auto& connection : idle) CHECK(connection->ReadAll().empty());
}

TEST_CASE("a handler that fails is the server's trouble alone") {
  const auto server = Start({{"/throws", []() -> AdminAnswer { throw std::runtime_error("canary"); }},
                             {"/down", [] {
                                return AdminAnswer{503, "text/plain", "not now"};
                              }}});
  const HttpResponse response = Get(*server, "/throws");
  CHECK(response.status == 500);
  CHECK(response.body.find("canary") == std::string::npos);
  CHECK(Get(*server, "/down").status == 503);
  CHECK(Get(*server, "/down").body == "not now");
}

TEST_CASE("more callers than threads are all served in the end") {
  absl::Notification go_on;
  std::atomic<int> most = 0;
  std::atomic<int> now = 0;
  const auto server = Start({{"/slow", [&] {
                                const int here = ++now;
                                int seen = most;
                                while (here > seen && !most.compare_exchange_weak(seen, here)) {
                                }
                                go_on.WaitForNotification();
                                --now;
                                return AdminAnswer{};
                              }}});
  constexpr int kCallers = 40;
  std::vector<std::thread> threads;
  threads.reserve(kCallers);
  std::atomic<int> served = 0;
  for (int i = 0; i < kCallers; ++i) {
    threads.emplace_back([&] {
      // One whose request is slow to come may have to make room for others, and comes again.
      for (int tries = 0; tries < 100; ++tries) {
        RawConnection connection(server->address());
        connection.Send("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
        const std::string answer = connection.ReadAll();
        served += answer.starts_with("HTTP/1.1 200");
        if (!answer.empty()) break;
      }
    });
  }
  go_on.Notify();
  for (std::thread& thread : threads) thread.join();
  CHECK(served == kCallers);
  CHECK(most <= 4);
}

TEST_CASE("an address that cannot be listened on is told") {
  for (const char* bad :
       {"", "x", ":1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", "127.0.0.1:-1", "::1:5"}) {
    INFO(bad);
    CHECK_FALSE(CheckHttpAddress(bad).ok());
    CHECK(absl::IsInvalidArgument(AdminServer::Start(bad, {}).status()));
  }
  CHECK(CheckHttpAddress("[::1]:0").ok());
  CHECK(CheckHttpAddress("localhost:8080").ok());
  const auto server = Start({});
  const absl::Status taken = AdminServer::Start(server->address(), {}).status();
  CHECK(absl::IsUnavailable(taken));
  CHECK(std::string(taken.message()).find(server->address()) != std::string::npos);
}

}  // namespace
}  // namespace sallyport::gateway
