#include "gateway/operations/lifetime/take_over.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kLook = absl::Milliseconds(100);

}  // namespace

absl::StatusOr<TakeOver> TakeOver::Begin(const std::string& data_directory) {
  absl::StatusOr<recorder::ControlConnection> other = recorder::ControlConnection::Connect(data_directory);
  if (!other.ok()) return other.status();
  TakeOver taking;
  taking.other_ = *std::move(other);
  v1::ControlRequest request;
  request.set_take_over(true);
  if (absl::Status sent = taking.other_.Send(request); !sent.ok()) return sent;
  std::vector<int> numbers;
  const absl::StatusOr<v1::ControlAnswer> answer = taking.other_.ReceiveAnswer(kPatience, &numbers);
  std::vector<Descriptor> descriptors;
  for (const int fd : numbers) descriptors.emplace_back(fd);
  if (!answer.ok()) return answer.status();
  if (!answer->error().empty()) return absl::UnavailableError(answer->error());
  taking.process_ = answer->process();
  size_t next = 0;
  for (const v1::HandedAddress& address : answer->addresses()) {
    HandedSockets handed;
    handed.text = address.text();
    if (uint64_t{address.sockets()} + address.locks() > descriptors.size() - next) {
      return absl::UnavailableError("the gateway that runs has handed over fewer sockets than it said");
    }
    for (uint32_t i = 0; i < address.sockets(); ++i) handed.sockets.push_back(std::move(descriptors[next++]));
    for (uint32_t i = 0; i < address.locks(); ++i) handed.locks.push_back(std::move(descriptors[next++]));
    taking.sockets_.push_back(std::move(handed));
  }
  return taking;
}

absl::Status TakeOver::AwaitEnd(const std::function<bool()>& give_up) {
  v1::ControlRequest ready;
  ready.set_ready(true);
  if (absl::Status sent = other_.Send(ready); !sent.ok()) return sent;
  const absl::StatusOr<v1::ControlAnswer> answer = other_.ReceiveAnswer(kPatience);
  if (!answer.ok()) return answer.status();
  if (!answer->error().empty()) return absl::UnavailableError(answer->error());
  while (!other_.Gone(kLook)) {
    if (give_up()) return absl::CancelledError("stopped before the gateway that runs had ended");
  }
  return absl::OkStatus();
}

void NotifyServiceManager(const std::string& state) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  const std::string name = path;
  if (name.size() >= sizeof address.sun_path) return;
  std::copy(name.begin(), name.end(), address.sun_path);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';
  const Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  // Whether anybody hears it is the manager's affair: it has its own timeout.
  static_cast<void>(sendto(socket.get(), state.data(), state.size(), MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&address),
                           static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size())));
}

}  // namespace sallyport::gateway
