#include "gateway/identity/mtls/mtls.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/identity/mtls/spiffe_id.h"
#include "recorder/crypto/text.h"
#include "recorder/system/file.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostAuthorityBytes = size_t{16} << 20;
constexpr size_t kMostRevocationBytes = size_t{64} << 20;
constexpr size_t kMostPeerBytes = size_t{128} << 10;
constexpr size_t kMostSentCertificates = 9;
constexpr size_t kMostSubjectBytes = 1024;
constexpr size_t kMostRemembered = 8192;
// Of what callers sent besides, at most 16 MiB.
constexpr size_t kMostChains = 2048;
constexpr size_t kMostChainBytes = size_t{8} << 10;
// A refusal is remembered for so long, so that who keeps on trying costs little.
constexpr absl::Duration kRefusalHolds = absl::Seconds(1);

constexpr std::string_view kByDnsName = "dns";
constexpr std::string_view kByCommonName = "common_name";
constexpr std::string_view kBySubject = "subject";

absl::Status Refused(absl::string_view what, absl::string_view why) {
  return absl::UnauthenticatedError(absl::StrCat(what, " ", why));
}

recorder::Hash KeyOf(const PeerCertificates& peer) {
  return recorder::Sha256({peer.leaf, std::string_view("\0", 1), peer.chain});
}

absl::StatusOr<PemText> ReadPemFile(const std::string& path, size_t limit) {
  absl::StatusOr<std::string> text = recorder::ReadWholeFile(path, limit);
  if (!text.ok()) return text.status();
  return PemText{path, *std::move(text)};
}

absl::StatusOr<TrustBundle> LoadBundle(const std::string& authorities, const std::string& revocations) {
  const absl::StatusOr<PemText> authority_text = ReadPemFile(authorities, kMostAuthorityBytes);
  if (!authority_text.ok()) return authority_text.status();
  if (revocations.empty()) return TrustBundle::Create(*authority_text, std::nullopt);
  absl::StatusOr<PemText> revocation_text = ReadPemFile(revocations, kMostRevocationBytes);
  if (!revocation_text.ok()) return revocation_text.status();
  return TrustBundle::Create(*authority_text, *std::move(revocation_text));
}

absl::Status CheckConfig(const v1::MtlsIdentity& config) {
  if (config.ca().empty() && config.trust_domains().empty()) {
    return absl::InvalidArgumentError("give ca, trust_domains or both: who may vouch for callers");
  }
  if (config.ca().empty() && !config.crl().empty()) {
    return absl::InvalidArgumentError("crl: is for ca, which is missing; a trust domain has a crl of its own");
  }
  std::set<std::string> names;
  for (int i = 0; i < config.trust_domains_size(); ++i) {
    const v1::TrustDomain& domain = config.trust_domains(i);
    const std::string key = absl::StrCat("trust_domains[", i, "]");
    if (!CheckTrustDomain(domain.name()).ok()) {
      return absl::InvalidArgumentError(absl::StrCat(
          key, ".name: is not the name of a trust domain, such as prod.example: a-z, 0-9, dots, dashes, underscores"));
    }
    if (!names.insert(domain.name()).second) {
      return absl::InvalidArgumentError(absl::StrCat(key, ".name: ", domain.name(), " is there already"));
    }
    if (domain.bundle().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(key, ".bundle: is missing: the PEM file of its authorities"));
    }
  }
  for (const std::string& source : config.subject_from()) {
    if (source == kByDnsName || source == kByCommonName || source == kBySubject) continue;
    return absl::InvalidArgumentError("subject_from: is a list of dns, common_name and subject");
  }
  return absl::OkStatus();
}

bool IsDnsName(std::string_view name) {
  const auto plain = [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_'; };
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    const std::string_view label = name.substr(0, name.find('.'));
    if (label.empty() || label.size() > 63 || !std::all_of(label.begin(), label.end(), plain)) return false;
    if (label.size() == name.size()) return true;
    name.remove_prefix(label.size() + 1);
  }
}

// A name that rules can be written about: one line of printable ASCII, that nothing else is spelt like.
absl::Status CheckSubject(std::string_view subject) {
  if (subject.size() > kMostSubjectBytes) return absl::InvalidArgumentError("has a name that is too long");
  if (!recorder::IsPrintableAscii(subject) || subject.front() == ' ' || subject.back() == ' ') {
    return absl::InvalidArgumentError(
        "has a name with characters that are not printable ASCII, or with spaces around it");
  }
  if (ClaimsToBeSpiffeId(subject))
    return absl::InvalidArgumentError("has a name that looks like a SPIFFE ID and is none");
  return absl::OkStatus();
}

