// Asks Kubernetes whether a token still stands (authentication.k8s.io/v1, TokenReview).
#ifndef SALLYPORT_GATEWAY_IDENTITY_KUBERNETES_TOKEN_REVIEW_H_
#define SALLYPORT_GATEWAY_IDENTITY_KUBERNETES_TOKEN_REVIEW_H_

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/http/http_client.h"
#include "gateway/identity/jwt/token_cache.h"

namespace sallyport::gateway {

struct TokenReviewOptions {
  std::string url;  // of the API server, without a slash at its end
  std::string ca_pem;
  std::string token_file;
  absl::Duration cache = absl::Seconds(10);
};

// What Kubernetes says of a token that stands.
struct ReviewedToken {
  std::string username;
  std::vector<std::string> groups;
};
// UNAUTHENTICATED, with TokenFault::kRevoked, if the token does not stand; UNAVAILABLE if nobody could say.
using ReviewResult = absl::StatusOr<ReviewedToken>;

// Keeps what waits for answers, one question for all who ask about the same token. The questions are asked by as many
// threads as there are clients. Thread-safe.
class TokenReviewer {
 public:
  using Done = absl::AnyInvocable<void(const ReviewResult&)>;
  static constexpr size_t kMostWaiting = 1024;

  TokenReviewer(TokenReviewOptions options, std::vector<std::string> audiences,
                std::vector<std::unique_ptr<HttpClient>> clients);
  // Stop must have been called if Start was.
  ~TokenReviewer();

  // Calls `done` once from another thread, with no lock held. UNAVAILABLE, and `done` is never called, if too many
  // wait.
  absl::Status Ask(const TokenCache::Key& id, std::string_view token, Done done);

  // Lets threads ask, until Stop, which also answers those who wait.
  void Start();
  void Stop();
  // Asks the next question on this thread, with the first client; false if there is none. For use without Start.
  bool AskNext() { return AskNext(*clients_.front()); }

 private:
  struct Question {
    std::string token;
    std::vector<Done> waiting;
  };

  void Run(HttpClient& client);
  bool AskNext(HttpClient& client);
  ReviewResult Review(HttpClient& client, const std::string& token) const;
  ReviewResult ReadAnswer(const HttpResponse& response) const;
  // Logs when answers stop and when they come again.
  void Note(const ReviewResult& result);

  const TokenReviewOptions options_;
  const std::vector<std::string> audiences_;
  const std::vector<std::unique_ptr<HttpClient>> clients_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  absl::flat_hash_map<TokenCache::Key, Question, SeededHash> questions_;
  std::deque<TokenCache::Key> unasked_;
  size_t waiting_ = 0;
  bool failing_ = false;
  bool stopping_ = false;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_KUBERNETES_TOKEN_REVIEW_H_
