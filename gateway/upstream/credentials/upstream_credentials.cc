#include "gateway/upstream/credentials/upstream_credentials.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gateway/upstream/credentials/token_endpoint.h"
#include "gateway/upstream/credentials/token_signer.h"
#include "policy/glob.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kLeastTelling = 8;  // characters of a secret

// A name in the one form that its spellings have in common: servers behind CGI and the like take `_` for `-`.
std::string Folded(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  if (folded.ends_with("-bin")) folded.resize(folded.size() - 4);
  return folded;
}

// What callers may be told. Of the gateway's own troubles they learn nothing but that there are some.
absl::Status ForCaller(const absl::Status& status, const std::string& upstream) {
  if (absl::IsUnauthenticated(status)) {
    return absl::UnauthenticatedError(
        absl::StrCat("upstream ", upstream,
                     " takes calls with a bearer token that can be exchanged: this call has none, or it was refused"));
  }
  if (absl::IsResourceExhausted(status)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("too many calls wait for the gateway's credentials for upstream ", upstream));
  }
  return absl::UnavailableError(
      absl::StrCat("the gateway cannot obtain its credentials for upstream ", upstream, "; its log says why"));
}

absl::StatusOr<std::unique_ptr<CredentialSource>> MakeSource(const CredentialOptions& option, TokenSigner* signer,
                                                             const SourceContext& context) {
  if (const auto* secret = std::get_if<SecretOptions>(&option.kind)) {
    return MakeStaticSource(*secret, option.prefix, context);
  }
  if (const auto* token = std::get_if<SignedTokenOptions>(&option.kind)) {
    if (signer == nullptr) return absl::FailedPreconditionError("there is no key to sign tokens with");
    return MakeSignedTokenSource(*token, option.prefix, *signer, context);
  }
  if (const auto* client = std::get_if<ClientCredentialsOptions>(&option.kind)) {
    absl::StatusOr<std::unique_ptr<TokenEndpoint>> endpoint = TokenEndpoint::Create(client->endpoint, 1);
    if (!endpoint.ok()) return endpoint.status();
    return MakeClientCredentialsSource(*client, option.prefix, *std::move(endpoint), context);
  }
  const auto& exchange = std::get<TokenExchangeOptions>(option.kind);
  absl::StatusOr<std::unique_ptr<TokenEndpoint>> endpoint =
      TokenEndpoint::Create(exchange.endpoint, exchange.connections);
  if (!endpoint.ok()) return endpoint.status();
  return MakeTokenExchangeSource(exchange, option.prefix, *std::move(endpoint), context);
}

}  // namespace

bool ShownCredentials::RepeatedIn(std::string_view text) const {
  return std::any_of(pairs_.begin(), pairs_.end(), [text](const Pair& pair) {
    std::string_view word = pair.credential.value->view();
    word.remove_prefix(word.rfind(' ') + 1);  // all of it stays if there is no space
    return word.size() >= kLeastTelling && text.find(word) != std::string_view::npos;
  });
}

void ShownCredentials::OnRejected(absl::Time now) const {
  for (const Pair& pair : pairs_) pair.credential.origin->OnRejected(pair.credential.value.get(), now);
}

// Collects the credentials of one call, which may come one by one and from several threads.
class UpstreamCredentials::Gathering {
 public:
  Gathering(const std::string& upstream, size_t count, Done done)
      : upstream_(upstream), pairs_(count), missing_(count + 1), done_(std::move(done)) {}

  void Put(size_t index, const std::string& name, absl::StatusOr<CredentialSource::Credential> credential) {
    if (credential.ok()) {
      pairs_[index] = {&name, *std::move(credential)};
    } else {
      absl::MutexLock lock(&mutex_);
      if (status_.ok()) status_ = ForCaller(credential.status(), upstream_);
    }
    if (LastIsHere()) std::move(done_)(Result());
  }

  // All have been asked for. The result if all have come by now; otherwise `done` is told.
  std::optional<absl::StatusOr<Shown>> AllAsked() {
    if (!LastIsHere()) return std::nullopt;
    return Result();
  }

 private:
  bool LastIsHere() { return missing_.fetch_sub(1, std::memory_order_acq_rel) == 1; }
  absl::StatusOr<Shown> Result() {
    absl::MutexLock lock(&mutex_);
    if (!status_.ok()) return status_;
    return std::make_shared<const ShownCredentials>(std::move(pairs_));
  }

