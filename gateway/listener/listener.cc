#include "gateway/listener/listener.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/listen_address.h"

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kSweepInterval = absl::Seconds(1);
// Between sweeps that are made because there is no room.
constexpr absl::Duration kLeastSweepInterval = absl::Milliseconds(50);
constexpr absl::Duration kPause = absl::Milliseconds(100);
constexpr int kAcceptsInTurn = 64;
constexpr size_t kMostEvents = 64;
// Of a socket that is to be closed: so much at most is accepted first, be it that more keeps coming.
constexpr int kTurnsToEmpty = 256;

// What an event is about: the kind, and a number.
constexpr int kKindShift = 32;
constexpr uint64_t kWakeUp = 0;
constexpr uint64_t kSocket = uint64_t{1} << kKindShift;
constexpr uint64_t kWaiting = uint64_t{2} << kKindShift;
constexpr uint64_t kNumber = kSocket - 1;

}  // namespace

Listener::Listener(const ListenerOptions& options)
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      connections_(options.connections, options.connections_per_peer),
      options_(options) {}

absl::StatusOr<std::vector<ListeningSocket>> Listener::OpenOne(const std::string& text,
                                                               std::vector<Descriptor>& inherited) const {
  absl::StatusOr<std::vector<ListeningSocket>> sockets = ListenOn(text, inherited);
  if (sockets.ok()) return sockets;
  return absl::UnavailableError(absl::StrCat("cannot listen on ", text, ": ", sockets.status().message()));
}

