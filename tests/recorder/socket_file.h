// Sockets where files are expected.
#ifndef SALLYPORT_TESTS_RECORDER_SOCKET_FILE_H_
#define SALLYPORT_TESTS_RECORDER_SOCKET_FILE_H_

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

namespace sallyport::recorder {

// As a gateway leaves one that is killed: nobody is at it.
inline void MakeSocket(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof address.sun_path);
  std::copy(path.begin(), path.end(), address.sun_path);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(socket >= 0);
  const int bound = bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  close(socket);
  REQUIRE(bound == 0);
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_SOCKET_FILE_H_