  const std::string& upstream_;
  std::vector<ShownCredentials::Pair> pairs_;  // each element is its own credential's until all are here
  std::atomic<size_t> missing_;                // and one for AllAsked
  Done done_;
  absl::Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::unique_ptr<UpstreamCredentials>> UpstreamCredentials::Create(
    const std::string& upstream, const UpstreamCredentialsOptions& options, TokenSigner* signer) {
  std::unique_ptr<UpstreamCredentials> credentials(new UpstreamCredentials(upstream));
  for (const GroupCredentialsOptions& group : options.by_group) {
    absl::StatusOr<Entries> entries = credentials->MakeEntries(group.credentials, signer);
    if (!entries.ok()) return entries.status();
    credentials->by_group_.push_back({group.groups, group.issuers, *std::move(entries)});
  }
  absl::StatusOr<Entries> otherwise = credentials->MakeEntries(options.otherwise, signer);
  if (!otherwise.ok()) return otherwise.status();
  credentials->otherwise_ = *std::move(otherwise);
  absl::StatusOr<Entries> always = credentials->MakeEntries(options.always, signer);
  if (!always.ok()) return always.status();
  credentials->always_ = *std::move(always);
  return credentials;
}

UpstreamCredentials::~UpstreamCredentials() = default;

absl::StatusOr<UpstreamCredentials::Entries> UpstreamCredentials::MakeEntries(
    const std::vector<CredentialOptions>& options, TokenSigner* signer) {
  Entries entries;
  for (const CredentialOptions& option : options) {
    const SourceContext context{absl::StrCat("credentials for upstream ", upstream_, ", metadata ", option.name),
                                [] { return absl::Now(); }};
    absl::StatusOr<std::unique_ptr<CredentialSource>> source = MakeSource(option, signer, context);
    if (!source.ok()) return source.status();
    names_.push_back(Folded(option.name));
    entries.push_back({option.name, *std::move(source)});
  }
  return entries;
}

const UpstreamCredentials::Entries& UpstreamCredentials::EntriesFor(const CallerView& caller) const {
  for (const GroupEntries& group : by_group_) {
    const bool vouched =
        group.issuers.empty() || std::any_of(group.issuers.begin(), group.issuers.end(), [&](const std::string& glob) {
          return !caller.issuer.empty() && policy::GlobMatches(glob, caller.issuer);
        });
    if (!vouched) continue;
    const bool in = std::any_of(group.groups.begin(), group.groups.end(), [&](const std::string& name) {
      return std::find(caller.groups.begin(), caller.groups.end(), name) != caller.groups.end();
    });
    if (in) return group.entries;
  }
  return otherwise_;
}

std::optional<absl::StatusOr<UpstreamCredentials::Shown>> UpstreamCredentials::Get(const CallerView& caller,
                                                                                   absl::Time now, Done done) {
  const Entries& entries = EntriesFor(caller);
  const size_t count = entries.size() + always_.size();
  auto gathering = std::make_shared<Gathering>(upstream_, count, std::move(done));
  for (size_t i = 0; i < count; ++i) {
    const Entry& entry = i < entries.size() ? entries[i] : always_[i - entries.size()];
    std::optional<absl::StatusOr<CredentialSource::Credential>> credential = entry.source->Get(
        caller, now, [gathering, i, name = &entry.name](absl::StatusOr<CredentialSource::Credential> later) {
          gathering->Put(i, *name, std::move(later));
        });
    if (credential.has_value()) gathering->Put(i, entry.name, *std::move(credential));
  }
  return gathering->AllAsked();
}

std::vector<UpstreamCredentials::State> UpstreamCredentials::States() const {
  std::map<std::string, RefreshedSecret::State> states;
  const auto add = [&states](const Entries& entries) {
    for (const Entry& entry : entries) {
      const std::optional<RefreshedSecret::State> state = entry.source->State();
      if (!state.has_value()) continue;
      const auto [found, first] = states.try_emplace(entry.name, *state);
      if (first) continue;
      RefreshedSecret::State& worst = found->second;
      worst.failures = std::max(worst.failures, state->failures);
      // One that nobody has asked for yet is neither old nor near its end.
      if (!state->fetched.has_value()) continue;
      const bool other = worst.fetched.has_value();
      worst.expires = other ? std::min(worst.expires, state->expires) : state->expires;
      worst.fetched = other ? std::min(*worst.fetched, *state->fetched) : *state->fetched;
    }
  };
  for (const GroupEntries& group : by_group_) add(group.entries);
  add(otherwise_);
  add(always_);
  std::vector<State> read;
  read.reserve(states.size());
  for (auto& [name, state] : states) read.push_back({name, state});
  return read;
}

bool UpstreamCredentials::Owns(std::string_view name) const {
  return std::find(names_.begin(), names_.end(), Folded(name)) != names_.end();
}

}  // namespace sallyport::gateway
