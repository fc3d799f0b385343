// A stream of bytes to a server, over TLS, TCP or a UNIX socket: libcurl makes the connection.
#ifndef SALLYPORT_GATEWAY_HTTP_STREAM_CLIENT_H_
#define SALLYPORT_GATEWAY_HTTP_STREAM_CLIENT_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport::gateway {

// Writes; what the server says is thrown away. Not thread-safe, but for Cancel. An interface, for the reason that
// HttpClient is one.
class StreamClient {
 public:
  struct Options {
    std::string host;  // a name, an address, or an IPv6 address in brackets
    int port = 0;
    std::string unix_path;  // in place of host and port
    bool use_tls = false;   // the server's certificate is verified: TLS 1.2 and up
    // PEM files, read for each connection: the authorities, the system's if empty; and a certificate with its key to
    // show.
    std::string ca_file;
    std::string cert_file;
    std::string key_file;
    std::string server_name;  // whom the certificate names; the host if empty
    absl::Duration connect_timeout = absl::Seconds(5);
    absl::Duration write_timeout = absl::Seconds(10);  // without any progress
  };

  static absl::StatusOr<std::unique_ptr<StreamClient>> Create(const Options& options);
  virtual ~StreamClient() = default;

  // Connects, unless a connection is open, and hands all of `bytes` to the system. UNAVAILABLE, and the connection is
  // closed, if that fails or makes no progress in time; CANCELLED after Cancel. A connection that the server has closed
  // is noticed before anything is written to it.
  virtual absl::Status Write(std::string_view bytes) = 0;
  // OK if the connection is still open and the server's system has acknowledged all that was written on it. Else
  // UNAVAILABLE, and the connection is closed.
  virtual absl::Status Confirm() = 0;
  // Ends what is under way, and all that comes later, soon. From any thread.
  virtual void Cancel() = 0;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_HTTP_STREAM_CLIENT_H_
