#include "gateway/http/stream_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/tls/certificates.h"

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kLongest = absl::Seconds(30);

// Takes connections one after another on a thread of its own, and keeps what comes over them.
class Sink {
 public:
  // Reads of one connection; not positive ends it.
  using Reader = std::function<ssize_t(char* out, size_t size)>;
  using Serve = std::function<void(int connection, const std::function<void(const Reader&)>& drain)>;

  Sink(int listener, Serve serve) : listener_(listener), serve_(std::move(serve)), thread_([this] { Run(); }) {}
  ~Sink() {
    shutdown(listener_, SHUT_RDWR);
    {
      absl::MutexLock lock(&mutex_);
      if (connection_ >= 0) shutdown(connection_, SHUT_RDWR);
    }
    thread_.join();
    close(listener_);
  }

  std::string Await(const std::string& text) {
    absl::MutexLock lock(&mutex_);
    wanted_ = text;
    mutex_.AwaitWithTimeout(absl::Condition(
                                +[](Sink* sink) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                                  return sink->got_.find(sink->wanted_) != std::string::npos;
                                },
                                this),
                            kLongest);
    return got_;
  }
  int connections() {
    absl::MutexLock lock(&mutex_);
    return connections_;
  }
  // Ends the connection that is open.
  void Cut() {
    absl::MutexLock lock(&mutex_);
    if (connection_ >= 0) shutdown(connection_, SHUT_RDWR);
  }

 private:
  void Run() {
    while (true) {
      const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (connection < 0) return;
      {
        absl::MutexLock lock(&mutex_);
        connection_ = connection;
        ++connections_;
      }
      serve_(connection, [this](const Reader& read) {
        char piece[4096];
        for (ssize_t got = read(piece, sizeof(piece)); got > 0; got = read(piece, sizeof(piece))) {
          absl::MutexLock lock(&mutex_);
          got_.append(piece, static_cast<size_t>(got));
        }
      });
      absl::MutexLock lock(&mutex_);
      connection_ = -1;
      close(connection);
    }
  }

  const int listener_;
  const Serve serve_;
  absl::Mutex mutex_;
  std::string got_;
  std::string wanted_;
  int connection_ = -1;
  int connections_ = 0;
  std::thread thread_;
};

struct Listener {
  Listener() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(listen(socket, 8) == 0);
    socklen_t size = sizeof(address);
    REQUIRE(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port = ntohs(address.sin_port);
  }
  int socket = -1;
  int port = 0;
};

void ServePlain(int connection, const std::function<void(const Sink::Reader&)>& drain) {
  drain([connection](char* out, size_t size) { return read(connection, out, size); });
}

StreamClient::Options To(int port) {
  StreamClient::Options options;
  options.host = "127.0.0.1";
  options.port = port;
  return options;
}

// A TLS server whose certificate is of "siem.test"; callers have to show one if `demanding`.
class TlsEnd {
 public:
  explicit TlsEnd(bool demanding) {
    std::signal(SIGPIPE, SIG_IGN);  // where the client goes in the middle of a handshake
    const testing::Issued authority = testing::Issue(testing::AuthoritySpec("CA"), nullptr);
    const testing::Issued server = testing::Issue(testing::ServerSpec("siem.test"), &authority);
    const testing::Issued caller = testing::Issue(testing::CallerSpec(), &authority);
    const std::string& at = directory_.path();
    testing::WriteText(at + "/ca.pem", authority.Pem());
    testing::WriteText(at + "/other-ca.pem", testing::Issue(testing::AuthoritySpec("other"), nullptr).Pem());
    testing::WriteText(at + "/server.pem", server.Pem());
    testing::WriteText(at + "/server.key", server.KeyPem());
    testing::WriteText(at + "/caller.pem", caller.Pem());
    testing::WriteText(at + "/caller.key", caller.KeyPem());
    context_.reset(SSL_CTX_new(TLS_server_method()));
    REQUIRE(SSL_CTX_use_certificate_chain_file(context_.get(), (at + "/server.pem").c_str()) == 1);
    REQUIRE(SSL_CTX_use_PrivateKey_file(context_.get(), (at + "/server.key").c_str(), SSL_FILETYPE_PEM) == 1);
    REQUIRE(SSL_CTX_load_verify_locations(context_.get(), (at + "/ca.pem").c_str(), nullptr) == 1);
    if (demanding) {
      SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    sink_ = std::make_unique<Sink>(listener_.socket, [this](int connection, const auto& drain) {
      std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context_.get()), SSL_free);
      SSL_set_fd(tls.get(), connection);
      if (SSL_accept(tls.get()) != 1) return;
      drain([&](char* out, size_t size) { return SSL_read(tls.get(), out, static_cast<int>(size)); });
    });
  }
  StreamClient::Options Options() const {
    StreamClient::Options options = To(listener_.port);
    options.use_tls = true;
    options.server_name = "siem.test";
    options.ca_file = path("ca.pem");
    return options;
  }
  std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
  Sink& sink() { return *sink_; }

 private:
  testing::TemporaryDirectory directory_;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{nullptr, SSL_CTX_free};
  Listener listener_;
  std::unique_ptr<Sink> sink_;
};

