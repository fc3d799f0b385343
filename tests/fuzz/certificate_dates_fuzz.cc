// The dates of certificates, of anybody's making.
#include "replay/cli/doctor/certificate_dates.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzCertificateDates(std::string_view input) {
  static_cast<void>(replay::DatesOfCertificates(input));
  static_cast<void>(replay::DatesOfCertificate(input));
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzCertificateDates)
