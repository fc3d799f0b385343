// A gRPC caller that speaks HTTP/2 by hand: it sees what is on the wire, where a library makes up statuses of its own.
#ifndef SALLYPORT_TESTS_FAKES_RAW_CALLER_H_
#define SALLYPORT_TESTS_FAKES_RAW_CALLER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sallyport::testing {

// One connection. Every wait is bounded; what has not come by then is not there. For one thread.
class RawCaller {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  // What has been seen of a call so far.
  struct Seen {
    bool headers = false;
    std::vector<std::string> messages;
    std::optional<std::string> status;  // of the trailers, as text
    std::string message;                // percent-decoded
    std::optional<uint32_t> reset;      // the code of a RST_STREAM
    bool connection_over = false;
    bool over() const { return status.has_value() || reset.has_value() || connection_over; }
  };

  // Connects to "127.0.0.1:port". `window` is what the peer may send on each stream before it is given more, which this
  // caller never does; the connection's own is large.
  explicit RawCaller(const std::string& address, uint32_t window = 16 << 20);
  ~RawCaller();
  RawCaller(const RawCaller&) = delete;
  RawCaller& operator=(const RawCaller&) = delete;

  // Opens a call and returns its stream. The request stays open.
  uint32_t Open(const std::string& path, const Pairs& metadata = {});
  void Send(uint32_t stream, const std::string& message);
  void SendBytes(uint32_t stream, const std::string& bytes, bool last);  // as they are, of a message or not
  void HalfClose(uint32_t stream) { SendBytes(stream, "", true); }
  void Cancel(uint32_t stream);
  // Closes the connection as a process that ends does, or (`reset`) as one that has crashed.
  void Close(bool reset);

  // Reads until that is so. False if it does not come about.
  bool AwaitHeaders(uint32_t stream);
  bool AwaitMessages(uint32_t stream, size_t count);
  const Seen& AwaitEnd(uint32_t stream);

 private:
  struct Stream {
    Seen seen;
    std::string unread;  // of messages that are not whole yet
  };
  bool ReadFrame();
  bool Take(size_t count, std::string* bytes);
  void TakeHeaders(Stream& stream, std::string_view block);
  void SendFrame(uint8_t kind, uint8_t flags, uint32_t stream, std::string_view payload);

  int socket_ = -1;
  uint32_t next_stream_ = 1;
  std::map<uint32_t, Stream> streams_;
  bool over_ = false;
};

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_FAKES_RAW_CALLER_H_