absl::Status AwaitConfirmed(StreamClient& client) {
  const absl::Time give_up = absl::Now() + kLongest;
  absl::Status status = client.Confirm();
  while (!status.ok() && absl::Now() < give_up) {
    if (absl::Status written = client.Write("."); !written.ok()) return written;
    status = client.Confirm();
  }
  return status;
}

}  // namespace

TEST_CASE("what is written over TCP arrives, over one connection") {
  const Listener listener;
  Sink sink(listener.socket, ServePlain);
  const auto client = *StreamClient::Create(To(listener.port));
  REQUIRE(client->Write("hello ").ok());
  REQUIRE(client->Write("world").ok());
  CHECK(sink.Await("hello world") == "hello world");
  CHECK(sink.connections() == 1);
  CHECK(AwaitConfirmed(*client).ok());
}

TEST_CASE("what is written to a UNIX socket arrives") {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.path() + "/socket";
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  REQUIRE(listen(listener, 8) == 0);
  Sink sink(listener, ServePlain);
  StreamClient::Options options;
  options.unix_path = path;
  const auto client = *StreamClient::Create(options);
  REQUIRE(client->Write("hello").ok());
  CHECK(sink.Await("hello") == "hello");
}

TEST_CASE("a connection that the server has ended is noticed, not confirmed, and made anew") {
  const Listener listener;
  Sink sink(listener.socket, ServePlain);
  const auto client = *StreamClient::Create(To(listener.port));
  REQUIRE(client->Write("first").ok());
  sink.Await("first");
  sink.Cut();
  const absl::Time give_up = absl::Now() + kLongest;
  while (client->Confirm().ok() && absl::Now() < give_up) absl::SleepFor(absl::Milliseconds(1));
  CHECK(absl::IsUnavailable(client->Confirm()));
  REQUIRE(client->Write("second").ok());
  CHECK(sink.Await("second") == "firstsecond");
  CHECK(sink.connections() == 2);
}

TEST_CASE("nobody there is UNAVAILABLE, and says whom it was for") {
  Listener listener;
  close(listener.socket);
  const auto client = *StreamClient::Create(To(listener.port));
  const absl::Status status = client->Write("hello");
  CHECK(absl::IsUnavailable(status));
  CHECK(std::string(status.message()).find("127.0.0.1:" + std::to_string(listener.port)) == 0);
  CHECK(absl::IsUnavailable(client->Confirm()));
}

TEST_CASE("a server that takes nothing is given up after its time") {
  const Listener listener;  // nobody accepts; the system takes the connection and some bytes
  StreamClient::Options options = To(listener.port);
  options.write_timeout = absl::Milliseconds(200);
  const auto client = *StreamClient::Create(options);
  CHECK(absl::IsUnavailable(client->Write(std::string(64 << 20, 'x'))));
  close(listener.socket);
}

TEST_CASE("a write that is under way can be cancelled") {
  const Listener listener;
  StreamClient::Options options = To(listener.port);
  options.write_timeout = absl::Hours(1);
  const auto client = *StreamClient::Create(options);
  std::thread canceller([&] { client->Cancel(); });
  CHECK(absl::IsCancelled(client->Write(std::string(64 << 20, 'x'))));
  canceller.join();
  close(listener.socket);
}

TEST_CASE("over TLS the server has to be the one that is named, by one of the authorities") {
  TlsEnd end(/*demanding=*/false);
  StreamClient::Options options = end.Options();
  options.server_name = "other.test";
  CHECK(absl::IsUnavailable((*StreamClient::Create(options))->Write("wrong name")));
  options = end.Options();
  options.ca_file = end.path("other-ca.pem");
  CHECK(absl::IsUnavailable((*StreamClient::Create(options))->Write("wrong authority")));
  const auto client = *StreamClient::Create(end.Options());
  const std::string large(1 << 20, 'x');
  REQUIRE(client->Write(large + "hello").ok());
  CHECK(end.sink().Await("hello") == large + "hello");
  CHECK(AwaitConfirmed(*client).ok());
}

TEST_CASE("a server that asks for a certificate gets one") {
  TlsEnd end(/*demanding=*/true);
  StreamClient::Options options = end.Options();
  options.cert_file = end.path("caller.pem");
  options.key_file = end.path("caller.key");
  const auto client = *StreamClient::Create(options);
  REQUIRE(client->Write("hello").ok());
  CHECK(end.sink().Await("hello") == "hello");
}

}  // namespace sallyport::gateway
