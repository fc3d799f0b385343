#include "gateway/operations/lifetime/control_server.h"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

namespace sallyport::gateway {
namespace {

constexpr size_t kMostPeers = 16;
// What poll says is there is there.
constexpr absl::Duration kAtOnce = absl::Seconds(1);

void Wake(int event) {
  const uint64_t one = 1;
  // It cannot fail but when it has been done already, often.
  [[maybe_unused]] const ssize_t written = write(event, &one, sizeof one);
}

v1::ControlAnswer Refusal(const std::string& error) {
  v1::ControlAnswer answer;
  answer.set_error(error);
  answer.set_process(getpid());
  return answer;
}

}  // namespace

ControlServer::ControlServer(recorder::ControlSocket socket, Handlers handlers)
    : socket_(std::move(socket)), handlers_(std::move(handlers)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

absl::StatusOr<std::unique_ptr<ControlServer>> ControlServer::Start(const std::string& data_directory,
                                                                    Handlers handlers) {
  absl::StatusOr<recorder::ControlSocket> socket = recorder::ControlSocket::Listen(data_directory);
  if (!socket.ok()) return socket.status();
  std::unique_ptr<ControlServer> server(new ControlServer(*std::move(socket), std::move(handlers)));
  if (server->wake_ < 0) return absl::UnavailableError("no descriptors are left");
  server->thread_ = std::thread([running = server.get()] { running->Run(); });
  return server;
}

ControlServer::~ControlServer() {
  stopping_ = true;
  Wake(wake_);
  if (thread_.joinable()) thread_.join();
  if (wake_ >= 0) close(wake_);
}

void ControlServer::Reloaded(const v1::ControlAnswer& answer) {
  reload_wanted_ = false;
  absl::MutexLock lock(&mutex_);
  for (Peer& peer : peers_) {
    if (!std::exchange(peer.waits_for_reload, false)) continue;
    const absl::Status told = peer.connection.Send(answer);
    if (!told.ok()) spdlog::warn("who asked for the configuration to be read again: {}", told.ToString());
  }
}

void ControlServer::Run() {
  while (!stopping_) {
    std::vector<pollfd> waits = {{wake_, POLLIN, 0}, {socket_.fd(), POLLIN, 0}};
    std::vector<std::list<Peer>::iterator> peers;
    {
      absl::MutexLock lock(&mutex_);
      if (peers_.size() >= kMostPeers) waits[1].events = 0;
      for (auto peer = peers_.begin(); peer != peers_.end(); ++peer) {
        waits.push_back({peer->connection.fd(), POLLIN | POLLRDHUP, 0});
        peers.push_back(peer);
      }
    }
    if (poll(waits.data(), waits.size(), -1) < 0) continue;
    for (size_t i = 0; i < peers.size(); ++i) {
      if (waits[i + 2].revents == 0 || Answer(*peers[i])) continue;
      if (peers[i]->ready) taker_ready_ = false;
      absl::MutexLock lock(&mutex_);
      peers_.erase(peers[i]);
    }
    if (waits[1].revents == 0) continue;
    absl::StatusOr<recorder::ControlConnection> connection = socket_.Accept();
    if (connection.ok()) {
      absl::MutexLock lock(&mutex_);
      peers_.push_back({*std::move(connection)});
    } else if (absl::IsPermissionDenied(connection.status())) {
      spdlog::warn("control: {}", std::string(connection.status().message()));
    }
  }
}

bool ControlServer::Answer(Peer& peer) {
  const absl::StatusOr<v1::ControlRequest> request = peer.connection.ReceiveRequest(kAtOnce);
  if (!request.ok()) {
    if (peer.has_sockets) spdlog::warn("who was to take over: {}", std::string(request.status().message()));
    return false;
  }
  switch (request->request_case()) {
    case v1::ControlRequest::kCheck:
      return peer.connection.Send(handlers_.check(request->check())).ok();
    case v1::ControlRequest::kReload: {
      absl::MutexLock lock(&mutex_);
      peer.waits_for_reload = true;
      reload_wanted_ = true;
      handlers_.wake();
      return true;
    }
    case v1::ControlRequest::kTakeOver:
      return HandOut(peer);
    case v1::ControlRequest::kReady: {
      if (!peer.has_sockets || taker_ready_) return peer.connection.Send(Refusal("it is not this one's turn")).ok();
      v1::ControlAnswer answer;
      answer.set_process(getpid());
      if (!peer.connection.Send(std::move(answer)).ok()) return false;
      peer.ready = true;
      taker_ready_ = true;
      handlers_.wake();
      return true;
    }
    case v1::ControlRequest::REQUEST_NOT_SET:
      return peer.connection.Send(Refusal("this release does not know what is asked")).ok();
  }
  return false;
}

bool ControlServer::HandOut(Peer& peer) {
  {
    absl::MutexLock lock(&mutex_);
    for (const Peer& other : peers_) {
      if (!other.has_sockets) continue;
      return peer.connection.Send(Refusal("another process is about to take over")).ok();
    }
  }
  const absl::StatusOr<std::vector<HandedSockets>> handed = handlers_.hand_out();
  if (!handed.ok()) return peer.connection.Send(Refusal(std::string(handed.status().message()))).ok();
  v1::ControlAnswer answer;
  answer.set_process(getpid());
  std::vector<int> descriptors;
  for (const HandedSockets& address : *handed) {
    v1::HandedAddress& told = *answer.add_addresses();
    told.set_text(address.text);
    told.set_sockets(static_cast<uint32_t>(address.sockets.size()));
    told.set_locks(static_cast<uint32_t>(address.locks.size()));
    for (const Descriptor& socket : address.sockets) descriptors.push_back(socket.get());
    for (const Descriptor& lock : address.locks) descriptors.push_back(lock.get());
  }
  if (absl::Status sent = peer.connection.Send(std::move(answer), descriptors); !sent.ok()) {
    return peer.connection.Send(Refusal(std::string(sent.message()))).ok();
  }
  peer.has_sockets = true;
  return true;
}

}  // namespace sallyport::gateway
