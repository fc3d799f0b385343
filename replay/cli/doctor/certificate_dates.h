// When certificates hold.
#ifndef SALLYPORT_REPLAY_CLI_DOCTOR_CERTIFICATE_DATES_H_
#define SALLYPORT_REPLAY_CLI_DOCTOR_CERTIFICATE_DATES_H_

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace sallyport::replay {

struct CertificateDates {
  absl::Time not_before;
  absl::Time not_after;
};

// The validity of one X.509 certificate in DER (RFC 5280, 4.1.2.5), of anybody's making. INVALID_ARGUMENT if it cannot
// be read. Checks nothing else.
absl::StatusOr<CertificateDates> DatesOfCertificate(std::string_view der);

// Of all certificates in a PEM text, in order. INVALID_ARGUMENT if one cannot be read, or there is none.
absl::StatusOr<std::vector<CertificateDates>> DatesOfCertificates(std::string_view pem);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_DOCTOR_CERTIFICATE_DATES_H_
