#include "replay/cli/policy/policy_call.h"

#include <CLI/CLI.hpp>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/matching/network.h"
#include "protos/quantities.h"
#include "replay/view/names.h"

namespace sallyport::replay {
namespace {

absl::Status Wrong(absl::string_view what, const std::string& text, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(what, ": \"", absl::CHexEscape(text.substr(0, 80)), "\" ", problem));
}

absl::StatusOr<v1::Proof> ParseProof(const std::string& text) {
  for (int proof = 0; proof < v1::Proof_ARRAYSIZE; ++proof) {
    if (ProofName(static_cast<v1::Proof>(proof)) == text) return static_cast<v1::Proof>(proof);
  }
  return Wrong("proof", text, "is not one of jwt, mtls, api_key, local and none");
}

// The peer in gRPC's notation.
absl::StatusOr<std::string> ParsePeer(const std::string& text) {
  using policy::AddressKind;
  if (text.empty()) return text;
  if (text == "unix") return "unix:";
  for (const std::string& peer : {text, absl::StrCat("ipv4:", text, ":0"), absl::StrCat("ipv6:[", text, "]:0")}) {
    if (policy::PeerHost(peer).kind != AddressKind::kUnknown) return peer;
  }
  return Wrong("peer", text, "is not an address: write 10.1.2.3, 2001:db8::1, unix, or as the record has it");
}

absl::StatusOr<std::vector<v1::Proof>> ParseProofs(const CallDescription& description) {
  const bool named = !description.identity.empty() || !description.issuer.empty() || !description.groups.empty();
  std::vector<v1::Proof> proofs;
  for (const std::string& text : description.proofs) {
    const absl::StatusOr<v1::Proof> proof = ParseProof(text);
    if (!proof.ok()) return proof.status();
    if (*proof != v1::PROOF_NONE) proofs.push_back(*proof);
  }
  if (description.proofs.empty() && named) proofs.push_back(v1::PROOF_JWT);
  if (proofs.empty() && named) {
    return absl::InvalidArgumentError("proof: none goes with neither identity, issuer nor groups");
  }
  if (!proofs.empty() && proofs.size() != description.proofs.size() && !description.proofs.empty()) {
    return absl::InvalidArgumentError("proof: none does not go with others");
  }
  return proofs;
}

}  // namespace

void AddCallDescriptionOptions(CLI::App* command, CallDescription* description) {
  const std::string group = "The call";
  const auto add = [&](const char* name, auto* value, const char* type, const char* text) {
    return command->add_option(name, *value, text)->type_name(type)->group(group);
  };
  add("--method", &description->method, "METHOD", "Such as etcdserverpb.KV/Range")->required();
  add("--identity", &description->identity, "SUBJECT", "Whom the caller is proved to be; anonymous unless given");
  add("--issuer", &description->issuer, "ISSUER", "Who vouches for the caller");
  add("--groups", &description->groups, "GROUP", "The caller's groups; several, or with commas between them")
      ->delimiter(',');
  add("--proof", &description->proofs, "PROOF", "jwt, mtls, api_key, local or none; several allowed")->delimiter(',');
  add("--upstream", &description->upstream, "NAME", "Which upstream the call is routed to");
  add("--metadata", &description->metadata, "NAME=VALUE", "A metadata pair; several allowed")->allow_extra_args(false);
  add("--peer", &description->peer, "ADDRESS", "Where it comes from: 10.1.2.3, 2001:db8::1, unix");
  add("--at", &description->at, "TIME", "When: 2026-01-02T03:04 (UTC), 10m (ago); now unless given");
}

absl::StatusOr<PolicyCall> PolicyCall::FromDescription(const CallDescription& description, absl::Time now) {
  PolicyCall call;
  absl::StatusOr<std::vector<v1::Proof>> proofs = ParseProofs(description);
  if (!proofs.ok()) return proofs.status();
  call.proofs_ = *std::move(proofs);
  call.subject_ = description.identity;
  call.issuer_ = description.issuer;
  call.groups_ = description.groups;
  call.method_ = description.method;
  if (!absl::StrContains(call.method_.substr(call.method_.empty() ? 0 : 1), '/')) {
    return Wrong("method", description.method, "is not of the form package.Service/Method");
  }
  call.upstream_ = description.upstream;
  for (const std::string& text : description.metadata) {
    absl::StatusOr<MetadataPair> pair = ParseMetadataPair(text);
    if (!pair.ok()) return pair.status();
    call.metadata_.push_back(*std::move(pair));
  }
  absl::StatusOr<std::string> peer = ParsePeer(description.peer);
  if (!peer.ok()) return peer.status();
  call.peer_ = *std::move(peer);
  call.time_ = now;
  if (!description.at.empty()) {
    const absl::StatusOr<absl::Time> time = ParseTime(description.at, now);
    if (!time.ok()) return absl::InvalidArgumentError(absl::StrCat("at: ", time.status().message()));
    call.time_ = *time;
  }
  return call;
}

PolicyCall PolicyCall::FromRecord(const v1::CallStart& start, absl::Time time) {
  PolicyCall call;
  const v1::Identity& identity = start.identity();
  if (identity.proof() != v1::PROOF_NONE) call.proofs_.push_back(identity.proof());
  call.subject_ = identity.subject();
  call.issuer_ = identity.issuer();
  call.groups_ = {identity.groups().begin(), identity.groups().end()};
  call.method_ = start.method();
  call.upstream_ = start.upstream();
  call.peer_ = start.peer();
  call.time_ = time;
  for (const v1::Metadatum& metadatum : start.metadata())
    call.metadata_.push_back({metadatum.key(), metadatum.value()});
  return call;
}

policy::AccessRequest PolicyCall::Request() const {
  policy::AccessRequest request(*this);
  request.proofs = proofs_;
  request.subject = subject_;
  request.issuer = issuer_;
  request.groups = groups_;
  request.method = method_;
  request.upstream = upstream_;
  request.peer = peer_;
  request.now = time_;
  return request;
}

policy::AccessRequest AsReader(policy::AccessRequest request) {
  request.method = "sallyport.v1.Audit/SearchCalls";
  request.upstream = "sallyport";
  return request;
}

std::vector<std::string> RoleNames(const policy::Policy& policy, const policy::AccessRequest& request) {
  std::vector<std::string> names;
  for (const policy::RoleRule* role : policy.RolesOf(request)) names.push_back(role->name);
  return names;
}

}  // namespace sallyport::replay