void Listener::Add(const std::string& text, std::vector<ListeningSocket> sockets) {
  if (text == kInherited) {
    for (const ListeningSocket& socket : sockets) addresses_.push_back(AddressText(socket.address()));
  } else {
    addresses_.push_back(WithPort(text, sockets.front().address().port()));
  }
  for (ListeningSocket& socket : sockets) sockets_.emplace(++last_socket_, Listened{text, std::move(socket)});
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(const ListenerOptions& options,
                                                         std::vector<Descriptor> inherited) {
  std::unique_ptr<Listener> listener(new Listener(options));
  if (!listener->epoll_.valid() || !listener->wake_.valid()) {
    return absl::UnavailableError(absl::StrCat("cannot listen: ", std::strerror(errno)));
  }
  // What asks for a socket of its own first; "inherited" is for what is left.
  std::vector<std::string> addresses = options.addresses;
  std::stable_partition(addresses.begin(), addresses.end(),
                        [](const std::string& address) { return address != kInherited; });
  for (const std::string& address : addresses) {
    absl::StatusOr<std::vector<ListeningSocket>> sockets = listener->OpenOne(address, inherited);
    if (!sockets.ok()) return sockets.status();
    listener->Add(address, *std::move(sockets));
  }
  if (!inherited.empty()) {
    return absl::UnavailableError(absl::StrCat("cannot listen: of the inherited sockets, ", inherited.size(),
                                               " have an address that listen.addresses does not name"));
  }
  return listener;
}

absl::StatusOr<std::unique_ptr<Listener>> Listener::TakeOver(const ListenerOptions& options,
                                                             std::vector<HandedSockets> handed) {
  std::map<std::string, std::vector<ListeningSocket>> adopted;
  std::vector<Descriptor> others;
  for (HandedSockets& address : handed) {
    const bool asked =
        std::find(options.addresses.begin(), options.addresses.end(), address.text) != options.addresses.end();
    for (Descriptor& socket : address.sockets) {
      // One of another name may have the very address that one asks for.
      if (!asked) {
        others.push_back(std::move(socket));
        continue;
      }
      absl::StatusOr<ListeningSocket> taken = ListeningSocket::Adopt(std::move(socket), address.locks);
      if (!taken.ok()) return taken.status();
      adopted[address.text].push_back(*std::move(taken));
    }
  }
  ListenerOptions rest = options;
  rest.addresses.clear();
  absl::StatusOr<std::unique_ptr<Listener>> listener = Open(rest, std::vector<Descriptor>());
  if (!listener.ok()) return listener.status();
  (*listener)->options_.addresses = options.addresses;
  for (const std::string& address : options.addresses) {
    const auto found = adopted.find(address);
    if (found != adopted.end() && !found->second.empty()) {
      (*listener)->Add(address, std::exchange(found->second, {}));
      continue;
    }
    absl::StatusOr<std::vector<ListeningSocket>> sockets = (*listener)->OpenOne(address, others);
    if (!sockets.ok()) return sockets.status();
    (*listener)->Add(address, *std::move(sockets));
  }
  return listener;
}

absl::StatusOr<Listener::Next> Listener::Prepare(const ListenerOptions& options) const {
  Next next{options, {}};
  std::vector<Descriptor> none;
  for (const std::string& address : options.addresses) {
    const bool there = std::any_of(sockets_.begin(), sockets_.end(),
                                   [&address](const auto& entry) { return entry.second.text == address; });
    if (there || next.opened.contains(address)) continue;
    absl::StatusOr<std::vector<ListeningSocket>> sockets = OpenOne(address, none);
    if (!sockets.ok()) return sockets.status();
    next.opened.emplace(address, *std::move(sockets));
  }
  return next;
}

void Listener::Change(Next next) {
  Do([this, &next] {
    options_ = std::move(next.options);
    connections_.SetMost(options_.connections, options_.connections_per_peer);
    const auto asked = [this](const std::string& text) {
      return std::find(options_.addresses.begin(), options_.addresses.end(), text) != options_.addresses.end();
    };
    for (auto entry = sockets_.begin(); entry != sockets_.end();) {
      if (asked(entry->second.text)) {
        ++entry;
        continue;
      }
      Watch(EPOLL_CTL_DEL, entry->second.socket.fd(), 0, 0);
      Empty(entry->second.socket);
      entry = sockets_.erase(entry);
    }
    for (auto& [text, sockets] : next.opened) {
      for (ListeningSocket& socket : sockets) {
        const uint64_t number = ++last_socket_;
        Watch(EPOLL_CTL_ADD, socket.fd(), EPOLLIN, kSocket | number);
        sockets_.emplace(number, Listened{text, std::move(socket)});
      }
    }
  });
  addresses_.clear();
  for (const std::string& text : options_.addresses) {
    for (const auto& [number, listened] : sockets_) {
      if (listened.text != text) continue;
      const SocketName& address = listened.socket.address();
      addresses_.push_back(text == kInherited ? AddressText(address) : WithPort(text, address.port()));
      if (text != kInherited) break;  // all of one port
    }
  }
}

absl::StatusOr<std::vector<HandedSockets>> Listener::HandOut() {
  std::map<std::string, HandedSockets> handed;
  bool whole = true;
  const auto copy = [&whole](int fd, std::vector<Descriptor>& copies) {
    if (fd < 0) return;
    copies.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    whole = whole && copies.back().valid();
  };
  const bool done = Do([this, &handed, &copy] {
    for (const auto& [number, listened] : sockets_) {
      HandedSockets& address = handed[listened.text];
      address.text = listened.text;
      copy(listened.socket.fd(), address.sockets);
      copy(listened.socket.lock_fd(), address.locks);
    }
  });
  if (!done || handed.empty()) return absl::UnavailableError("the listener has stopped");
  if (!whole) return absl::UnavailableError("there are no descriptors left for copies of the listening sockets");
  std::vector<HandedSockets> addresses;
  for (auto& [text, address] : handed) addresses.push_back(std::move(address));
  return addresses;
}

void Listener::Pause(Queue queue) {
  Do([this, queue] {
    {
      absl::MutexLock lock(&mutex_);
      paused_ = true;
    }
    for (auto& [number, listened] : sockets_) {
      Watch(EPOLL_CTL_DEL, listened.socket.fd(), 0, 0);
      if (queue == Queue::kTake) Empty(listened.socket);
    }
    left_ = queue == Queue::kLeave;
    if (!left_) sockets_.clear();
  });
}

void Listener::Resume() {
  Do([this] {
    {
      absl::MutexLock lock(&mutex_);
      paused_ = false;
    }
    left_ = false;
    for (const auto& [number, listened] : sockets_) {
      Watch(EPOLL_CTL_ADD, listened.socket.fd(), EPOLLIN, kSocket | number);
    }
  });
}

size_t Listener::Remaining() {
  size_t open = 0;
  Do([this, &open] {
    swept_ = absl::Now();
    connections_.Sweep();
    open = connections_.size() + waiting_.size();
  });
  return open;
}

bool Listener::Do(absl::FunctionRef<void()> task) {
  absl::MutexLock one_at_a_time(&tasks_mutex_);
  if (!thread_.joinable()) {
    task();
    return true;
  }
  absl::MutexLock lock(&mutex_);
  if (stopped_) return false;
  task_ = &task;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
  const auto over = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return task_ == nullptr || ended_; };
  mutex_.Await(absl::Condition(&over));
  return std::exchange(task_, nullptr) == nullptr;
}

void Listener::RunTask() {
  uint64_t wakes = 0;
  [[maybe_unused]] const ssize_t taken = read(wake_.get(), &wakes, sizeof wakes);
  absl::FunctionRef<void()>* task = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    task = task_;
  }
  if (task == nullptr) return;
  (*task)();
  absl::MutexLock lock(&mutex_);
  task_ = nullptr;
}

void Listener::Empty(const ListeningSocket& socket) {
  for (int turn = 0; turn < kTurnsToEmpty && Accept(socket); ++turn) {
  }
}

Listener::~Listener() { Stop(); }

