// A file descriptor that is closed by who owns it.
#ifndef SALLYPORT_GATEWAY_LISTENER_DESCRIPTOR_H_
#define SALLYPORT_GATEWAY_LISTENER_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace sallyport::gateway {

// Movable; closes it when destroyed.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }
  ~Descriptor() { Reset(-1); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Whoever calls this closes it.
  int Release() { return std::exchange(fd_, -1); }
  void Reset(int fd) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTENER_DESCRIPTOR_H_
