// Whether a gateway that runs shows the certificate that its configuration names.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "recorder/system/file.h"
#include "replay/cli/doctor/certificate_dates.h"
#include "replay/cli/doctor/checks.h"
#include "replay/cli/doctor/connection.h"
#include "replay/cli/doctor/finding_list.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMostMetrics = size_t{8} << 20;
constexpr absl::Duration kMetricsTime = absl::Seconds(5);
constexpr size_t kMostCertificate = size_t{4} << 20;
constexpr double kMostSeconds = 1e11;
// What asking takes, and clocks of two machines differ by.
constexpr absl::Duration kAlike = absl::Minutes(10);

std::string Moment(absl::Time time) { return absl::FormatTime("%Y-%m-%d %H:%MZ", time, absl::UTCTimeZone()); }

}  // namespace

std::optional<absl::Duration> ShownExpiry(std::string_view metrics) {
  constexpr std::string_view kSeries = "sallyport_certificate_expires_in_seconds{use=\"listen\",";
  for (size_t at = metrics.find(kSeries); at != std::string_view::npos; at = metrics.find(kSeries, at + 1)) {
    if (at != 0 && metrics[at - 1] != '\n') continue;
    const std::string_view line = metrics.substr(at, metrics.find('\n', at) - at);
    const size_t value = line.rfind(' ');
    double seconds = 0;
    if (value == std::string_view::npos || line[value - 1] != '}' ||
        !absl::SimpleAtod(absl::string_view(line.data() + value + 1, line.size() - value - 1), &seconds) ||
        !std::isfinite(seconds) || std::abs(seconds) > kMostSeconds) {
      return std::nullopt;
    }
    return absl::Seconds(seconds);
  }
  return std::nullopt;
}

void CheckShownCertificate(const DoctorSubject& subject, Findings& findings) {
  if (!subject.config.has_value()) return;
  const std::string& path = subject.config->listen().tls().cert();
  const std::string& admin = subject.config->admin().address();
  if (path.empty() || admin.empty()) return;
  const absl::StatusOr<std::string> pem = recorder::ReadWholeFile(path, kMostCertificate);
  if (!pem.ok()) return;  // as was said of it
  const absl::StatusOr<std::vector<CertificateDates>> dates = DatesOfCertificates(*pem);
  if (!dates.ok()) return;
  absl::Time ends = absl::InfiniteFuture();
  for (const CertificateDates& each : *dates) ends = std::min(ends, each.not_after);
  const absl::StatusOr<std::string> metrics = HttpGet(admin, "/metrics", kMostMetrics, kMetricsTime);
  if (!metrics.ok()) {
    Fine(findings, "certificate", admin,
         absl::StrCat("no gateway says which certificate it shows: ", metrics.status().message()));
    return;
  }
  const std::optional<absl::Duration> left = ShownExpiry(*metrics);
  if (!left.has_value()) {
    Warn(findings, "certificate", admin, "the gateway that runs does not say that it shows a certificate",
         absl::StrCat("it was started with another configuration: see its log, and whether it reads ", path));
    return;
  }
  const absl::Time shown = subject.now + *left;
  if (absl::AbsDuration(shown - ends) <= kAlike) {
    Fine(findings, "certificate", admin, "the gateway that runs shows one that holds as long as that in the file");
  } else {
    Problem(findings, "certificate", admin,
            absl::StrCat("the gateway that runs shows one that holds until ", Moment(shown), ", and that in ", path,
                         " until ", Moment(ends)),
            "its log says why it does not take up the file; `sallyport_reload_ok` is 0 then");
  }
}

}  // namespace sallyport::replay
