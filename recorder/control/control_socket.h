// The socket in a data directory over which the gateway that holds it is spoken to.
#ifndef SALLYPORT_RECORDER_CONTROL_CONTROL_SOCKET_H_
#define SALLYPORT_RECORDER_CONTROL_CONTROL_SOCKET_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "sallyport/v1/control.pb.h"

namespace sallyport::recorder {

// One end of a connection between two processes of one user. Packets of at most kMostBytes, one message each. Movable;
// not thread-safe.
class ControlConnection {
 public:
  static constexpr size_t kMostBytes = 60 << 10;
  static constexpr size_t kMostDescriptors = 200;

  ControlConnection() = default;
  explicit ControlConnection(int fd) : fd_(fd) {}
  ControlConnection(ControlConnection&& other) noexcept : fd_(other.Release()) {}
  ControlConnection& operator=(ControlConnection&& other) noexcept;
  ~ControlConnection();

  // To the gateway that holds the directory. NOT_FOUND if none does, PERMISSION_DENIED if it is another user's.
  static absl::StatusOr<ControlConnection> Connect(const std::string& data_directory);

  // Answers that are too long are cut short, and say so.
  absl::Status Send(const v1::ControlRequest& request);
  absl::Status Send(v1::ControlAnswer answer, const std::vector<int>& descriptors = {});
  // Waits for at most `patience`: DEADLINE_EXCEEDED. UNAVAILABLE if the other end is gone, INVALID_ARGUMENT if what
  // came is no message. Descriptors that come along are the caller's to close.
  absl::StatusOr<v1::ControlRequest> ReceiveRequest(absl::Duration patience);
  absl::StatusOr<v1::ControlAnswer> ReceiveAnswer(absl::Duration patience, std::vector<int>* descriptors = nullptr);

  int fd() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  // Whether the other end is gone, or is within `patience`. What it may have sent is left unread.
  bool Gone(absl::Duration patience) const;

 private:
  int Release();
  absl::Status SendBytes(const std::string& bytes, const std::vector<int>& descriptors);
  absl::StatusOr<std::string> ReceiveBytes(absl::Duration patience, std::vector<int>* descriptors);

  int fd_ = -1;
};

// The other side. Made by whoever holds the directory's lock; takes its name away when destroyed, if it still is this
// one's. Not thread-safe.
class ControlSocket {
 public:
  // Of mode 0600; one that was left there is replaced. What the system said otherwise.
  static absl::StatusOr<ControlSocket> Listen(const std::string& data_directory);
  ControlSocket(ControlSocket&& other) noexcept;
  ControlSocket& operator=(ControlSocket&&) = delete;
  ~ControlSocket();

  int fd() const { return fd_; }
  // One that waits; UNAVAILABLE if none does, PERMISSION_DENIED if it is another user's, who is sent away.
  absl::StatusOr<ControlConnection> Accept();

 private:
  ControlSocket(int fd, std::string path, ino_t inode) : fd_(fd), path_(std::move(path)), inode_(inode) {}

  int fd_ = -1;
  std::string path_;
  ino_t inode_ = 0;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CONTROL_CONTROL_SOCKET_H_
