#include "policy/matching/match_index.h"

#include <algorithm>
#include <bit>

#include "absl/container/fixed_array.h"

namespace sallyport::policy {
namespace {

constexpr size_t kWordBits = 64;
constexpr size_t kInlineWords = 256;
constexpr uint32_t kProofs = v1::Proof_ARRAYSIZE;

using Scratch = absl::FixedArray<uint64_t, kInlineWords>;

// Calls `visit` with the number of each bit that is set before `end`, in order, until it returns false.
template <typename Visit>
void ForEachBit(MatchBits bits, size_t end, Visit visit) {
  for (size_t word = 0; word * kWordBits < end; ++word) {
    for (uint64_t left = bits[word]; left != 0; left &= left - 1) {
      const size_t number = word * kWordBits + static_cast<size_t>(std::countr_zero(left));
      if (number >= end || !visit(number)) return;
    }
  }
}

}  // namespace

MatchIndex::MatchIndex(const std::vector<const Match*>& matches) : entries_(matches), matches_(matches.size()) {
  for (const Match* match : matches) {
    first_exception_.push_back(static_cast<uint32_t>(entries_.size()));
    for (const Match& except : match->except) entries_.push_back(&except);
  }
  first_exception_.push_back(static_cast<uint32_t>(entries_.size()));
  for (uint32_t proof = 0; proof < kProofs; ++proof) proofs_.NewKey();
  for (size_t i = 0; i < entries_.size(); ++i) Add(*entries_[i], static_cast<uint32_t>(i));
  Seal();
}

void MatchIndex::Add(const Match& match, uint32_t number) {
  for (const std::string& glob : match.identities) identities_.texts.Add(glob, number, &identities_.condition);
  for (const std::string& glob : match.groups) groups_.texts.Add(glob, number, &groups_.condition);
  for (const std::string& glob : match.issuers) issuers_.texts.Add(glob, number, &issuers_.condition);
  for (const std::string& glob : match.methods) methods_.texts.Add(glob, number, &methods_.condition);
  for (const std::string& glob : match.upstreams) upstreams_.texts.Add(glob, number, &upstreams_.condition);
  for (uint32_t proof = 0; proof < kProofs; ++proof) {
    if ((match.proofs >> proof & 1) != 0) proofs_.Add(proof, number);
  }
  for (const Network& network : match.networks) AddNetwork(network, number);
  // Each is necessary: one is enough to find candidates.
  if (!match.metadata.empty()) {
    AddMetadata(match.metadata.front(), number);
  } else if (!match.all_metadata.empty()) {
    AddMetadata(match.all_metadata.front(), number);
  }
}

void MatchIndex::AddNetwork(const Network& network, uint32_t number) {
  auto lengths = std::find_if(network_lengths_.begin(), network_lengths_.end(), [&](const NetworksOfLength& other) {
    return other.kind == network.kind && other.length == network.length;
  });
  if (lengths == network_lengths_.end()) {
    lengths = network_lengths_.insert(lengths, {network.kind, network.length, {}});
  }
  auto key = lengths->keys.find(network.bits);
  if (key == lengths->keys.end()) key = lengths->keys.emplace(network.bits, networks_.NewKey()).first;
  networks_.Add(key->second, number);
}

void MatchIndex::AddMetadata(const MetadataCondition& condition, uint32_t number) {
  metadata_names_[condition.name].Add(condition.glob, number, &metadata_);
}

void MatchIndex::Seal() {
  const size_t entries = entries_.size();
  for (TextCondition* text : {&identities_, &groups_, &issuers_, &methods_, &upstreams_}) {
    text->condition.Seal(entries);
    text->texts.Seal(&text->condition);
  }
  for (ConditionIndex* condition : {&proofs_, &metadata_, &networks_}) condition->Seal(entries);
  for (auto& [name, texts] : metadata_names_) texts.Seal(&metadata_);
}

void MatchIndex::AcceptProofs(ProofSet proofs, MatchBits bits) const {
  for (uint32_t proof = 0; proof < kProofs; ++proof) {
    if ((proofs >> proof & 1) != 0) proofs_.Accept(proof, bits);
  }
}

void MatchIndex::AcceptNetworks(const HostAddress& host, MatchBits bits) const {
  for (const NetworksOfLength& networks : network_lengths_) {
    if (networks.kind != host.kind) continue;
    const auto key = networks.keys.find(Prefix(host.bits, networks.length));
    if (key != networks.keys.end()) networks_.Accept(key->second, bits);
  }
}

void MatchIndex::AcceptMetadata(const AccessRequest& request, MatchBits bits) const {
  request.metadata([&](std::string_view name, std::string_view value) {
    const auto texts = metadata_names_.find(name);
    if (texts != metadata_names_.end()) texts->second.Accept(value, metadata_, bits);
  });
}

bool MatchIndex::FindCandidates(const RequestFacts& facts, MatchBits candidates, MatchBits scratch) const {
  SetFirst(entries_.size(), candidates);
  // False if nothing is left.
  const auto narrow = [&](const ConditionIndex& condition, auto accept) {
    if (!condition.used()) return true;
    condition.Begin(scratch);
    accept();
    return Intersect(scratch.data(), candidates);
  };
  const auto narrow_by_texts = [&](const TextCondition& index, auto texts) {
    return narrow(index.condition, [&] {
      for (const std::string_view text : texts) {
        // What is not there matches nothing.
        if (!text.empty()) index.texts.Accept(text, index.condition, scratch);
      }
    });
  };
  const auto narrow_by_text = [&](const TextCondition& index, std::string_view text) {
    return narrow_by_texts(index, absl::MakeConstSpan(&text, 1));
  };
  // Those that leave the least over come first.
  return narrow_by_text(methods_, facts.method()) && narrow_by_text(identities_, facts.subject()) &&
         narrow_by_texts(groups_, facts.groups()) && narrow_by_text(issuers_, facts.issuer()) &&
         narrow_by_text(upstreams_, facts.request().upstream) &&
         narrow(proofs_, [&] { AcceptProofs(facts.proofs(), scratch); }) &&
         narrow(networks_, [&] { AcceptNetworks(facts.host(), scratch); }) &&
         narrow(metadata_, [&] { AcceptMetadata(facts.request(), scratch); });
}

bool MatchIndex::Excepted(size_t match, const RequestFacts& facts, MatchBits candidates) const {
  for (size_t entry = first_exception_[match]; entry < first_exception_[match + 1]; ++entry) {
    if (HasBit(entry, candidates) && RemainingConditionsHold(*entries_[entry], facts)) return true;
  }
  return false;
}

void MatchIndex::ForEachMatch(const RequestFacts& facts, absl::FunctionRef<bool(size_t)> visit) const {
  Scratch candidates(WordsFor(entries_.size()));
  Scratch scratch(candidates.size());
  if (!FindCandidates(facts, absl::MakeSpan(candidates), absl::MakeSpan(scratch))) return;
  ForEachBit(absl::MakeSpan(candidates), matches_, [&](size_t match) {
    if (!RemainingConditionsHold(*entries_[match], facts)) return true;
    return Excepted(match, facts, absl::MakeSpan(candidates)) || visit(match);
  });
}

void MatchIndex::ForEachCandidate(const RequestFacts& facts, size_t end, absl::FunctionRef<bool(size_t)> visit) const {
  Scratch candidates(WordsFor(entries_.size()));
  Scratch scratch(candidates.size());
  if (!FindCandidates(facts, absl::MakeSpan(candidates), absl::MakeSpan(scratch))) return;
  ForEachBit(absl::MakeSpan(candidates), std::min(end, matches_), visit);
}

}  // namespace sallyport::policy
