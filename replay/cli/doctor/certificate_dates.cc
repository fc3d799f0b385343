#include "replay/cli/doctor/certificate_dates.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::replay {
namespace {

constexpr unsigned char kInteger = 0x02;
constexpr unsigned char kUtcTime = 0x17;
constexpr unsigned char kGeneralizedTime = 0x18;
constexpr unsigned char kSequence = 0x30;
constexpr unsigned char kVersion = 0xA0;
constexpr std::string_view kBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kEnd = "-----END CERTIFICATE-----";

struct Element {
  unsigned char tag = 0;
  std::string_view content;
};

// Cuts the first element off `der`. Nothing if none is whole.
std::optional<Element> Take(std::string_view& der) {
  if (der.size() < 2) return std::nullopt;
  Element element;
  element.tag = static_cast<unsigned char>(der[0]);
  size_t length = static_cast<unsigned char>(der[1]);
  size_t at = 2;
  if (length >= 0x80) {
    size_t bytes = length & 0x7F;
    if (bytes == 0 || bytes > 4 || der.size() < at + bytes) return std::nullopt;
    for (length = 0; bytes > 0; --bytes) length = length << 8 | static_cast<unsigned char>(der[at++]);
  }
  if (length > der.size() - at) return std::nullopt;
  element.content = der.substr(at, length);
  der.remove_prefix(at + length);
  return element;
}

std::optional<std::string_view> TakeContent(std::string_view& der, unsigned char tag) {
  const std::optional<Element> element = Take(der);
  if (!element.has_value() || element->tag != tag) return std::nullopt;
  return element->content;
}

std::optional<absl::Time> TakeTime(std::string_view& der) {
  const std::optional<Element> element = Take(der);
  if (!element.has_value()) return std::nullopt;
  std::string text(element->content);
  if (element->tag == kUtcTime) {
    if (text.size() != 13) return std::nullopt;
    // Two digits stand for 1950 to 2049.
    text.insert(0, text[0] >= '5' ? "19" : "20");
  } else if (element->tag != kGeneralizedTime || text.size() != 15) {
    return std::nullopt;
  }
  absl::Time time;
  std::string error;
  // %Y would take all digits.
  if (!absl::ParseTime("%E4Y%m%d%H%M%SZ", text, &time, &error)) return std::nullopt;
  return time;
}

absl::Status Unreadable() { return absl::InvalidArgumentError("it holds a certificate that cannot be read"); }

}  // namespace

absl::StatusOr<CertificateDates> DatesOfCertificate(std::string_view der) {
  std::optional<std::string_view> certificate = TakeContent(der, kSequence);
  if (!certificate.has_value()) return Unreadable();
  std::optional<std::string_view> body = TakeContent(*certificate, kSequence);
  if (!body.has_value()) return Unreadable();
  if (!body->empty() && static_cast<unsigned char>(body->front()) == kVersion) {
    if (!Take(*body).has_value()) return Unreadable();
  }
  // The serial number, the signature's algorithm and the issuer stand before it.
  for (const unsigned char tag : {kInteger, kSequence, kSequence}) {
    if (!TakeContent(*body, tag).has_value()) return Unreadable();
  }
  std::optional<std::string_view> validity = TakeContent(*body, kSequence);
  if (!validity.has_value()) return Unreadable();
  const std::optional<absl::Time> not_before = TakeTime(*validity);
  const std::optional<absl::Time> not_after = not_before.has_value() ? TakeTime(*validity) : std::nullopt;
  if (!not_after.has_value()) return Unreadable();
  return CertificateDates{*not_before, *not_after};
}

absl::StatusOr<std::vector<CertificateDates>> DatesOfCertificates(std::string_view pem) {
  std::vector<CertificateDates> dates;
  for (size_t at = pem.find(kBegin); at != std::string_view::npos; at = pem.find(kBegin, at)) {
    at += kBegin.size();
    const size_t end = pem.find(kEnd, at);
    if (end == std::string_view::npos) return Unreadable();
    const std::string_view base64 = pem.substr(at, end - at);
    std::string der;
    if (!absl::Base64Unescape({base64.data(), base64.size()}, &der)) return Unreadable();
    const absl::StatusOr<CertificateDates> each = DatesOfCertificate(der);
    if (!each.ok()) return each.status();
    dates.push_back(*each);
  }
  if (dates.empty()) return absl::InvalidArgumentError("it holds no certificate in PEM");
  return dates;
}

}  // namespace sallyport::replay