void Listener::Serve(std::shared_ptr<ConnectionTaker> taker) {
  {
    absl::MutexLock lock(&mutex_);
    taker_.swap(taker);
    stopped_ = false;
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
}

void Listener::Stop() {
  absl::MutexLock no_task(&tasks_mutex_);
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  if (thread_.joinable()) {
    const uint64_t one = 1;
    // It cannot fail but when it has been done already, often.
    [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof one);
    thread_.join();
  }
  waiting_.clear();
  for (auto& [number, listened] : sockets_) {
    if (left_) listened.socket.LeavePath();
  }
  sockets_.clear();
  absl::MutexLock lock(&mutex_);
  taker_ = nullptr;
}

absl::Status Listener::Accepting() const {
  if (connections_.size() >= connections_.most()) {
    return absl::UnavailableError(absl::StrCat("all ", connections_.most(), " connections are taken"));
  }
  absl::MutexLock lock(&mutex_);
  if (stopped_ || paused_) return absl::UnavailableError("the listener does not accept connections");
  if (!pause_reason_.empty()) return absl::UnavailableError(absl::StrCat("cannot accept: ", pause_reason_));
  return absl::OkStatus();
}

void Listener::Watch(int operation, int fd, uint32_t events, uint64_t tag) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = tag;
  epoll_ctl(epoll_.get(), operation, fd, &event);
}

void Listener::Run() {
  Watch(EPOLL_CTL_ADD, wake_.get(), EPOLLIN, kWakeUp);
  for (const auto& [number, listened] : sockets_) Watch(EPOLL_CTL_ADD, listened.socket.fd(), EPOLLIN, kSocket | number);
  std::array<epoll_event, kMostEvents> events;
  while (true) {
    const absl::Duration wait = NextTime(absl::Now());
    const int timeout =
        wait == absl::InfiniteDuration() ? -1 : static_cast<int>(std::max<int64_t>(1, absl::ToInt64Milliseconds(wait)));
    const int count = epoll_wait(epoll_.get(), events.data(), kMostEvents, timeout);
    {
      absl::MutexLock lock(&mutex_);
      if (stopped_) {
        ended_ = true;
        return;
      }
    }
    for (int i = 0; i < count; ++i) OnEvent(events[static_cast<size_t>(i)].data.u64);
    OnTime(absl::Now());
  }
}

void Listener::OnEvent(uint64_t tag) {
  const uint64_t number = tag & kNumber;
  if (tag == kWakeUp) {
    RunTask();
  } else if ((tag & ~kNumber) == kSocket) {
    // One that a task has just taken away may have had an event.
    const auto listened = sockets_.find(number);
    if (listened != sockets_.end()) Accept(listened->second.socket);
  } else if ((tag & ~kNumber) == kWaiting) {
    GoOn(static_cast<int>(number));
  }
}

