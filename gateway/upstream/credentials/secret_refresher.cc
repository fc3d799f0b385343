#include "gateway/upstream/credentials/secret_refresher.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kLogInterval = absl::Seconds(10);

absl::StatusOr<CredentialSource::Credential> Shown(absl::StatusOr<SharedSecret> value,
                                                   const std::shared_ptr<RefreshedSecret>& secret) {
  if (!value.ok()) return value.status();
  return CredentialSource::Credential{*std::move(value), secret};
}

}  // namespace

void FailureLog::Add(const absl::Status& status) {
  const absl::Time now = clock_();
  absl::MutexLock lock(&mutex_);
  if (now < next_) {
    ++left_out_;
    return;
  }
  next_ = now + kLogInterval;
  spdlog::warn("{}: {}{}", label_, std::string(status.message()),
               left_out_ > 0 ? absl::StrCat(" (", left_out_, " more since the last line like this)") : "");
  left_out_ = 0;
}

SecretRefresher::SecretRefresher(const SourceContext& context, RefreshRules::WhenDue when_due, size_t threads,
                                 std::function<void()> stop)
    : stop_(std::move(stop)),
      log_(context.label, context.clock),
      threads_(threads),
      runner_(context.runner != nullptr ? *context.runner : threads_) {
  rules_.when_due = when_due;
  rules_.clock = context.clock;
  rules_.on_failure = [this](const absl::Status& status) { log_.Add(status); };
}

std::optional<absl::StatusOr<CredentialSource::Credential>> AskFor(
    const std::shared_ptr<RefreshedSecret>& secret, absl::Time now,
    absl::FunctionRef<RefreshedSecret::Fetch()> make_fetch, CredentialSource::Done done) {
  std::optional<absl::StatusOr<SharedSecret>> value =
      secret->Get(now, make_fetch, [secret, done = std::move(done)](absl::StatusOr<SharedSecret> later) mutable {
        std::move(done)(Shown(std::move(later), secret));
      });
  if (!value.has_value()) return std::nullopt;
  return Shown(*std::move(value), secret);
}

}  // namespace sallyport::gateway
