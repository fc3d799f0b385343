#include "replay/message_encoding.h"

#include <google/protobuf/io/gzip_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <limits>

#include "absl/strings/str_cat.h"

namespace sallyport::replay {

using google::protobuf::io::ArrayInputStream;
using google::protobuf::io::GzipInputStream;

std::optional<MessageEncoding> ParseMessageEncoding(std::string_view name) {
  if (name.empty() || name == "identity") return MessageEncoding::kIdentity;
  if (name == "gzip") return MessageEncoding::kGzip;
  if (name == "deflate") return MessageEncoding::kDeflate;
  return std::nullopt;
}

absl::StatusOr<std::string> Inflate(MessageEncoding encoding, std::string_view message, size_t most_bytes) {
  if (encoding == MessageEncoding::kIdentity) return std::string(message);
  if (message.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return absl::InvalidArgumentError(absl::StrCat("a compressed message of ", message.size(), " bytes is too long"));
  }
  ArrayInputStream compressed(message.data(), static_cast<int>(message.size()));
  GzipInputStream inflated(&compressed,
                           encoding == MessageEncoding::kGzip ? GzipInputStream::GZIP : GzipInputStream::ZLIB);
  std::string text;
  const void* data = nullptr;
  int size = 0;
  while (inflated.Next(&data, &size)) {
    if (text.size() + static_cast<size_t>(size) > most_bytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("a compressed message is longer than ", most_bytes, " bytes when inflated"));
    }
    text.append(static_cast<const char*>(data), static_cast<size_t>(size));
  }
  // zlib's codes: 1 is the end of the stream; a negative one is damage; 0 here means that the stream was cut off.
  if (inflated.ZlibErrorCode() != 1) {
    return absl::InvalidArgumentError("a message that claims to be compressed cannot be inflated");
  }
  return text;
}

}  // namespace sallyport::replay
