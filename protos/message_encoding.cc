#include "protos/message_encoding.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace sallyport {
namespace {

constexpr size_t kPiece = size_t{64} << 10;
// zlib's windowBits: the largest window, with 16 added for gzip in place of zlib's own framing.
constexpr int kZlibFraming = 15;
constexpr int kGzipFraming = 15 + 16;

absl::Status Damaged() {
  return absl::InvalidArgumentError("a message that claims to be compressed cannot be inflated");
}

}  // namespace

std::optional<MessageEncoding> ParseMessageEncoding(std::string_view name) {
  if (name.empty() || name == "identity") return MessageEncoding::kIdentity;
  if (name == "gzip") return MessageEncoding::kGzip;
  if (name == "deflate") return MessageEncoding::kDeflate;
  return std::nullopt;
}

absl::StatusOr<std::string> Inflate(MessageEncoding encoding, std::string_view message, size_t most_bytes,
                                    size_t* inflated) {
  if (inflated != nullptr) *inflated = 0;
  if (encoding == MessageEncoding::kIdentity) return std::string(message);
  if (message.size() > std::numeric_limits<uInt>::max()) return Damaged();
  z_stream stream = {};
  if (inflateInit2(&stream, encoding == MessageEncoding::kGzip ? kGzipFraming : kZlibFraming) != Z_OK) {
    return absl::ResourceExhaustedError("there is no memory to inflate a message");
  }
  const absl::Cleanup end = [&stream] { inflateEnd(&stream); };
  // zlib does not write to its input; its interface is older than const.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(message.data()));
  stream.avail_in = static_cast<uInt>(message.size());

  std::string text;
  while (true) {
    const size_t done = text.size();
    // One byte more than is allowed shows that there is too much.
    text.resize(done + std::min(kPiece, most_bytes - done + 1));
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + done);
    stream.avail_out = static_cast<uInt>(text.size() - done);
    const int result = inflate(&stream, Z_NO_FLUSH);
    text.resize(text.size() - stream.avail_out);
    if (inflated != nullptr) *inflated = text.size();
    if (text.size() > most_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("a compressed message is longer than ", most_bytes, " bytes when inflated"));
    }
    if (result == Z_STREAM_END) return stream.avail_in == 0 ? absl::StatusOr<std::string>(std::move(text)) : Damaged();
    // Z_OK with room left means that the input has ended before the stream.
    if (result != Z_OK || stream.avail_out > 0) return Damaged();
  }
}

absl::StatusOr<std::string> Gzip(std::string_view bytes) {
  constexpr int kMemoryLevel = 8;  // zlib's own default
  if (bytes.size() > std::numeric_limits<uInt>::max()) return absl::InvalidArgumentError("is too long for one member");
  z_stream stream = {};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipFraming, kMemoryLevel, Z_DEFAULT_STRATEGY) !=
      Z_OK) {
    return absl::ResourceExhaustedError("there is no memory to compress with");
  }
  const absl::Cleanup end = [&stream] { deflateEnd(&stream); };
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string compressed(deflateBound(&stream, stream.avail_in), '\0');
  stream.next_out = reinterpret_cast<Bytef*>(compressed.data());
  stream.avail_out = static_cast<uInt>(compressed.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return absl::InternalError("zlib needs more space than it said");
  compressed.resize(compressed.size() - stream.avail_out);
  return compressed;
}

}  // namespace sallyport
