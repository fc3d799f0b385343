#include "gateway/upstream/connections/stream_limit.h"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/tls/openssl_resources.h"

namespace sallyport::gateway {
namespace {

// RFC 9113: a frame's header is a length of three bytes, a type, flags, and a stream of four.
constexpr size_t kFrameHeader = 9;
constexpr size_t kSetting = 6;
constexpr size_t kMostSettings = 16384;
constexpr uint8_t kSettingsType = 4;
constexpr uint8_t kAckFlag = 1;
constexpr uint16_t kMaxConcurrentStreams = 3;
constexpr absl::Duration kReadyTime = absl::Seconds(1);
constexpr char kPreface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kNoSettings("\0\0\0\4\0\0\0\0\0", kFrameHeader);
constexpr std::string_view kAcknowledged("\0\0\0\4\1\0\0\0\0", kFrameHeader);
constexpr std::string_view kGoaway("\0\0\10\7\0\0\0\0\0\0\0\0\0\0\0\0\0", kFrameHeader + 8);

uint8_t ByteAt(std::string_view bytes, size_t at) { return static_cast<uint8_t>(bytes[at]); }

// A connection that gives up at a deadline.
class Wire {
 public:
  explicit Wire(absl::Time deadline) : deadline_(deadline) {}
  ~Wire() {
    ssl_ = nullptr;
    if (socket_ >= 0) close(socket_);
  }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  absl::Status Connect(const SocketAddress& address);
  absl::Status StartTls(const StreamLimitTls& tls);
  absl::Status Write(std::string_view bytes);
  // Exactly so many.
  absl::StatusOr<std::string> Read(size_t size);
  // In place of the deadline that it was made with.
  void GiveUpAt(absl::Time deadline) { deadline_ = deadline; }

 private:
  absl::Status WaitFor(int16_t events);
  // After `result` of an operation of ssl_: waits until it can go on. `what` names it.
  absl::Status WaitAfter(int result, const char* what);

  absl::Time deadline_;
  int socket_ = -1;
  std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, FreeWith<SSL_free>> ssl_;
};

absl::Status Wire::WaitFor(int16_t events) {
  pollfd waits{socket_, events, 0};
  while (true) {
    const absl::Duration left = deadline_ - absl::Now();
    if (left <= absl::ZeroDuration()) return absl::DeadlineExceededError("no answer in time");
    const int ready = poll(&waits, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (ready > 0) return absl::OkStatus();
    if (ready < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "poll");
  }
}

absl::Status Wire::Connect(const SocketAddress& address) {
  socket_ = socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (socket_ < 0) return absl::ErrnoToStatus(errno, "no socket");
  if (connect(socket_, address.get(), address.size()) == 0) return absl::OkStatus();
  if (errno != EINPROGRESS) return absl::UnavailableError(absl::StrCat("connecting: ", std::strerror(errno)));
  if (absl::Status status = WaitFor(POLLOUT); !status.ok()) return status;
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return absl::UnavailableError(absl::StrCat("connecting: ", std::strerror(error)));
  return absl::OkStatus();
}

absl::Status Wire::StartTls(const StreamLimitTls& tls) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  if (context_ == nullptr) return absl::InternalError("OpenSSL has no client method");
  SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  const bool trusts = tls.ca_file.empty()
                          ? SSL_CTX_set_default_verify_paths(context_.get()) == 1
                          : SSL_CTX_load_verify_locations(context_.get(), tls.ca_file.c_str(), nullptr) == 1;
  if (!trusts) return absl::FailedPreconditionError("the authorities cannot be read");
  if (!tls.cert_file.empty() &&
      (SSL_CTX_use_certificate_chain_file(context_.get(), tls.cert_file.c_str()) != 1 ||
       SSL_CTX_use_PrivateKey_file(context_.get(), tls.key_file.c_str(), SSL_FILETYPE_PEM) != 1)) {
    return absl::FailedPreconditionError("the client certificate cannot be read");
  }
  ssl_.reset(SSL_new(context_.get()));
  constexpr unsigned char kHttp2[] = {2, 'h', '2'};
  if (ssl_ == nullptr || SSL_set_fd(ssl_.get(), socket_) != 1 ||
      SSL_set_alpn_protos(ssl_.get(), kHttp2, sizeof(kHttp2)) != 0) {
    return absl::InternalError("OpenSSL could not be set up");
  }
  // An address has no place in SNI, and is looked for among a certificate's addresses.
  X509_VERIFY_PARAM* const expected = SSL_get0_param(ssl_.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(expected, tls.name.c_str()) != 1) {
    SSL_set_tlsext_host_name(ssl_.get(), tls.name.c_str());
    X509_VERIFY_PARAM_set1_host(expected, tls.name.c_str(), 0);
  }
  while (true) {
    const int result = SSL_connect(ssl_.get());
    if (result == 1) return absl::OkStatus();
    if (absl::Status status = WaitAfter(result, "the TLS handshake"); !status.ok()) return status;
  }
}

absl::Status Wire::WaitAfter(int result, const char* what) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return WaitFor(POLLIN);
    case SSL_ERROR_WANT_WRITE:
      return WaitFor(POLLOUT);
    default: {
      const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
      return absl::FailedPreconditionError(absl::StrCat(what, " failed: ", reason == nullptr ? "closed" : reason));
    }
  }
}

