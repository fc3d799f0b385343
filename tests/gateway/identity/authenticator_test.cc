// Proofs taken together: every combination of what is shown and of what is taken, beside a plain reading of the rules.
#include "gateway/identity/authenticator.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "recorder/api_keys/api_key_file.h"
#include "tests/gateway/identity/mtls/test_authorities.h"
#include "tests/gateway/identity/oidc/fake_provider.h"

namespace sallyport::testing {
namespace {

using gateway::Authenticator;
using gateway::Caller;
using gateway::ProofKind;

enum class Leaf { kNone, kGood, kBad };
enum class Bearer { kNone, kToken, kForged, kKey, kUnknownKey, kMalformed };
constexpr Leaf kLeaves[] = {Leaf::kNone, Leaf::kGood, Leaf::kBad};
constexpr Bearer kBearers[] = {Bearer::kNone, Bearer::kToken,      Bearer::kForged,
                               Bearer::kKey,  Bearer::kUnknownKey, Bearer::kMalformed};

struct Config {
  bool tokens = false;
  bool keys = false;
  bool mtls = false;
  bool anonymous = false;
  std::vector<ProofKind> precedence = {ProofKind::kJwt, ProofKind::kApiKey, ProofKind::kMtls};
};

// All there is to show, and who takes it. Time is the machine's: keys of tokens are fetched by its clock.
class Proofs {
 public:
  Proofs() {
    WriteText(directory_.path() + "/jwks", gateway::JwksText({signer_.Jwk("p256")}));
    api_key_ = IssueKey(directory_.path() + "/keys", kKeyLife);
    // A key of another file.
    unknown_key_ = IssueKey(directory_.path() + "/other-keys", kKeyLife);
  }

  std::unique_ptr<Authenticator> Make(const Config& config) const {
    gateway::IdentityOptions options;
    options.anonymous = config.anonymous;
    options.precedence = config.precedence;
    if (config.mtls) options.mtls = authorities_.config;
    if (config.keys) options.api_keys_file = directory_.path() + "/keys";
    if (config.tokens) {
      options.issuers.push_back(gateway::IssuerOptions());
      options.issuers.back().keys.discovery_url.clear();
      options.issuers.back().keys.jwks_file = directory_.path() + "/jwks";
    }
    auto made = Authenticator::Create(options);
    INFO(made.status().ToString());
    REQUIRE(made.ok());
    return *std::move(made);
  }

  absl::Time now() const { return now_; }
  std::string LeafOf(Leaf leaf) const {
    if (leaf == Leaf::kNone) return "";
    return leaf == Leaf::kGood ? good_.Pem() : bad_.Pem();
  }
  std::optional<std::string> AuthorizationOf(Bearer bearer) const {
    switch (bearer) {
      case Bearer::kNone:
        return std::nullopt;
      case Bearer::kToken:
        return "Bearer " + TokenBy(signer_);
      case Bearer::kForged:
        return "Bearer " + TokenBy(forger_);
      case Bearer::kKey:
        return "Bearer " + api_key_;
      case Bearer::kUnknownKey:
        return "Bearer " + unknown_key_;
      case Bearer::kMalformed:
        break;
    }
    return "Basic YWRhOmFkYQ==";
  }
  absl::Time ExpiryOf(ProofKind kind) const {
    if (kind == ProofKind::kMtls) return until_;
    // Of a token five minutes after it was issued, ten seconds ago, and the skew.
    const absl::Duration skew = gateway::IssuerOptions().rules.skew;
    return kind == ProofKind::kApiKey ? absl::FromUnixSeconds(absl::ToUnixSeconds(now_ + kKeyLife))
                                      : now_ + absl::Seconds(290) + skew;
  }

 private:
  static constexpr absl::Duration kKeyLife = absl::Minutes(2);

  std::string IssueKey(const std::string& path, absl::Duration life) const {
    auto made = recorder::IssueApiKey(path, "ci", {"build"}, now_, now_ + life, recorder::RealFileSystem());
    INFO(made.status().ToString());
    REQUIRE(made.ok());
    return std::string(made->text.view());
  }
  std::string TokenBy(const gateway::TokenKey& key) const {
    return gateway::Signed(gateway::Unsigned(gateway::Header("ES256", "p256"), gateway::Claims(now_)), "ES256", key);
  }
  CertificateSpec Named() const {
    CertificateSpec spec = NamedSpec("ada.example");
    spec.until = until_;
    return spec;
  }

  const absl::Time now_ = absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now()));
  const absl::Time until_ = now_ + absl::Hours(3);
  const TestAuthorities authorities_;
  const TemporaryDirectory directory_;
  const Issued good_ = Issue(Named(), &authorities_.root);
  const Issued bad_ = Issue(Named(), &authorities_.stranger);
  const gateway::TokenKey signer_ = gateway::TokenKey::Make("P-256");
  const gateway::TokenKey forger_ = gateway::TokenKey::Make("P-256");
  std::string api_key_;
  std::string unknown_key_;
};

