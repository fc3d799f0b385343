#include "tests/fakes/raw_caller.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace sallyport::testing {
namespace {

constexpr int kLimitSeconds = 60;
constexpr uint8_t kData = 0, kHeaders = 1, kResetStream = 3, kSettings = 4, kPing = 6, kWindowUpdate = 8;
constexpr uint8_t kEndStream = 1, kAck = 1, kEndHeaders = 4;
constexpr uint32_t kCancelCode = 8;

std::string Number(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

uint32_t NumberIn(std::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// An HPACK integer with a prefix of 7 bits, without Huffman coding (RFC 7541, 5.1).
std::string Length(size_t value) {
  if (value < 127) return {static_cast<char>(value)};
  std::string out = "\x7f";
  for (value -= 127; value >= 128; value /= 128) out += static_cast<char>(value % 128 + 128);
  return out + static_cast<char>(value);
}

// What this takes from an HPACK block; the block is at its end where nothing is left.
class Block {
 public:
  explicit Block(std::string_view bytes) : rest_(bytes) {}
  bool empty() const { return rest_.empty(); }

  // The next pair; both empty for one from a table. There is no dynamic one, because this side allows none.
  std::pair<std::string, std::string> Next() {
    const auto first = static_cast<uint8_t>(rest_[0]);
    if (first & 0x80) {
      Integer(7);
      return {};
    }
    if ((first & 0xe0) == 0x20) {  // the size of the table
      Integer(5);
      return {};
    }
    const size_t index = Integer(first & 0x40 ? 6 : 4);
    const std::string name = index == 0 ? Text() : std::string();
    return {name, Text()};
  }

 private:
  size_t Integer(int bits) {
    const size_t most = (1u << bits) - 1;
    size_t value = static_cast<uint8_t>(rest_[0]) & most;
    rest_.remove_prefix(1);
    if (value < most) return value;
    for (int shift = 0; !rest_.empty(); shift += 7) {
      const auto next = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      value += static_cast<size_t>(next & 127) << shift;
      if (next < 128) break;
    }
    return value;
  }
  std::string Text() {
    if (rest_.empty()) return "";
    const size_t size = Integer(7);
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(text.size());
    return text;
  }

  std::string_view rest_;
};

std::string PercentDecoded(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtol(text.substr(i + 1, 2).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace

RawCaller::RawCaller(const std::string& address, uint32_t window) {
  socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in peer = {};
  peer.sin_family = AF_INET;
  peer.sin_port = htons(static_cast<uint16_t>(std::atoi(address.substr(address.rfind(':') + 1).c_str())));
  peer.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  over_ = connect(socket_, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0;
  const timeval limit = {kLimitSeconds, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  over_ = over_ || send(socket_, preface.data(), preface.size(), MSG_NOSIGNAL) < 0;
  // HEADER_TABLE_SIZE 0, and INITIAL_WINDOW_SIZE.
  SendFrame(kSettings, 0, 0, std::string("\0\1", 2) + Number(0) + std::string("\0\4", 2) + Number(window));
  SendFrame(kWindowUpdate, 0, 0, Number(1 << 30));
}

RawCaller::~RawCaller() { Close(false); }

void RawCaller::SendFrame(uint8_t kind, uint8_t flags, uint32_t stream, std::string_view payload) {
  if (socket_ < 0) return;
  std::string bytes = Number(static_cast<uint32_t>(payload.size())).substr(1);
  bytes += static_cast<char>(kind);
  bytes += static_cast<char>(flags);
  bytes += Number(stream);
  bytes += payload;
  for (size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (count <= 0) return;
    sent += static_cast<size_t>(count);
  }
}

uint32_t RawCaller::Open(const std::string& path, const Pairs& metadata) {
  Pairs pairs = {{":method", "POST"},    {":scheme", "http"}, {":path", path},
                 {":authority", "test"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  pairs.insert(pairs.end(), metadata.begin(), metadata.end());
  std::string block;
  for (const auto& [name, value] : pairs) {
    block += '\0';
    block += Length(name.size()) + name + Length(value.size()) + value;
  }
  const uint32_t stream = next_stream_;
  next_stream_ += 2;
  streams_[stream];
  SendFrame(kHeaders, kEndHeaders, stream, block);
  return stream;
}

void RawCaller::Send(uint32_t stream, const std::string& message) {
  SendBytes(stream, std::string(1, '\0') + Number(static_cast<uint32_t>(message.size())) + message, false);
}

void RawCaller::SendBytes(uint32_t stream, const std::string& bytes, bool last) {
  constexpr size_t kMost = 16000;  // of a frame
  size_t sent = 0;
  do {
    const std::string_view part = std::string_view(bytes).substr(sent, kMost);
    sent += part.size();
    SendFrame(kData, last && sent == bytes.size() ? kEndStream : 0, stream, part);
  } while (sent < bytes.size());
}

void RawCaller::Cancel(uint32_t stream) { SendFrame(kResetStream, 0, stream, Number(kCancelCode)); }

void RawCaller::Close(bool reset) {
  if (socket_ < 0) return;
  const linger at_once = {1, 0};
  if (reset) setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(socket_);
  socket_ = -1;
  over_ = true;
}

bool RawCaller::Take(size_t count, std::string* bytes) {
  bytes->resize(count);
  for (size_t got = 0; got < count;) {
    const ssize_t more = socket_ < 0 ? -1 : recv(socket_, bytes->data() + got, count - got, 0);
    if (more <= 0) return false;
    got += static_cast<size_t>(more);
  }
  return true;
}

bool RawCaller::ReadFrame() {
  std::string head;
  std::string payload;
  if (over_ || !Take(9, &head) || !Take(NumberIn('\0' + head.substr(0, 3)), &payload)) {
    over_ = true;
    for (auto& [number, stream] : streams_) stream.seen.connection_over = !stream.seen.over();
    return false;
  }
  const auto kind = static_cast<uint8_t>(head[3]);
  const auto flags = static_cast<uint8_t>(head[4]);
  if (kind == kSettings && !(flags & kAck)) SendFrame(kSettings, kAck, 0, "");
  if (kind == kPing && !(flags & kAck)) SendFrame(kPing, kAck, 0, payload);
  const auto found = streams_.find(NumberIn(std::string_view(head).substr(5)));
  if (found == streams_.end()) return true;
  Stream& stream = found->second;
  if (kind == kHeaders) TakeHeaders(stream, payload);
  if (kind == kResetStream && !stream.seen.over()) stream.seen.reset = NumberIn(payload);
  if (kind == kData) {
    stream.unread += payload;
    while (stream.unread.size() >= 5) {
      const size_t size = NumberIn(std::string_view(stream.unread).substr(1));
      if (stream.unread.size() < 5 + size) break;
      stream.seen.messages.push_back(stream.unread.substr(5, size));
      stream.unread.erase(0, 5 + size);
    }
  }
  return true;
}

void RawCaller::TakeHeaders(Stream& stream, std::string_view bytes) {
  stream.seen.headers = true;
  for (Block block(bytes); !block.empty();) {
    const auto [name, value] = block.Next();
    if (name == "grpc-status") stream.seen.status = value;
    if (name == "grpc-message") stream.seen.message = PercentDecoded(value);
  }
}

bool RawCaller::AwaitHeaders(uint32_t stream) {
  const Seen& seen = streams_.at(stream).seen;
  while (!seen.headers && !seen.over() && ReadFrame()) {
  }
  return seen.headers;
}

bool RawCaller::AwaitMessages(uint32_t stream, size_t count) {
  const Seen& seen = streams_.at(stream).seen;
  while (seen.messages.size() < count && !seen.over() && ReadFrame()) {
  }
  return seen.messages.size() >= count;
}

const RawCaller::Seen& RawCaller::AwaitEnd(uint32_t stream) {
  const Seen& seen = streams_.at(stream).seen;
  while (!seen.over() && ReadFrame()) {
  }
  return seen;
}

}  // namespace sallyport::testing
