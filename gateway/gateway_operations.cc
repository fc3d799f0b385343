// The part of Gateway that tells what operators watch.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gateway/gateway.h"
#include "gateway/tls/certificate.h"
#include "recorder/system/file.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;
constexpr size_t kMostCertificates = 1000;

TimesTaken TimesOf(const recorder::DurationHistogram& times) {
  const auto& bounds = recorder::DurationHistogram::kBounds;
  return {{bounds.begin(), bounds.end()},
          {times.counts.begin(), times.counts.end()},
          static_cast<uint64_t>(absl::ToInt64Nanoseconds(times.sum))};
}

LogNumbers LogNumbersOf(const recorder::RecorderStats& stats, const std::string& data_directory) {
  LogNumbers log;
  log.commits = TimesOf(stats.commits);
  log.syncs = TimesOf(stats.syncs);
  log.batches_waiting = stats.batches_waiting;
  log.leaves_waiting = stats.leaves_waiting;
  log.checkpoint_age = stats.checkpoint_age;
  for (const recorder::RecorderStats::Sink& sink : stats.sinks) {
    log.sinks.push_back({sink.name, sink.behind, sink.age, sink.last.ok()});
  }
  log.disk = ReadDiskNumbers(data_directory);
  return log;
}

// When the first certificate in the file expires; nothing where the file cannot be read, which whoever uses it says.
std::optional<absl::Time> ExpiryIn(const std::string& file) {
  if (file.empty()) return std::nullopt;
  const absl::StatusOr<std::string> pem = recorder::ReadWholeFile(file, kMostBytes);
  if (!pem.ok()) return std::nullopt;
  const absl::StatusOr<std::vector<Certificate>> certificates = Certificate::ReadPem(*pem, kMostCertificates);
  if (!certificates.ok()) return std::nullopt;
  absl::Time first = absl::InfiniteFuture();
  for (const Certificate& certificate : *certificates) first = std::min(first, certificate.NotAfter());
  return first;
}

void AddUpstream(const Upstream& upstream, absl::Time now, OperationNumbers* numbers) {
  const UpstreamOptions& options = upstream.options();
  if (options.tls) {
    for (const auto& [setting, file] : {std::pair{"ca", options.ca_file}, {"cert", options.cert_file}}) {
      const std::optional<absl::Time> expiry = ExpiryIn(file);
      if (expiry.has_value()) numbers->certificates.push_back({"upstream", upstream.name(), setting, *expiry - now});
    }
  }
  if (upstream.credentials() == nullptr) return;
  for (const UpstreamCredentials::State& state : upstream.credentials()->States()) {
    CredentialNumbers& credential = numbers->credentials.emplace_back();
    credential.upstream = upstream.name();
    credential.name = state.name;
    credential.failures = static_cast<uint64_t>(std::max(0, state.secret.failures));
    if (!state.secret.fetched.has_value()) continue;
    credential.age = now - *state.secret.fetched;
    if (state.secret.expires != absl::InfiniteFuture()) credential.expires_in = state.secret.expires - now;
  }
}

}  // namespace

OperationNumbers Gateway::Operations() {
  OperationNumbers numbers;
  const absl::Time now = absl::Now();
  if (recorder_ != nullptr) numbers.log = LogNumbersOf(recorder_->Stats(), data_directory_);
  if (const std::shared_ptr<ServerTls> tls = servers_.tls(); tls != nullptr) {
    numbers.certificates.push_back({"listen", "", "cert", tls->Expires() - now});
  }
  std::vector<Upstream*> upstreams;
  {
    absl::MutexLock lock(&reload_mutex_);
    upstreams = upstreams_in_force_;
  }
  // They stay as long as the gateway, and files are read without the lock.
  for (const Upstream* upstream : upstreams) AddUpstream(*upstream, now, &numbers);
  numbers.stream_window_bytes = window_;
  numbers.writes_under_way = static_cast<uint64_t>(std::max(0, open_calls_->writes()));
  numbers.process = ReadProcessNumbers();
  return numbers;
}

}  // namespace sallyport::gateway