// The kinds of the proofs that hold, the one that names the caller first; nothing where the call is refused.
std::optional<std::vector<ProofKind>> Expected(const Config& config, Leaf leaf, Bearer bearer) {
  std::vector<ProofKind> proofs;
  if (config.mtls && leaf == Leaf::kBad) return std::nullopt;
  if (config.mtls && leaf == Leaf::kGood) proofs.push_back(ProofKind::kMtls);
  if ((config.tokens || config.keys) && bearer != Bearer::kNone) {
    if (bearer == Bearer::kToken && config.tokens) {
      proofs.push_back(ProofKind::kJwt);
    } else if (bearer == Bearer::kKey && config.keys) {
      proofs.push_back(ProofKind::kApiKey);
    } else {
      return std::nullopt;
    }
  }
  if (proofs.empty() && !config.anonymous) return std::nullopt;
  std::sort(proofs.begin(), proofs.end(), [&](ProofKind a, ProofKind b) {
    const auto place = [&](ProofKind kind) {
      return std::find(config.precedence.begin(), config.precedence.end(), kind) - config.precedence.begin();
    };
    return place(a) < place(b);
  });
  return proofs;
}

Authenticator::Result Ask(Authenticator& authenticator, const gateway::ShownProofs& shown, absl::Time now) {
  absl::Notification told;
  Authenticator::Result later = absl::InternalError("nobody was told");
  const std::optional<Authenticator::Result> known =
      authenticator.Authenticate(shown, now, [&](Authenticator::Result result) {
        later = std::move(result);
        told.Notify();
      });
  if (known.has_value()) return *known;
  REQUIRE(told.WaitForNotificationWithTimeout(absl::Seconds(60)));
  return later;
}

// What was found out is forgotten where files are read again, as they are once soon after the start.
std::optional<Caller> RecallOnceSeen(Authenticator& authenticator, const gateway::ShownProofs& shown, absl::Time now) {
  const absl::Time deadline = absl::Now() + absl::Seconds(60);
  while (true) {
    std::optional<Caller> recalled = authenticator.Recall(shown, now);
    if (recalled.has_value() || absl::Now() > deadline) return recalled;
    if (!Ask(authenticator, shown, now).ok()) return std::nullopt;
  }
}

void CheckCaller(const Proofs& proofs, const Caller& caller, const std::vector<ProofKind>& expected) {
  std::vector<ProofKind> kinds;
  absl::Time first = absl::InfiniteFuture();
  for (const auto& proof : caller.proofs) {
    kinds.push_back(proof->kind);
    first = std::min(first, proofs.ExpiryOf(proof->kind));
  }
  REQUIRE(kinds == expected);
  CHECK(caller.anonymous() == expected.empty());
  CHECK(caller.expires() == first);
  if (!expected.empty()) CHECK(caller.named().kind == expected.front());
}

void CheckEverythingShown(const Proofs& proofs, const Config& config) {
  for (const Leaf leaf : kLeaves) {
    for (const Bearer bearer : kBearers) {
      CAPTURE(config.tokens, config.keys, config.mtls, config.anonymous, static_cast<int>(leaf),
              static_cast<int>(bearer));
      // Anew for each, so that nothing is remembered.
      const auto authenticator = proofs.Make(config);
      CHECK(authenticator->takes_bearer() == (config.tokens || config.keys));
      CHECK(authenticator->takes_certificates() == config.mtls);
      const std::string pem = proofs.LeafOf(leaf);
      const std::optional<std::string> authorization = proofs.AuthorizationOf(bearer);
      gateway::ShownProofs shown;
      shown.certificates.leaf = pem;
      if (authorization.has_value()) shown.authorization = *authorization;
      const auto expected = Expected(config, leaf, bearer);
      const bool by_look_up = (leaf == Leaf::kNone || !config.mtls) &&
                              (bearer == Bearer::kNone || bearer == Bearer::kKey || !authenticator->takes_bearer());
      CHECK(authenticator->Recall(shown, proofs.now()).has_value() == (expected.has_value() && by_look_up));
      const Authenticator::Result result = Ask(*authenticator, shown, proofs.now());
      REQUIRE(result.ok() == expected.has_value());
      const std::optional<Caller> recalled = RecallOnceSeen(*authenticator, shown, proofs.now());
      if (!expected.has_value()) {
        CHECK(absl::IsUnauthenticated(result.status()));
        CHECK_FALSE(recalled.has_value());
        continue;
      }
      CheckCaller(proofs, *result, *expected);
      // Once they were seen to hold, they are recalled: all of them, or nobody.
      REQUIRE(recalled.has_value());
      CheckCaller(proofs, *recalled, *expected);
      // Beside a certificate that was not seen, or an authorization that is none, nobody is.
      gateway::ShownProofs other = shown;
      const std::string bad = proofs.LeafOf(Leaf::kBad);
      other.certificates.leaf = bad;
      if (config.mtls) CHECK_FALSE(authenticator->Recall(other, proofs.now()).has_value());
      other = shown;
      other.authorization = "Bearer";
      if (authenticator->takes_bearer()) CHECK_FALSE(authenticator->Recall(other, proofs.now()).has_value());
    }
  }
}

}  // namespace

TEST_CASE("each proof that is shown and taken holds, or nobody is let in, whatever else is shown") {
  const Proofs proofs;
  for (int ways = 0; ways < 8; ++ways) {
    for (const bool anonymous : {false, true}) {
      CheckEverythingShown(proofs, {(ways & 1) != 0, (ways & 2) != 0, (ways & 4) != 0, anonymous});
    }
  }
}

TEST_CASE("the proof that precedence puts first names the caller, in whichever order it is") {
  const Proofs proofs;
  Config config = {true, true, true, false};
  std::sort(config.precedence.begin(), config.precedence.end());
  do {
    CheckEverythingShown(proofs, config);
  } while (std::next_permutation(config.precedence.begin(), config.precedence.end()));
}

}  // namespace sallyport::testing
