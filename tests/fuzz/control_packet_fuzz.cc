// Packets over a data directory's control socket: whatever another process of the same user sends, what is received is
// a message or an error, and no descriptor that came along stays open unnoticed.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

#include "recorder/control/control_socket.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);

// Two ends that are connected as processes are.
struct Ends {
  Ends() {
    std::array<int, 2> ends = {};
    Require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) == 0, "there are sockets");
    stranger = ends[0];
    own = ControlConnection(ends[1]);
  }
  Ends(const Ends&) = delete;
  Ends& operator=(const Ends&) = delete;
  ~Ends() { close(stranger); }

  int stranger = -1;
  ControlConnection own;
};

// A packet, with `count` descriptors of the same file along. False if the system does not take it.
bool SendPacket(int socket, std::string packet, int descriptor, size_t count) {
  iovec part = {packet.data(), packet.size()};
  msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(3 * sizeof(int))> control = {};
  if (count > 0) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (size_t i = 0; i < count; ++i) std::memcpy(CMSG_DATA(header) + i * sizeof(int), &descriptor, sizeof(int));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

void CheckError(const absl::Status& status, bool empty) {
  if (empty) {
    Require(absl::IsUnavailable(status), "a packet of nothing is an end that is gone");
  } else {
    Require(absl::IsInvalidArgument(status), "what is no message is said to be none");
  }
}

// What was received is received the same when it is sent on, unless it is so long that it may be cut.
template <typename Message>
void CheckSentOn(const Message& message, absl::StatusOr<Message> (*receive)(ControlConnection&)) {
  if (message.ByteSizeLong() > ControlConnection::kMostBytes / 2) return;
  Ends ends;
  ControlConnection other(dup(ends.stranger));
  Require(other.Send(message).ok(), "what was received can be sent");
  const absl::StatusOr<Message> again = receive(ends.own);
  Require(again.ok() && again->SerializeAsString() == message.SerializeAsString(), "and is the same then");
}

}  // namespace

// The first byte says who receives, and how many descriptors come along; the rest is the packet.
void FuzzControlPacket(std::string_view input) {
  if (input.empty()) return;
  const auto how = static_cast<unsigned char>(input.front());
  const std::string packet(input.substr(1));
  const size_t count = (how >> 1) & 3;
  Ends ends;
  std::array<int, 2> pipe_ends = {};
  Require(pipe(pipe_ends.data()) == 0, "there are pipes");
  const bool sent = SendPacket(ends.stranger, packet, pipe_ends[1], count);
  close(pipe_ends[1]);
  std::vector<int> descriptors;
  if (sent && (how & 1) == 0) {
    const absl::StatusOr<v1::ControlRequest> request = ends.own.ReceiveRequest(kPatience);
    if (request.ok()) {
      Require(count == 0, "no descriptors come with a request");
      CheckSentOn<v1::ControlRequest>(*request, [](ControlConnection& own) { return own.ReceiveRequest(kPatience); });
    } else {
      CheckError(request.status(), packet.empty());
    }
  } else if (sent) {
    const absl::StatusOr<v1::ControlAnswer> answer = ends.own.ReceiveAnswer(kPatience, &descriptors);
    if (answer.ok()) {
      Require(descriptors.size() == count, "all descriptors that came are handed on");
      CheckSentOn<v1::ControlAnswer>(*answer, [](ControlConnection& own) { return own.ReceiveAnswer(kPatience); });
    } else {
      CheckError(answer.status(), packet.empty());
    }
  }
  for (const int descriptor : descriptors) close(descriptor);
  pollfd rest = {pipe_ends[0], POLLIN, 0};
  Require(poll(&rest, 1, 0) == 1 && (rest.revents & POLLHUP) != 0, "nobody keeps a descriptor that came along");
  close(pipe_ends[0]);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzControlPacket)
