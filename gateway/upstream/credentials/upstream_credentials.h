// What an upstream is shown so that it lets calls in.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_UPSTREAM_CREDENTIALS_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_UPSTREAM_CREDENTIALS_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "gateway/upstream/credentials/caller_view.h"
#include "gateway/upstream/credentials/credential_source.h"
#include "gateway/upstream/credentials/credentials_options.h"

namespace sallyport::gateway {

// The metadata that one call carries to its upstream. Immutable; shared by who sends it and who hears that it was
// rejected. Its values are for the upstream alone: they are neither logged nor recorded.
class ShownCredentials {
 public:
  struct Pair {
    const std::string* name;  // the upstream's credentials own it
    CredentialSource::Credential credential;
  };

  explicit ShownCredentials(std::vector<Pair> pairs) : pairs_(std::move(pairs)) {}
  const std::vector<Pair>& pairs() const { return pairs_; }

  // Whether a text that the upstream said repeats one of the values (or its last word, without what stands before it).
  // Values shorter than 8 characters are not looked for: they could stand anywhere.
  bool RepeatedIn(std::string_view text) const;

  // The upstream answered UNAUTHENTICATED: what was shown is fetched again before it is shown again, if it is still
  // what is shown and has not been fetched again for that reason just before.
  void OnRejected(absl::Time now) const;

 private:
  const std::vector<Pair> pairs_;
};

// The credentials for one upstream, of all callers. Thread-safe; its methods do not block. Outlives the calls to the
// upstream.
class UpstreamCredentials {
 public:
  using Shown = std::shared_ptr<const ShownCredentials>;
  using Done = absl::AnyInvocable<void(absl::StatusOr<Shown>) &&>;

  // `signer` may be null where nothing is signed, and outlives the credentials. FAILED_PRECONDITION if libcurl cannot
  // be used.
  static absl::StatusOr<std::unique_ptr<UpstreamCredentials>> Create(const std::string& upstream,
                                                                     const UpstreamCredentialsOptions& options,
                                                                     TokenSigner* signer);
  ~UpstreamCredentials();
  UpstreamCredentials(const UpstreamCredentials&) = delete;
  UpstreamCredentials& operator=(const UpstreamCredentials&) = delete;

  // What a call of `caller` is to carry. If nothing is returned, `done` is told later, once, on another thread. The
  // errors may be shown to the caller: UNAUTHENTICATED where its own proof does not do, UNAVAILABLE where the gateway
  // cannot obtain its credentials, RESOURCE_EXHAUSTED where too many calls wait for them.
  std::optional<absl::StatusOr<Shown>> Get(const CallerView& caller, absl::Time now, Done done);

  // How those are kept that all callers share, one for each name of metadata: of several, the oldest, the first to
  // expire and the most failures.
  struct State {
    std::string name;
    RefreshedSecret::State secret;
  };
  std::vector<State> States() const;

  // Whether metadata of this name is the gateway's to send, in whatever spelling: what callers send under it is
  // dropped.
  bool Owns(std::string_view name) const;

 private:
  struct Entry {
    std::string name;
    std::unique_ptr<CredentialSource> source;
  };
  using Entries = std::vector<Entry>;
  struct GroupEntries {
    std::vector<std::string> groups;
    std::vector<std::string> issuers;
    Entries entries;
  };
  class Gathering;

  explicit UpstreamCredentials(std::string upstream) : upstream_(std::move(upstream)) {}
  absl::StatusOr<Entries> MakeEntries(const std::vector<CredentialOptions>& options, TokenSigner* signer);
  const Entries& EntriesFor(const CallerView& caller) const;

  // Constant after Create.
  const std::string upstream_;
  std::vector<GroupEntries> by_group_;
  Entries otherwise_;
  Entries always_;
  std::vector<std::string> names_;  // as Folded makes them
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CREDENTIALS_UPSTREAM_CREDENTIALS_H_
