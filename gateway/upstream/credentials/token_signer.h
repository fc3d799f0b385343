// Tokens of the gateway's own, and the keys for checking them.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_TOKEN_SIGNER_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_TOKEN_SIGNER_H_

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/upstream/credentials/credentials_options.h"
#include "gateway/upstream/credentials/secret_reader.h"
#include "gateway/upstream/credentials/signing_key.h"

namespace sallyport::gateway {

// Who a token is about. A value.
struct TokenSubject {
  std::string issuer;  // of the caller's proof
  std::string subject;
  std::vector<std::string> groups;
  std::string proof;                            // "none", "jwt", "mtls" or "api_key"
  absl::Time expires = absl::InfiniteFuture();  // the token does not outlive this
};

// Signs with the key that is in the file, which is looked at again within a second of use. A key that was replaced is
// served for as long as tokens signed with it may live. Blocks for the file system; thread-safe.
class TokenSigner {
 public:
  static constexpr absl::Duration kLongestLife = absl::Minutes(15);

  // An error says which file cannot be used and why.
  static absl::StatusOr<std::unique_ptr<TokenSigner>> Create(const TokenSigningOptions& options, absl::Time now);

  struct Token {
    std::string text;
    absl::Time expires;
  };
  // INVALID_ARGUMENT if the subject cannot be put into a token (no UTF-8, or too large); INTERNAL if OpenSSL fails. A
  // key file that cannot be used any more is logged, and the key it held stays in use.
  absl::StatusOr<Token> Sign(const SignedTokenOptions& options, const TokenSubject& subject, absl::Time now);

  // The JSON Web Key Set (RFC 7517, 5), and the metadata of an OpenID provider that says where it is.
  std::string KeySet(absl::Time now);
  std::string ProviderMetadata() const;

 private:
  struct Replaced {
    PublishedKey key;
    absl::Time until;
  };
  struct AlsoServed {
    WatchedFile file;
    std::string path;
    PublishedKey key;
  };

  explicit TokenSigner(const TokenSigningOptions& options);
  absl::Status Load(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status LoadKey(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LookAgain(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string issuer_;
  const std::string key_path_;

  absl::Mutex mutex_;
  WatchedFile key_file_ ABSL_GUARDED_BY(mutex_);
  std::vector<AlsoServed> also_served_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const JwtSigningKey> key_ ABSL_GUARDED_BY(mutex_);
  std::deque<Replaced> replaced_ ABSL_GUARDED_BY(mutex_);
  absl::Time looked_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::string last_problem_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_TOKEN_SIGNER_H_
