#include "gateway/http/http_client.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "tests/fakes/http_server.h"

namespace sallyport::gateway {
namespace {

using testing::HttpAnswer;
using testing::HttpServer;
using testing::ReceivedRequest;

std::unique_ptr<HttpClient> Client(const HttpClient::Options& options = {}) {
  auto client = HttpClient::Create(options);
  REQUIRE(client.ok());
  return *std::move(client);
}

}  // namespace

TEST_CASE("requests go out as they are made, one after the other with one client") {
  std::vector<ReceivedRequest> received;
  HttpServer server([&](const ReceivedRequest& request) {
    received.push_back(request);
    return HttpAnswer("201 Created", "{}", "Content-Type: application/json\r\n");
  });
  const std::unique_ptr<HttpClient> client = Client();
  const auto response =
      client->Send({HttpMethod::kPost,
                    server.url() + "/token?x=1",
                    {{"Content-Type", "application/x-www-form-urlencoded"}, {"Authorization", "Bearer b"}},
                    "grant_type=client_credentials"});
  REQUIRE(response.ok());
  CHECK(response->status == 201);
  CHECK(response->content_type == "application/json");
  CHECK(response->body == "{}");
  REQUIRE(client->Send({HttpMethod::kGet, server.url() + "/keys", {{"accept", "application/json"}}, ""}).ok());
  REQUIRE(client->Send(TextPost(server.url(), "")).ok());
  REQUIRE(received.size() == 3);
  CHECK(received[0].method == "POST");
  CHECK(received[0].target == "/token?x=1");
  CHECK(received[0].body == "grant_type=client_credentials");
  CHECK(received[0].headers["content-type"] == "application/x-www-form-urlencoded");
  CHECK(received[0].headers["authorization"] == "Bearer b");
  CHECK_FALSE(received[0].headers.contains("accept"));
  CHECK_FALSE(received[0].headers.contains("expect"));
  // Nothing of one request is left in the next.
  CHECK(received[1].method == "GET");
  CHECK(received[1].body.empty());
  CHECK(received[1].headers["accept"] == "application/json");
  CHECK_FALSE(received[1].headers.contains("authorization"));
  CHECK_FALSE(received[1].headers.contains("content-type"));
  CHECK(received[2].headers["content-type"] == "text/plain; charset=utf-8");
  CHECK(received[2].headers["content-length"] == "0");
}

TEST_CASE("no header can bring another line") {
  const std::unique_ptr<HttpClient> client = Client();
  for (const auto& [name, value] :
       std::vector<std::pair<std::string, std::string>>{{"Authorization", "Bearer a\r\nX: y"},
                                                        {"Authorization", "a\n"},
                                                        {"Authorization", std::string("a\0b", 3)},
                                                        {"Authorization", ""},
                                                        {"", "x"},
                                                        {"A: b", "x"},
                                                        {"A\r\nB", "x"},
                                                        {"A b", "x"}}) {
    const auto response = client->Send({HttpMethod::kGet, "http://127.0.0.1:1/", {{name, value}}, ""});
    CHECK(absl::IsInvalidArgument(response.status()));
    CHECK_FALSE(absl::StrContains(response.status().message(), "Bearer"));
  }
}

TEST_CASE("redirects are not followed, and answers are bounded") {
  int asked = 0;
  HttpServer server([&](const ReceivedRequest& request) {
    ++asked;
    return request.target == "/moved" ? HttpAnswer("302 Found", "", "Location: /else\r\n")
                                      : HttpAnswer("200 OK", std::string(5000, 'x'));
  });
  HttpClient::Options options;
  options.most_response_bytes = 4999;
  const std::unique_ptr<HttpClient> client = Client(options);
  const auto moved = client->Send({HttpMethod::kGet, server.url() + "/moved", {}, ""});
  REQUIRE(moved.ok());
  CHECK(moved->status == 302);
  CHECK(asked == 1);
  const auto large = client->Send({HttpMethod::kGet, server.url() + "/large?secret", {}, ""});
  CHECK(absl::IsUnavailable(large.status()));
  CHECK(large.status().message() == server.url() + ": the answer is too long");
  // What failed leaves nothing behind.
  CHECK(client->Send({HttpMethod::kGet, server.url() + "/moved", {}, ""})->status == 302);
}

TEST_CASE("a server that is away, silent or talks nonsense is told of, without the secrets of the URL") {
  HttpServer nonsense([](const ReceivedRequest&) { return std::string("SSH-2.0-OpenSSH\r\n"); });
  HttpServer silent([](const ReceivedRequest&) { return std::string(); });
  HttpServer short_one(
      [](const ReceivedRequest&) { return std::string("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"); });
  const std::unique_ptr<HttpClient> client = Client();
  for (const std::string& url : {nonsense.url(), silent.url(), short_one.url(), std::string("http://127.0.0.1:1")}) {
    const auto response = client->Send({HttpMethod::kGet, url + "/secret?secret", {}, ""});
    INFO(response.status());
    CHECK(absl::IsUnavailable(response.status()));
    CHECK(absl::StrContains(response.status().message(), url));
    CHECK_FALSE(absl::StrContains(response.status().message(), "secret"));
  }
}

TEST_CASE("a request takes no longer than it may, and can be cancelled") {
  absl::Notification end;
  HttpServer slow([&](const ReceivedRequest&) {
    end.WaitForNotification();
    return HttpAnswer("200 OK", "");
  });
  HttpClient::Options options;
  options.timeout = absl::Milliseconds(100);
  const auto late = Client(options)->Send({HttpMethod::kGet, slow.url(), {}, ""});
  CHECK(absl::IsUnavailable(late.status()));
  const std::unique_ptr<HttpClient> client = Client();
  client->Cancel();
  CHECK(absl::IsCancelled(client->Send({HttpMethod::kGet, slow.url(), {}, ""}).status()));
  end.Notify();
}

TEST_CASE("plain http is exposed, but on loopback") {
  for (const char* url : {"https://idp.example/", "http://127.0.0.1:8080", "http://127.1.2.3/", "http://localhost/x",
                          "http://[::1]:99/", "http://LOCALHOST/"}) {
    INFO(url);
    CHECK_FALSE(IsExposed(url));
  }
  for (const char* url : {"http://idp.example/", "http://127.0.0.1.example/", "http://localhost.example/",
                          "http://[::2]/", "http://10.0.0.1/", "nonsense", "http://127.0.0.1@idp.example/"}) {
    INFO(url);
    CHECK(IsExposed(url));
  }
}

}  // namespace sallyport::gateway