bool Listener::Accept(const ListeningSocket& socket) {
  for (int i = 0; i < kAcceptsInTurn; ++i) {
    SocketName peer;
    peer.length = sizeof peer.storage;
    Descriptor fd(accept4(socket.fd(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.valid()) {
      OnAccepted(std::move(fd), peer, socket);
      continue;
    }
    switch (errno) {
      case EAGAIN:
        return false;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        PauseFor(errno, absl::Now());
        return false;
      default:
        // Of the connection that was to be accepted (accept(2)): the next one may be well.
        continue;
    }
  }
  return true;
}

// The connections wait in the socket's queue meanwhile, and nothing else is asked of the system.
void Listener::PauseFor(int error, absl::Time now) {
  {
    absl::MutexLock lock(&mutex_);
    if (pause_reason_.empty()) spdlog::error("cannot accept connections, trying on: {}", std::strerror(error));
    pause_reason_ = std::strerror(error);
  }
  paused_until_ = now + kPause;
  for (const auto& [number, listened] : sockets_) Watch(EPOLL_CTL_MOD, listened.socket.fd(), 0, kSocket | number);
}

void Listener::OnAccepted(Descriptor fd, const SocketName& peer, const ListeningSocket& socket) {
  const absl::Time now = absl::Now();
  const int number = fd.get();
  if (static_cast<size_t>(number) >= options_.descriptors) {
    return refusals_.Add("the descriptors that connections may have are used up", AddressText(peer), now);
  }
  const auto full = [this] { return connections_.size() + waiting_.size() >= options_.connections; };
  if (full() && (!SweepNow() || full())) {
    return refusals_.Add("limits.connections is reached", AddressText(peer), now);
  }
  const bool unix_socket = socket.address().unix_socket();
  WaitingConnection::Expects expects;
  expects.proxy_header = Trusted(unix_socket ? socket.address() : peer);
  // Of others gRPC itself bounds how long it takes.
  expects.preface = unix_socket && options_.unix_by_descriptor;
  WaitingConnection waiting(std::move(fd), unix_socket ? socket.address() : peer,
                            unix_socket ? SocketKind::kUnix : SocketKind::kTcp, expects, now + options_.handshake);
  waiting_.insert_or_assign(number, std::move(waiting));
  // Told once for whatever comes, so that what has come and does not suffice yet is not told again.
  Watch(EPOLL_CTL_ADD, number, EPOLLIN | EPOLLRDHUP | EPOLLET, kWaiting | static_cast<uint64_t>(number));
  GoOn(number);
}

bool Listener::Trusted(const SocketName& peer) const {
  if (options_.trusted_proxies.empty()) return false;
  const policy::HostAddress host = policy::PeerHost(PeerText(peer));
  return std::any_of(options_.trusted_proxies.begin(), options_.trusted_proxies.end(),
                     [&host](const policy::Network& network) { return network.Contains(host); });
}

void Listener::GoOn(int fd) {
  const auto found = waiting_.find(fd);
  if (found == waiting_.end()) return;
  const absl::StatusOr<WaitingConnection::Progress> progress = found->second.GoOn();
  if (!progress.ok()) {
    // Who only looks whether somebody listens says nothing, and is not worth a line.
    if (absl::IsInvalidArgument(progress.status())) {
      refusals_.Add(std::string(progress.status().message()), AddressText(found->second.peer()), absl::Now());
    }
    return Drop(fd);
  }
  if (*progress == WaitingConnection::Progress::kReady) HandOver(fd);
}

void Listener::HandOver(int fd) {
  WaitingConnection& waiting = waiting_.at(fd);
  // Of a UNIX socket with TLS gRPC does not tell which it is: its calls do not find it, and it is only counted.
  const std::string transport_peer =
      waiting.kind() == SocketKind::kTcp ? PeerText(waiting.peer()) : absl::StrCat("fd:", fd);
  const SocketName& caller = waiting.caller().has_value() ? *waiting.caller() : waiting.peer();
  // A proxy stands for many: it is not counted itself.
  const bool counted = !waiting.through_proxy() || waiting.caller().has_value();
  const auto add = [&] { return connections_.Add(fd, transport_peer, PeerText(caller), counted ? &caller : nullptr); };
  Connections::Added added = add();
  if (added != Connections::Added::kAdded && SweepNow()) added = add();
  // The connection before it, of the same address and port, is about to go: not yet.
  waiting.awaits_turn = added == Connections::Added::kPeerInUse;
  if (waiting.awaits_turn) return;
  if (added != Connections::Added::kAdded) {
    refusals_.Add(added == Connections::Added::kTooMany ? "limits.connections is reached"
                                                        : "limits.connections_per_peer is reached",
                  AddressText(caller), absl::Now());
    return Drop(fd);
  }
  Watch(EPOLL_CTL_DEL, fd, 0, 0);
  const SocketKind kind = waiting.kind();
  waiting.Release();
  waiting_.erase(fd);
  absl::MutexLock lock(&mutex_);
  taker_->Take(fd, kind);
}

void Listener::Drop(int fd) { waiting_.erase(fd); }

bool Listener::SweepNow() {
  const absl::Time now = absl::Now();
  if (now < swept_ + kLeastSweepInterval) return false;
  swept_ = now;
  return connections_.Sweep();
}

void Listener::OnTime(absl::Time now) {
  if (now >= swept_ + kSweepInterval) SweepNow();
  std::vector<int> late, again;
  for (const auto& [fd, waiting] : waiting_) {
    if (now >= waiting.deadline()) late.push_back(fd);
    if (now < waiting.deadline() && waiting.awaits_turn) again.push_back(fd);
  }
  for (const int fd : late) Drop(fd);
  for (const int fd : again) GoOn(fd);
  if (paused_until_ == absl::InfinitePast() || now < paused_until_) return;
  paused_until_ = absl::InfinitePast();
  {
    absl::MutexLock lock(&mutex_);
    pause_reason_.clear();
  }
  for (const auto& [number, listened] : sockets_) Watch(EPOLL_CTL_MOD, listened.socket.fd(), EPOLLIN, kSocket | number);
}

absl::Duration Listener::NextTime(absl::Time now) const {
  absl::Time next = absl::InfiniteFuture();
  if (connections_.size() > 0) next = swept_ + kSweepInterval;
  for (const auto& [fd, waiting] : waiting_) {
    next = std::min(next, waiting.awaits_turn ? now + kLeastSweepInterval : waiting.deadline());
  }
  if (paused_until_ != absl::InfinitePast()) next = std::min(next, paused_until_);
  return next == absl::InfiniteFuture() ? absl::InfiniteDuration() : std::max(next - now, absl::ZeroDuration());
}

}  // namespace sallyport::gateway