absl::Status Wire::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    if (ssl_ != nullptr) {
      const int written = SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (written > 0) {
        bytes.remove_prefix(static_cast<size_t>(written));
      } else if (absl::Status status = WaitAfter(written, "writing"); !status.ok()) {
        return status;
      }
      continue;
    }
    const ssize_t written = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written > 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EAGAIN && errno != EINTR) {
      return absl::UnavailableError(absl::StrCat("writing: ", std::strerror(errno)));
    } else if (absl::Status status = WaitFor(POLLOUT); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Wire::Read(size_t size) {
  std::string bytes(size, '\0');
  size_t have = 0;
  while (have < size) {
    if (ssl_ != nullptr) {
      const int got = SSL_read(ssl_.get(), &bytes[have], static_cast<int>(size - have));
      if (got > 0) {
        have += static_cast<size_t>(got);
      } else if (absl::Status status = WaitAfter(got, "reading"); !status.ok()) {
        return status;
      }
      continue;
    }
    const ssize_t got = recv(socket_, &bytes[have], size - have, 0);
    if (got > 0) {
      have += static_cast<size_t>(got);
    } else if (got == 0) {
      return absl::UnavailableError("closed before its settings came");
    } else if (errno != EAGAIN && errno != EINTR) {
      return absl::UnavailableError(absl::StrCat("reading: ", std::strerror(errno)));
    } else if (absl::Status status = WaitFor(POLLIN); !status.ok()) {
      return status;
    }
  }
  return bytes;
}

}  // namespace

absl::StatusOr<uint32_t> StreamLimitIn(std::string_view settings) {
  if (settings.size() % kSetting != 0) return absl::InvalidArgumentError("SETTINGS of a wrong length");
  uint32_t limit = kNoStreamLimit;
  // Later values of one setting replace earlier ones.
  for (; !settings.empty(); settings.remove_prefix(kSetting)) {
    if ((ByteAt(settings, 0) << 8 | ByteAt(settings, 1)) != kMaxConcurrentStreams) continue;
    limit = uint32_t{ByteAt(settings, 2)} << 24 | uint32_t{ByteAt(settings, 3)} << 16 |
            uint32_t{ByteAt(settings, 4)} << 8 | uint32_t{ByteAt(settings, 5)};
  }
  return limit;
}

namespace {

struct Frame {
  uint8_t type = 0;
  uint8_t flags = 0;
  std::string payload;
};

absl::StatusOr<Frame> ReadFrame(Wire& wire) {
  const absl::StatusOr<std::string> header = wire.Read(kFrameHeader);
  if (!header.ok()) return header.status();
  const size_t size = size_t{ByteAt(*header, 0)} << 16 | size_t{ByteAt(*header, 1)} << 8 | ByteAt(*header, 2);
  if (size > kMostSettings) return absl::InvalidArgumentError("what answers does not speak HTTP/2");
  absl::StatusOr<std::string> payload = wire.Read(size);
  if (!payload.ok()) return payload.status();
  return Frame{ByteAt(*header, 3), ByteAt(*header, 4), *std::move(payload)};
}

}  // namespace

absl::StatusOr<uint32_t> AskStreamLimit(const SocketAddress& address, const StreamLimitTls* tls,
                                        absl::Duration timeout) {
  const OpensslErrors errors;
  Wire wire(absl::Now() + timeout);
  if (absl::Status status = wire.Connect(address); !status.ok()) return status;
  if (tls != nullptr) {
    if (absl::Status status = wire.StartTls(*tls); !status.ok()) return status;
  }
  if (absl::Status status = wire.Write(std::string(kPreface).append(kNoSettings)); !status.ok()) return status;
  absl::StatusOr<Frame> first = ReadFrame(wire);
  if (!first.ok()) return first.status();
  if (first->type != kSettingsType || first->flags != 0) {
    return absl::InvalidArgumentError("what answers does not speak HTTP/2");
  }
  absl::StatusOr<uint32_t> limit = StreamLimitIn(first->payload);
  if (!limit.ok()) return limit;
  wire.Write(kAcknowledged).IgnoreError();
  // What it says before it acknowledges this side's settings belongs to its first word. Servers that are not ready yet
  // begin with no calls, and allow some a little later.
  wire.GiveUpAt(absl::Now() + std::min(kReadyTime, timeout));
  for (bool acknowledged = false; !acknowledged || *limit == 0;) {
    const absl::StatusOr<Frame> next = ReadFrame(wire);
    if (!next.ok()) break;
    if (next->type != kSettingsType) continue;
    acknowledged = acknowledged || next->flags == kAckFlag;
    if (next->flags == kAckFlag) continue;
    const absl::StatusOr<uint32_t> later = StreamLimitIn(next->payload);
    // A setting that is not named stays as it is.
    if (later.ok() && *later != kNoStreamLimit) limit = later;
  }
  // In order, so that no server counts an error. What it thinks of that changes nothing here.
  wire.Write(kGoaway).IgnoreError();
  return limit;
}

}  // namespace sallyport::gateway
