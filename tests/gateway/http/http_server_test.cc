// The HTTP server as its clients meet it, well-meaning or not. Times are short and only ever awaited.
#include "gateway/http/http_server.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "tests/fakes/raw_connection.h"

namespace sallyport::gateway {
namespace {

using testing::RawConnection;
using Exchange = std::shared_ptr<HttpExchange>;

constexpr absl::Duration kLong = absl::Seconds(60);

HttpServerOptions Options() {
  HttpServerOptions options;
  options.name = "the test";
  return options;
}

std::unique_ptr<HttpServer> Serve(HttpServerOptions options, HttpServer::Handler handler) {
  absl::StatusOr<std::unique_ptr<HttpServer>> server =
      HttpServer::Start("127.0.0.1:0", std::move(options), std::move(handler));
  INFO(server.status());
  REQUIRE(server.ok());
  return *std::move(server);
}

void SayOk(const Exchange& exchange) { exchange->Answer({200, {{"Content-Type", "text/plain"}}, "ok"}); }

std::string Ask(const HttpServer& server, const std::string& request) {
  RawConnection connection(server.address());
  connection.Send(request);
  return connection.ReadAll();
}

const std::string kGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

// Exchanges that the test answers.
class Kept {
 public:
  HttpServer::Handler handler() {
    return [this](const Exchange& exchange) {
      absl::MutexLock lock(&mutex_);
      exchanges_.push_back(exchange);
    };
  }
  Exchange Take() {
    absl::MutexLock lock(&mutex_);
    const auto there = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !exchanges_.empty(); };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&there), kLong)) return nullptr;
    Exchange first = exchanges_.front();
    exchanges_.erase(exchanges_.begin());
    return first;
  }

 private:
  absl::Mutex mutex_;
  std::vector<Exchange> exchanges_ ABSL_GUARDED_BY(mutex_);
};

// Writes a part and waits for what becomes of it.
bool WriteAndWait(HttpExchange& exchange, std::string part) {
  auto done = std::make_shared<absl::Notification>();
  auto taken = std::make_shared<std::atomic<bool>>(false);
  exchange.Write(std::move(part), [done, taken](bool written) {
    *taken = written;
    done->Notify();
  });
  REQUIRE(done->WaitForNotificationWithTimeout(kLong));
  return *taken;
}

