#include "gateway/identity/oidc/oidc_issuer.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gateway/identity/jwt/claims.h"
#include "gateway/identity/jwt/token_fault.h"

namespace sallyport::gateway {
namespace {

// However long until the next fetch: the clock it is planned by may be set.
constexpr absl::Duration kLongestSleep = absl::Minutes(1);

}  // namespace

OidcIssuer::OidcIssuer(OidcIssuerOptions options, std::unique_ptr<KeyFetcher> fetcher,
                       std::unique_ptr<TokenReviewer> reviewer, TokenCache& cache, Clock clock)
    : options_(std::move(options)),
      fetcher_(std::move(fetcher)),
      reviewer_(std::move(reviewer)),
      cache_(cache),
      clock_(std::move(clock)),
      schedule_(fetcher_->Interval(), options_.keys.stale) {}

OidcIssuer::~OidcIssuer() = default;

std::optional<ProofResult> OidcIssuer::Verify(const ParsedToken& token, const TokenCache::Key& id, absl::Time now,
                                              Done* done) {
  absl::StatusOr<ProvedIdentity> identity = CheckClaims(token, options_.rules, now);
  if (!identity.ok()) return identity.status();
  std::shared_ptr<const KeySet> keys;
  uint64_t epoch = 0;
  {
    const std::lock_guard lock(mutex_);
    switch (schedule_.ForToken(now)) {
      case KeySchedule::Advice::kWait:
        return WaitForKeys(token, id, done);
      case KeySchedule::Advice::kGiveUp:
        return absl::UnavailableError("the keys of the token's issuer cannot be had now; try again later");
      case KeySchedule::Advice::kUse:
        keys = schedule_.keys();
        epoch = schedule_.epoch();
    }
  }
  if (absl::Status status = CheckSignature(token, *keys); !status.ok()) {
    if (FaultOf(status) != TokenFault::kKey) return status;
    const std::lock_guard lock(mutex_);
    if (schedule_.ForUnknownKey(now) == KeySchedule::Advice::kWait) return WaitForKeys(token, id, done);
    if (schedule_.last_result().ok()) return status;
    // The key may be a new one.
    return absl::UnavailableError("the keys of the token's issuer cannot be had now; try again later");
  }
  if (reviewer_ != nullptr) return AskForReview(token, id, *std::move(identity), epoch, done);
  auto proved = std::make_shared<const ProvedIdentity>(*std::move(identity));
  cache_.Put(id, {proved, &standing_, epoch, proved->expires});
  return proved;
}

std::optional<ProofResult> OidcIssuer::WaitForKeys(const ParsedToken& token, const TokenCache::Key& id, Done* done) {
  if (done == nullptr) return std::nullopt;
  if (stopping_ || waiting_.size() >= kMostWaiting) {
    return absl::UnavailableError("too many calls wait for the keys of the token's issuer; try again later");
  }
  waiting_.push_back({std::string(token.text), id, std::move(*done)});
  hurry_ = true;
  changed_.notify_one();
  return std::nullopt;
}

std::optional<ProofResult> OidcIssuer::AskForReview(const ParsedToken& token, const TokenCache::Key& id,
                                                    ProvedIdentity identity, uint64_t epoch, Done* done) {
  if (done == nullptr) return std::nullopt;
  const auto kept = std::make_shared<Done>(std::move(*done));
  absl::Status asked = reviewer_->Ask(
      id, token.text, [this, id, identity = std::move(identity), epoch, kept](const ReviewResult& review) mutable {
        (*kept)(Reviewed(id, std::move(identity), epoch, review));
      });
  if (asked.ok()) return std::nullopt;
  *done = std::move(*kept);
  return asked;
}

ProofResult OidcIssuer::Reviewed(const TokenCache::Key& id, ProvedIdentity identity, uint64_t epoch,
                                 const ReviewResult& review) {
  ProofResult result;
  if (!review.ok()) {
    if (absl::IsUnavailable(review.status())) {
      return absl::UnavailableError("the token cannot be reviewed now; try again later");
    }
    result = review.status();
  } else if (review->username != identity.subject) {
    result = Refuse(TokenFault::kRevoked, "the token names somebody else than Kubernetes says");
  } else {
    const std::set<std::string> claimed(identity.groups.begin(), identity.groups.end());
    for (const std::string& group : review->groups) {
      if (!claimed.contains(group)) identity.groups.push_back(group);
    }
    result = std::make_shared<const ProvedIdentity>(std::move(identity));
  }
  const absl::Time until = clock_() + options_.review->cache;
  cache_.Put(id, {result, &standing_, epoch, result.ok() ? std::min(until, (*result)->expires) : until});
  return result;
}

void OidcIssuer::Start() {
  if (reviewer_ != nullptr) reviewer_->Start();
  thread_ = std::thread([this] { Run(); });
}

void OidcIssuer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  fetcher_->Cancel();
  if (thread_.joinable()) thread_.join();
  if (reviewer_ != nullptr) reviewer_->Stop();
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting.swap(waiting_);
  }
  for (Waiting& one : waiting) one.done(absl::UnavailableError("tokens of this issuer are not verified any more"));
}

void OidcIssuer::DoWhatIsDue() {
  Fetch(clock_());
  while (reviewer_ != nullptr && reviewer_->AskNext()) {
  }
}

void OidcIssuer::Run() {
  while (true) {
    const absl::Time now = clock_();
    {
      std::unique_lock lock(mutex_);
      if (stopping_) return;
      hurry_ = false;
      const absl::Time due = schedule_.Due(now);
      if (now < due) {
        changed_.wait_for(lock, absl::ToChronoNanoseconds(std::min(due - now, kLongestSleep)),
                          [this] { return stopping_ || hurry_; });
        continue;
      }
    }
    Fetch(now);
  }
}

void OidcIssuer::Fetch(absl::Time now) {
  {
    const std::lock_guard lock(mutex_);
    if (now < schedule_.Due(now)) return;
    schedule_.Begin(now);
  }
  absl::StatusOr<std::shared_ptr<const KeySet>> fetched = fetcher_->Fetch(now);
  const absl::Status result = fetched.status();
  std::shared_ptr<const KeySet> news;
  std::vector<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    const uint64_t epoch = schedule_.epoch();
    schedule_.Finish(clock_(), std::move(fetched));
    if (schedule_.epoch() != epoch) news = schedule_.keys();
    standing_.Set(schedule_.epoch(), schedule_.usable_until());
    if (!stopping_) waiting.swap(waiting_);
  }
  LogFetch(result, news.get());
  for (Waiting& one : waiting) {
    const absl::StatusOr<ParsedToken> token = ParsedToken::Parse(one.token);
    std::optional<ProofResult> answer =
        token.ok() ? Verify(*token, one.id, clock_(), &one.done) : std::make_optional<ProofResult>(token.status());
    if (answer.has_value()) one.done(*std::move(answer));
  }
}

void OidcIssuer::LogFetch(const absl::Status& result, const KeySet* news) {
  if (!result.ok()) {
    if (absl::IsCancelled(result) || last_failure_ == result.message()) return;
    last_failure_ = std::string(result.message());
    spdlog::warn("issuer {}: {}", name(), last_failure_);
    return;
  }
  if (!last_failure_.empty() && news == nullptr) spdlog::info("issuer {}: its keys can be had again", name());
  last_failure_.clear();
  if (news == nullptr) return;
  spdlog::info("issuer {}: {} keys in force", name(), news->keys().size());
  for (const std::string& skipped : news->skipped()) spdlog::warn("issuer {}: skipped {}", name(), skipped);
}

}  // namespace sallyport::gateway
