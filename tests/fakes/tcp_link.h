// A TCP connection that can be cut.
#ifndef SALLYPORT_TESTS_FAKES_TCP_LINK_H_
#define SALLYPORT_TESTS_FAKES_TCP_LINK_H_

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sallyport::testing {

// Listens on a free port of 127.0.0.1 and passes bytes on to and from a port there, until it is cut.
class TcpLink {
 public:
  explicit TcpLink(const std::string& target);  // "127.0.0.1:port"
  ~TcpLink() { Cut(); }

  const std::string& address() const { return address_; }
  // Closes every connection as a process that is killed would, and listens no more.
  void Cut();

 private:
  void Accept(int target_port);
  static void Pass(int from, int to);

  int listener_ = -1;
  std::string address_;
  std::atomic<bool> cut_{false};
  std::mutex mutex_;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_FAKES_TCP_LINK_H_
