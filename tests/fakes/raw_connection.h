// A TCP connection on loopback that says what it is told to.
#ifndef SALLYPORT_TESTS_FAKES_RAW_CONNECTION_H_
#define SALLYPORT_TESTS_FAKES_RAW_CONNECTION_H_

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "absl/strings/numbers.h"

namespace sallyport::testing {

class RawConnection {
 public:
  // To "127.0.0.1:<port>". Asserts nothing, so that any thread may make one: what is not connected reads nothing.
  // `receive_buffer` bytes or so are taken before the program reads them; 0 leaves that to the system.
  explicit RawConnection(const std::string& address, int receive_buffer = 0)
      : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to = {};
    to.sin_family = AF_INET;
    int port = 0;
    static_cast<void>(absl::SimpleAtoi(address.substr(address.rfind(':') + 1), &port));
    to.sin_port = htons(static_cast<uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (receive_buffer > 0) setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
    static_cast<void>(connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof(to)));
  }
  ~RawConnection() { close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  int socket_number() const { return socket_; }

  // False once the other side has closed.
  bool Send(std::string_view bytes) {
    return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
  }
  void EndSending() { shutdown(socket_, SHUT_WR); }

  // Whether there is something to read, or an end, within the time.
  bool Readable(int milliseconds) const {
    pollfd wanted = {socket_, POLLIN, 0};
    return poll(&wanted, 1, milliseconds) > 0;
  }
  // What there is, of at most `most` bytes; nothing at the end.
  std::string ReadSome(size_t most = 4096) {
    std::string some(most, '\0');
    const ssize_t got = recv(socket_, some.data(), some.size(), 0);
    some.resize(got > 0 ? static_cast<size_t>(got) : 0);
    return some;
  }
  std::string ReadAll() {
    std::string all;
    for (std::string some; !(some = ReadSome()).empty();) all += some;
    return all;
  }
  // Up to and with `end`, or all that comes.
  std::string ReadThrough(std::string_view end) {
    std::string all;
    while (all.find(end) == std::string::npos) {
      const std::string some = ReadSome(1);
      if (some.empty()) break;
      all += some;
    }
    return all;
  }

 private:
  const int socket_;
};

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_FAKES_RAW_CONNECTION_H_