absl::StatusOr<SpiffeId> SpiffeIdOf(const Certificate& leaf, const CertificateNames& names) {
  if (names.uris.size() != 1) return absl::InvalidArgumentError("has a SPIFFE ID and another URI: only one is allowed");
  if (!leaf.StatesKeyUsage()) return absl::InvalidArgumentError("has a SPIFFE ID and no key usage");
  absl::StatusOr<SpiffeId> id = SpiffeId::Parse(names.uris.front());
  if (id.ok()) return id;
  return absl::InvalidArgumentError(absl::StrCat("has a SPIFFE ID ", id.status().message()));
}

}  // namespace

struct MtlsVerifier::Trust {
  std::optional<TrustBundle> plain;
  std::map<std::string, TrustBundle, std::less<>> domains;
  RecentlyUsed<std::shared_ptr<const Proof>> proofs{kMostRemembered};
};

MtlsVerifier::MtlsVerifier(v1::MtlsIdentity config) : config_(std::move(config)), chains_(kMostChains) {}

absl::StatusOr<std::unique_ptr<MtlsVerifier>> MtlsVerifier::Create(const v1::MtlsIdentity& config) {
  if (absl::Status status = CheckConfig(config); !status.ok()) return status;
  v1::MtlsIdentity complete = config;
  if (complete.subject_from().empty()) {
    for (std::string_view source : {kByDnsName, kByCommonName, kBySubject}) {
      complete.add_subject_from(std::string(source));
    }
  }
  std::unique_ptr<MtlsVerifier> verifier(new MtlsVerifier(std::move(complete)));
  if (absl::Status status = verifier->Reload(); !status.ok()) return status;
  return verifier;
}

absl::StatusOr<std::shared_ptr<MtlsVerifier::Trust>> MtlsVerifier::Load() const {
  auto trust = std::make_shared<Trust>();
  if (!config_.ca().empty()) {
    absl::StatusOr<TrustBundle> bundle = LoadBundle(config_.ca(), config_.crl());
    if (!bundle.ok()) return bundle.status();
    trust->plain = *std::move(bundle);
  }
  for (const v1::TrustDomain& domain : config_.trust_domains()) {
    absl::StatusOr<TrustBundle> bundle = LoadBundle(domain.bundle(), domain.crl());
    if (!bundle.ok()) return bundle.status();
    trust->domains.emplace(domain.name(), *std::move(bundle));
  }
  return trust;
}

absl::Status MtlsVerifier::Reload() {
  absl::StatusOr<std::shared_ptr<Trust>> trust = Load();
  if (!trust.ok()) return trust.status();
  const std::lock_guard lock(mutex_);
  trust_ = *std::move(trust);
  return absl::OkStatus();
}

std::vector<std::string> MtlsVerifier::AuthorityFiles() const {
  std::vector<std::string> files;
  if (!config_.ca().empty()) files.push_back(config_.ca());
  for (const v1::TrustDomain& domain : config_.trust_domains()) files.push_back(domain.bundle());
  return files;
}

std::vector<std::string> MtlsVerifier::Files() const {
  std::vector<std::string> files = AuthorityFiles();
  if (!config_.crl().empty()) files.push_back(config_.crl());
  for (const v1::TrustDomain& domain : config_.trust_domains()) {
    if (!domain.crl().empty()) files.push_back(domain.crl());
  }
  return files;
}

std::shared_ptr<MtlsVerifier::Trust> MtlsVerifier::trust() const {
  const std::shared_lock lock(mutex_);
  return trust_;
}

size_t MtlsVerifier::remembered() const { return trust()->proofs.size(); }

ProofResult MtlsVerifier::Verify(const PeerCertificates& peer, absl::Time now) {
  if (peer.leaf.empty()) return absl::UnauthenticatedError("no client certificate was shown");
  if (peer.leaf.size() + peer.chain.size() > kMostPeerBytes) {
    return absl::UnauthenticatedError("the client certificate and those sent with it are too large");
  }
  // What was found out with old files stays with them, also where it is found out after they changed.
  const std::shared_ptr<Trust> trust = this->trust();
  const recorder::Hash key = KeyOf(peer);
  const std::shared_ptr<const Proof> known = trust->proofs.Find(key).value_or(nullptr);
  if (known != nullptr && now >= known->from && now < known->until) return known->result;
  const recorder::Hash leaf_key = recorder::Sha256({peer.leaf});
  PeerCertificates whole = peer;
  std::shared_ptr<const std::string> chain;
  if (peer.chain.empty()) {
    chain = chains_.Find(leaf_key).value_or(nullptr);
    if (chain != nullptr) whole.chain = *chain;
  }
  const std::shared_ptr<const Proof> proof = Check(*trust, whole, now);
  trust->proofs.Put(key, proof);
  if (proof->result.ok() && !peer.chain.empty() && peer.chain.size() <= kMostChainBytes) {
    chains_.Put(leaf_key, std::make_shared<const std::string>(peer.chain));
  }
  return proof->result;
}

