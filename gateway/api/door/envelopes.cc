#include "gateway/api/door/envelopes.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kPrefix = 5;
constexpr size_t kQuad = 4;

uint32_t LengthIn(std::string_view prefix) {
  uint32_t length = 0;
  for (size_t i = 1; i < kPrefix; ++i) length = length << 8 | static_cast<unsigned char>(prefix[i]);
  return length;
}

bool IsBase64(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '+' || c == '/'; });
}

}  // namespace

absl::StatusOr<Envelope> ReadOneEnvelope(std::string_view body) {
  if (body.empty()) return absl::UnimplementedError("the request has no message: it takes one");
  if (body.size() < kPrefix) return absl::InvalidArgumentError("the request ends within a message's prefix");
  const uint32_t length = LengthIn(body);
  const size_t behind = body.size() - kPrefix;
  if (length > behind) {
    return absl::InvalidArgumentError(
        absl::StrCat("the request's message is announced with ", length, " bytes and has ", behind));
  }
  if (length < behind) return absl::UnimplementedError("the request has more than one message: it takes one");
  return Envelope{static_cast<uint8_t>(body[0]), body.substr(kPrefix)};
}

std::string Enveloped(uint8_t flags, std::string_view message) {
  std::string bytes;
  bytes.reserve(kPrefix + message.size());
  bytes += static_cast<char>(flags);
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(message.size() >> shift & 0xff);
  bytes += message;
  return bytes;
}

absl::StatusOr<std::string> ReadWebText(std::string_view body) {
  const absl::Status fault = absl::InvalidArgumentError("the request is not base64, padded, as gRPC-Web-Text has it");
  if (body.size() % kQuad != 0) return fault;
  std::string bytes;
  while (!body.empty()) {
    // A run ends with the quad that is padded, or with the body.
    const size_t padding = body.find('=');
    const size_t end = padding == std::string_view::npos ? body.size() : (padding / kQuad + 1) * kQuad;
    const std::string_view run = body.substr(0, end);
    body.remove_prefix(end);
    const std::string_view text = run.substr(0, padding);
    std::string part;
    if (run.size() - text.size() > 2 || !IsBase64(text)) return fault;
    const std::string_view rest = run.substr(text.size());
    if (rest.find_first_not_of('=') != std::string_view::npos ||
        !absl::Base64Unescape({run.data(), run.size()}, &part)) {
      return fault;
    }
    bytes += part;
  }
  return bytes;
}

}  // namespace sallyport::gateway
