// What the built-in detectors know: whether something begins, or stands, at a place in a text.
#ifndef SALLYPORT_POLICY_MASKING_SENSITIVE_TEXTS_H_
#define SALLYPORT_POLICY_MASKING_SENSITIVE_TEXTS_H_

#include <cstddef>
#include <optional>
#include <string_view>

namespace sallyport::policy {

// Bytes [begin, end) of the text.
struct Found {
  size_t begin;
  size_t end;
};

// Each looks at a bounded number of bytes around `at`, but for those of tokens and keys that have begun there, which
// are looked at once.

// `at` is the first of a run of digits.
std::optional<Found> PaymentCardAt(std::string_view text, size_t at);
std::optional<Found> SocialSecurityNumberAt(std::string_view text, size_t at);
std::optional<Found> Ipv4At(std::string_view text, size_t at);
// The same, and two capital letters before it.
std::optional<Found> IbanAt(std::string_view text, size_t at);
// `at` is a +, an opening parenthesis or the first of a run of digits.
std::optional<Found> PhoneAt(std::string_view text, size_t at);
// `at` is the @.
std::optional<Found> EmailAt(std::string_view text, size_t at);
// `at` is a colon.
std::optional<Found> Ipv6At(std::string_view text, size_t at);
// `at` is where it begins.
std::optional<Found> JwtAt(std::string_view text, size_t at);
std::optional<Found> PrivateKeyAt(std::string_view text, size_t at);
std::optional<Found> CloudKeyAt(std::string_view text, size_t at);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_SENSITIVE_TEXTS_H_