TEST_CASE("a handler sees all of a request, and its answer goes out whole") {
  ReceivedRequest seen;
  auto server = Serve(Options(), [&](const Exchange& exchange) {
    seen = exchange->request();
    exchange->Answer({201, {{"X-One", "1"}, {"X-Bad", "a\r\nX-Evil: 1"}}, "made"});
  });
  const std::string answer =
      Ask(*server,
          "PATCH /a%20b?c=d HTTP/1.1\r\nHost: x\r\nX-Case: Kept \r\nx-case: again\r\nContent-Length: 4\r\n\r\nbody");
  CHECK(answer ==
        "HTTP/1.1 201 Created\r\nX-One: 1\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n"
        "Content-Length: 4\r\n\r\nmade");
  CHECK(seen.method == "PATCH");
  CHECK(seen.target == "/a%20b?c=d");
  CHECK(seen.headers == HttpHeaders{{"host", "x"}, {"x-case", "Kept"}, {"x-case", "again"}, {"content-length", "4"}});
  REQUIRE(seen.Header("x-case") != nullptr);
  CHECK(*seen.Header("x-case") == "Kept");
  CHECK(seen.Header("cookie") == nullptr);
  CHECK(seen.body == "body");
  CHECK(absl::StartsWith(seen.peer.address, "127.0.0.1:"));
  CHECK_FALSE(seen.peer.tls);
  CHECK(seen.peer.certificates_pem.empty());
  Ask(*server, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n3;x=y\r\ntwo\r\n0\r\n\r\n");
  CHECK(seen.body == "onetwo");
}

TEST_CASE("a request that is too slow is cut, however it is dripped") {
  HttpServerOptions options = Options();
  options.request_time = absl::Milliseconds(300);
  std::atomic<int> handled = 0;
  auto server = Serve(std::move(options), [&](const Exchange& exchange) {
    ++handled;
    SayOk(exchange);
  });
  for (const std::string begin :
       {"", "GET / HT", "GET / HTTP/1.1\r\nx: ", "POST / HTTP/1.1\r\nContent-Length: 9999\r\n\r\n"}) {
    INFO(begin);
    RawConnection connection(server->address());
    connection.Send(begin);
    int dripped = 0;
    while (!connection.Readable(10) && dripped < 6000) {
      // The first one only waits.
      if (!begin.empty()) connection.Send("a");
      ++dripped;
    }
    CHECK(dripped < 6000);
    CHECK(connection.ReadAll().empty());
  }
  CHECK(handled == 0);
  CHECK(absl::StartsWith(Ask(*server, kGet), "HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("what is larger than its bound is refused, and the client hears of it") {
  HttpServerOptions options = Options();
  options.most_header_bytes = 4096;
  options.most_headers = 20;
  options.most_body_bytes = 1000;
  std::atomic<int> handled = 0;
  auto server = Serve(std::move(options), [&](const Exchange& exchange) {
    ++handled;
    SayOk(exchange);
  });
  std::string many;
  for (int i = 0; i < 21; ++i) absl::StrAppend(&many, "x", i, ": 1\r\n");
  const std::string long_text(5000, 'a');
  const auto refused = [&](const std::string& request, const std::string& status) {
    INFO(request.substr(0, 60));
    CHECK(absl::StartsWith(Ask(*server, request), "HTTP/1.1 " + status + "\r\n"));
  };
  refused("GET /" + long_text + " HTTP/1.1\r\n\r\n", "431 Request Header Fields Too Large");
  refused("GET / HTTP/1.1\r\nx: " + long_text + "\r\n\r\n", "431 Request Header Fields Too Large");
  refused("GET / HTTP/1.1\r\n" + many + "\r\n", "431 Request Header Fields Too Large");
  // All of it, and more than what sockets hold by themselves.
  refused("POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n" + std::string(200'000, 'b'), "413 Payload Too Large");
  refused("POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", "413 Payload Too Large");
  refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + std::string(1000, 'b') + "\r\n1\r\n",
          "413 Payload Too Large");
  refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x=" + long_text, "400 Bad Request");
  refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nx: " + long_text, "400 Bad Request");
  refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "400 Bad Request");
  refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400 Bad Request");
  refused("GET / HTTP/1.1\r\nx\r\n\r\n", "400 Bad Request");
  CHECK(handled == 0);
  CHECK(absl::StartsWith(Ask(*server, "POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + std::string(1000, 'b')),
                         "HTTP/1.1 200 OK\r\n"));
  CHECK(handled == 1);
}

TEST_CASE("connections that say nothing make room for those that do") {
  HttpServerOptions options = Options();
  options.most_connections = 8;
  options.request_time = kLong;
  auto server = Serve(std::move(options), SayOk);
  std::vector<std::unique_ptr<RawConnection>> idle;
  for (int i = 0; i < 100; ++i) {
    idle.push_back(std::make_unique<RawConnection>(server->address()));
    idle.back()->Send("GET / HTTP/1.1\r\n");
  }
  for (int i = 0; i < 10; ++i) CHECK(absl::StartsWith(Ask(*server, kGet), "HTTP/1.1 200 OK\r\n"));
  // The first ones went first.
  int cut = 0;
  for (size_t i = 0; i < 90; ++i) cut += idle[i]->Readable(60'000) ? 1 : 0;
  CHECK(cut == 90);
}

TEST_CASE("while all connections are answered, others wait") {
  HttpServerOptions options = Options();
  options.most_connections = 2;
  Kept kept;
  auto server = Serve(std::move(options), kept.handler());
  std::vector<std::unique_ptr<RawConnection>> connections;
  for (int i = 0; i < 5; ++i) {
    connections.push_back(std::make_unique<RawConnection>(server->address()));
    REQUIRE(connections.back()->Send(kGet));
  }
  for (int i = 0; i < 5; ++i) {
    const Exchange exchange = kept.Take();
    REQUIRE(exchange != nullptr);
    SayOk(exchange);
  }
  for (const auto& connection : connections) CHECK(absl::EndsWith(connection->ReadAll(), "\r\n\r\nok"));
}

TEST_CASE("one connection carries several requests, also sent ahead, up to its bound") {
  HttpServerOptions options = Options();
  options.requests_per_connection = 3;
  auto server = Serve(std::move(options), [](const Exchange& exchange) {
    exchange->Answer({200, {}, exchange->request().target + exchange->request().body});
  });
  const std::string answers = Ask(
      *server,
      "POST /one HTTP/1.1\r\nContent-Length: 1\r\n\r\n+GET /two HTTP/1.1\r\n\r\nHEAD /three HTTP/1.1\r\n\r\n" + kGet);
  const std::string rest = "X-Content-Type-Options: nosniff\r\nContent-Length: ";
  CHECK(answers == "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n" + rest + "5\r\n\r\n/one+" +
                       "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n" + rest + "4\r\n\r\n/two" +
                       "HTTP/1.1 200 OK\r\nConnection: close\r\n" + rest + "6\r\n\r\n");
  CHECK(absl::StrContains(Ask(*server, "GET / HTTP/1.0\r\n\r\n"), "Connection: close\r\n"));
  CHECK(absl::StrContains(Ask(*server, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n"), "Connection: close\r\n"));
}

TEST_CASE("a client that waits to be told to send its body is told") {
  auto server = Serve(Options(), [](const Exchange& exchange) {
    exchange->Answer({200, {}, exchange->request().body});
  });
  RawConnection connection(server->address());
  connection.Send("POST / HTTP/1.1\r\nExpect: 100-Continue\r\nContent-Length: 3\r\n\r\n");
  CHECK(connection.ReadThrough("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  connection.Send("abc");
  CHECK(absl::EndsWith(connection.ReadAll(), "\r\n\r\nabc"));
}

TEST_CASE("a client that has only ended its own direction is answered") {
  Kept kept;
  auto server = Serve(Options(), kept.handler());
  RawConnection connection(server->address());
  connection.Send(kGet);
  connection.EndSending();
  const Exchange exchange = kept.Take();
  REQUIRE(exchange != nullptr);
  SayOk(exchange);
  CHECK(absl::EndsWith(connection.ReadAll(), "\r\n\r\nok"));
}

TEST_CASE("an answer streams in parts, and the connection goes on") {
  HttpServerOptions options = Options();
  options.requests_per_connection = 2;
  Kept kept;
  auto server = Serve(std::move(options), kept.handler());
  RawConnection connection(server->address());
  connection.Send(kGet);
  Exchange exchange = kept.Take();
  REQUIRE(exchange != nullptr);
  exchange->Begin(200, {{"Content-Type", "text/event-stream"}});
  CHECK(connection.ReadThrough("\r\n\r\n") ==
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: keep-alive\r\n"
        "X-Content-Type-Options: nosniff\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK(WriteAndWait(*exchange, "first"));
  CHECK(connection.ReadThrough("first\r\n") == "5\r\nfirst\r\n");
  CHECK(WriteAndWait(*exchange, ""));  // is no end
  CHECK(WriteAndWait(*exchange, std::string(17, 's')));
  exchange->End();
  CHECK(connection.ReadThrough("0\r\n\r\n") == "11\r\n" + std::string(17, 's') + "\r\n0\r\n\r\n");
  CHECK_FALSE(WriteAndWait(*exchange, "behind the end"));
  exchange->Answer({200, {}, "twice"});
  exchange = nullptr;
  connection.Send(kGet);
  exchange = kept.Take();
  REQUIRE(exchange != nullptr);
  SayOk(exchange);
  CHECK(absl::EndsWith(connection.ReadAll(), "\r\n\r\nok"));
}

TEST_CASE("who cannot take chunks is sent a stream to its end, and who wants no body is sent none") {
  Kept kept;
  auto server = Serve(Options(), kept.handler());
  for (const std::string request : {"GET / HTTP/1.0\r\n\r\n", "HEAD / HTTP/1.1\r\n\r\n"}) {
    RawConnection connection(server->address());
    connection.Send(request);
    const Exchange exchange = kept.Take();
    REQUIRE(exchange != nullptr);
    exchange->Begin(200, {});
    CHECK(WriteAndWait(*exchange, "first"));
    CHECK(WriteAndWait(*exchange, "second"));
    exchange->End();
    const std::string answer = connection.ReadAll();
    const bool head = absl::StartsWith(request, "HEAD");
    CHECK(absl::EndsWith(answer, head ? "\r\n\r\n" : "\r\n\r\nfirstsecond"));
    CHECK(absl::StrContains(answer, "Transfer-Encoding") == head);
  }
}

TEST_CASE("a stream whose client goes ends, and whoever writes it is told") {
  Kept kept;
  auto server = Serve(Options(), kept.handler());
  for (const bool reset : {false, true}) {
    auto connection = std::make_unique<RawConnection>(server->address());
    connection->Send(kGet);
    const Exchange exchange = kept.Take();
    REQUIRE(exchange != nullptr);
    absl::Notification gone;
    exchange->OnGone([&] { gone.Notify(); });
    exchange->Begin(200, {});
    REQUIRE(WriteAndWait(*exchange, "part"));
    CHECK_FALSE(gone.HasBeenNotified());
    if (reset) {
      const linger at_once = {1, 0};
      setsockopt(connection->socket_number(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    }
    connection = nullptr;  // nothing is written meanwhile
    CHECK(gone.WaitForNotificationWithTimeout(kLong));
    CHECK_FALSE(WriteAndWait(*exchange, "part"));
    absl::Notification again;
    exchange->OnGone([&] { again.Notify(); });
    CHECK(again.WaitForNotificationWithTimeout(kLong));
  }
}

TEST_CASE("a client cannot stretch the time that it has to take a part") {
  HttpServerOptions options = Options();
  options.write_time = absl::Milliseconds(400);
  Kept kept;
  auto server = Serve(std::move(options), kept.handler());
  for (const bool drips : {false, true}) {
    RawConnection connection(server->address(), 4096);
    connection.Send(kGet);
    const Exchange exchange = kept.Take();
    REQUIRE(exchange != nullptr);
    std::atomic<bool> gone = false;
    exchange->OnGone([&] { gone = true; });
    exchange->Begin(200, {});
    std::thread reader([&] {
      while (drips && !gone) {
        connection.Readable(5);
        connection.ReadSome(1);
        absl::SleepFor(absl::Milliseconds(1));
      }
    });
    CHECK_FALSE(WriteAndWait(*exchange, std::string(64 << 20, 'x')));
    CHECK_FALSE(WriteAndWait(*exchange, "more"));
    CHECK(gone);
    reader.join();
  }
}

TEST_CASE("a stream may rest for longer than a part may take") {
  HttpServerOptions options = Options();
  options.write_time = options.request_time = absl::Milliseconds(100);
  Kept kept;
  auto server = Serve(std::move(options), kept.handler());
  RawConnection connection(server->address());
  connection.Send(kGet);
  const Exchange exchange = kept.Take();
  REQUIRE(exchange != nullptr);
  absl::SleepFor(absl::Milliseconds(300));
  exchange->Begin(200, {});
  CHECK(WriteAndWait(*exchange, "one"));
  absl::SleepFor(absl::Milliseconds(300));
  CHECK(WriteAndWait(*exchange, "two"));
  exchange->End();
  CHECK(absl::EndsWith(connection.ReadAll(), "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
}

TEST_CASE("what nobody answers is answered, and a stream that nobody ends is no whole one") {
  auto server = Serve(Options(), [](const Exchange& exchange) {
    if (exchange->request().target == "/stream") {
      exchange->Begin(200, {});
      // Nothing is asserted on this thread.
      absl::Notification written;
      exchange->Write("part", [&](bool /*written*/) { written.Notify(); });
      written.WaitForNotification();
    } else if (exchange->request().target == "/throws") {
      throw std::runtime_error("canary");
    }
  });
  const std::string nothing = Ask(*server, kGet);
  CHECK(absl::StartsWith(nothing, "HTTP/1.1 500 Internal Server Error\r\n"));
  CHECK(Ask(*server, "GET /throws HTTP/1.1\r\n\r\n") == nothing);
  CHECK(absl::EndsWith(Ask(*server, "GET /stream HTTP/1.1\r\n\r\n"), "4\r\npart\r\n"));
}

TEST_CASE("the server ends when its exchanges have been dropped, whose holders are told") {
  Kept kept;
  auto server = Serve(Options(), kept.handler());
  RawConnection streaming(server->address());
  RawConnection waiting(server->address());
  RawConnection idle(server->address());
  streaming.Send(kGet);
  Exchange one = kept.Take();
  waiting.Send(kGet);
  Exchange other = kept.Take();
  REQUIRE(one != nullptr);
  REQUIRE(other != nullptr);
  one->Begin(200, {});
  REQUIRE(WriteAndWait(*one, "part"));
  absl::Notification one_gone, other_gone;
  one->OnGone([&] { one_gone.Notify(); });
  other->OnGone([&] { other_gone.Notify(); });
  std::atomic<bool> ended = false;
  std::thread ender([&] {
    server = nullptr;
    ended = true;
  });
  CHECK(one_gone.WaitForNotificationWithTimeout(kLong));
  CHECK(other_gone.WaitForNotificationWithTimeout(kLong));
  CHECK_FALSE(WriteAndWait(*one, "part"));
  one = nullptr;
  CHECK_FALSE(ended);
  other->Answer({200, {}, "late"});
  other = nullptr;
  ender.join();
  CHECK(waiting.ReadAll().empty());
  CHECK(idle.ReadAll().empty());
}

}  // namespace
}  // namespace sallyport::gateway
