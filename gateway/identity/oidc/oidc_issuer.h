// Verifies the tokens of one issuer.
#ifndef SALLYPORT_GATEWAY_IDENTITY_OIDC_OIDC_ISSUER_H_
#define SALLYPORT_GATEWAY_IDENTITY_OIDC_OIDC_ISSUER_H_

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "gateway/identity/identity.h"
#include "gateway/identity/jwt/jwt.h"
#include "gateway/identity/jwt/token_cache.h"
#include "gateway/identity/kubernetes/token_review.h"
#include "gateway/identity/oidc/key_fetcher.h"
#include "gateway/identity/oidc/key_schedule.h"
#include "gateway/identity/oidc/oidc_options.h"

namespace sallyport::gateway {

// Holds the issuer's keys, fetches them on a thread of its own, and keeps the tokens that wait for them: at most
// kMostWaiting. Thread-safe.
class OidcIssuer {
 public:
  using Clock = std::function<absl::Time()>;
  using Done = absl::AnyInvocable<void(ProofResult)>;
  static constexpr size_t kMostWaiting = 1024;

  // Puts what it has verified into `cache`. `reviewer` is null unless the options ask for reviews; `clock` is read by
  // the issuer's threads only.
  OidcIssuer(OidcIssuerOptions options, std::unique_ptr<KeyFetcher> fetcher, std::unique_ptr<TokenReviewer> reviewer,
             TokenCache& cache, Clock clock);
  // Stop must have been called if Start was.
  ~OidcIssuer();

  const std::string& name() const { return options_.rules.issuer; }

  // The answer, if it is known without asking anyone: `done` is untouched then. Nothing otherwise: `done` is taken and
  // will be called once, from another thread and with no lock held; unless it is null, and nobody is asked. `id` is the
  // token's key in the cache.
  std::optional<ProofResult> Verify(const ParsedToken& token, const TokenCache::Key& id, absl::Time now, Done* done);

  // Lets threads do what is due, until Stop, which also answers those who wait: UNAVAILABLE.
  void Start();
  void Stop();
  // Does what is due on this thread: a fetch, the answers that follow, reviews. For use without Start.
  void DoWhatIsDue();

 private:
  struct Waiting {
    std::string token;
    TokenCache::Key id;
    Done done;
  };

  // With mutex_ held.
  std::optional<ProofResult> WaitForKeys(const ParsedToken& token, const TokenCache::Key& id, Done* done);
  std::optional<ProofResult> AskForReview(const ParsedToken& token, const TokenCache::Key& id, ProvedIdentity identity,
                                          uint64_t epoch, Done* done);
  // Joins what Kubernetes says to what the token says, and keeps it.
  ProofResult Reviewed(const TokenCache::Key& id, ProvedIdentity identity, uint64_t epoch, const ReviewResult& review);
  void Run();
  // If a fetch is due at that time.
  void Fetch(absl::Time now);
  // Where it is news what became of a fetch.
  void LogFetch(const absl::Status& result, const KeySet* news);

  const OidcIssuerOptions options_;
  const std::unique_ptr<KeyFetcher> fetcher_;
  const std::unique_ptr<TokenReviewer> reviewer_;
  TokenCache& cache_;
  const Clock clock_;
  KeyStanding standing_;
  std::thread thread_;

  std::string last_failure_;  // of a fetch, as it was logged; for the thread that fetches

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  KeySchedule schedule_;
  std::vector<Waiting> waiting_;
  bool hurry_ = false;  // a fetch was brought forward
  bool stopping_ = false;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_OIDC_OIDC_ISSUER_H_