std::shared_ptr<const ProvedIdentity> MtlsVerifier::Recall(const PeerCertificates& peer, absl::Time now) const {
  if (peer.leaf.empty() || peer.leaf.size() + peer.chain.size() > kMostPeerBytes) return nullptr;
  const std::shared_ptr<const Proof> known = trust()->proofs.Find(KeyOf(peer)).value_or(nullptr);
  if (known == nullptr || now < known->from || now >= known->until || !known->result.ok()) return nullptr;
  return *known->result;
}

absl::StatusOr<std::string> MtlsVerifier::SubjectOf(const CertificateNames& names) const {
  for (const std::string& source : config_.subject_from()) {
    std::string subject;
    if (source == kByDnsName && !names.dns.empty()) {
      if (!IsDnsName(names.dns.front())) return absl::InvalidArgumentError("has a DNS name that names no one host");
      subject = absl::AsciiStrToLower(names.dns.front());
    } else if (source == kByCommonName && !names.common_names.empty()) {
      if (names.common_names.size() > 1) return absl::InvalidArgumentError("has several common names");
      subject = names.common_names.front();
    } else if (source == kBySubject) {
      subject = names.subject;
    }
    if (subject.empty()) continue;
    if (absl::Status status = CheckSubject(subject); !status.ok()) return status;
    return subject;
  }
  return absl::InvalidArgumentError("names nobody: neither with a SPIFFE ID nor as the gateway is told to look");
}

absl::StatusOr<MtlsVerifier::Claim> MtlsVerifier::ClaimOf(const Trust& trust, const Certificate& leaf) const {
  if (absl::Status status = leaf.CheckCaller(); !status.ok()) return status;
  const absl::StatusOr<CertificateNames> names = leaf.Names();
  if (!names.ok()) return names.status();
  Claim claim = {std::make_shared<ProvedIdentity>()};
  claim.identity->kind = ProofKind::kMtls;
  claim.identity->credential = absl::StrCat("serial=", leaf.Serial(), " sha256=", leaf.Sha256());
  if (std::any_of(names->uris.begin(), names->uris.end(), ClaimsToBeSpiffeId)) {
    const absl::StatusOr<SpiffeId> id = SpiffeIdOf(leaf, *names);
    if (!id.ok()) return id.status();
    const auto domain = trust.domains.find(id->trust_domain);
    if (domain == trust.domains.end()) {
      return absl::InvalidArgumentError("is of a trust domain that the gateway does not know");
    }
    claim.bundle = &domain->second;
    claim.identity->issuer = id->Authority();
    claim.identity->subject = names->uris.front();
    return claim;
  }
  if (!trust.plain.has_value()) return absl::InvalidArgumentError("has no SPIFFE ID, which the gateway asks for");
  absl::StatusOr<std::string> subject = SubjectOf(*names);
  if (!subject.ok()) return subject.status();
  claim.bundle = &*trust.plain;
  claim.identity->issuer = names->issuer;
  claim.identity->subject = *std::move(subject);
  return claim;
}

std::shared_ptr<const MtlsVerifier::Proof> MtlsVerifier::Check(const Trust& trust, const PeerCertificates& peer,
                                                               absl::Time now) const {
  const auto refuse = [now](absl::Status status) {
    return std::make_shared<const Proof>(Proof{std::move(status), now - kRefusalHolds, now + kRefusalHolds});
  };
  const absl::StatusOr<std::vector<Certificate>> leaf = Certificate::ReadPem(peer.leaf, 1);
  if (!leaf.ok()) return refuse(Refused("what was shown as the client certificate", leaf.status().message()));
  absl::StatusOr<std::vector<Certificate>> others = std::vector<Certificate>();
  if (!peer.chain.empty()) others = Certificate::ReadPem(peer.chain, kMostSentCertificates);
  if (!others.ok()) return refuse(Refused("what was sent with the client certificate", others.status().message()));
  absl::StatusOr<Claim> claim = ClaimOf(trust, leaf->front());
  if (!claim.ok()) return refuse(Refused("the client certificate", claim.status().message()));
  const absl::StatusOr<TrustBundle::Verified> verified = claim->bundle->Verify(leaf->front(), *others, now);
  if (!verified.ok()) return refuse(verified.status());
  claim->identity->expires = verified->expires;
  return std::make_shared<const Proof>(
      Proof{std::move(claim->identity), verified->begins, std::min(verified->expires, verified->good_until)});
}

}  // namespace sallyport::gateway
