#include "policy/matching/match_index.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "absl/container/fixed_array.h"

namespace sallyport::policy {
namespace {

constexpr size_t kWordBits = 64;
// Sets are worked on in blocks of words, which compilers turn into vector instructions.
constexpr size_t kBlockWords = 8;
constexpr size_t kInlineWords = 256;
// A list is kept as a set of bits once it has more than one element for so many words: about where both cost the same.
constexpr size_t kWordsPerListed = 4;

constexpr uint32_t kProofs = v1::Proof_ARRAYSIZE;

using Scratch = absl::FixedArray<uint64_t, kInlineWords>;

size_t WordsFor(size_t matches) {
  const size_t words = (matches + kWordBits - 1) / kWordBits;
  return (words + kBlockWords - 1) / kBlockWords * kBlockWords;
}

void SetBit(uint32_t number, MatchBits bits) { bits[number / kWordBits] |= uint64_t{1} << (number % kWordBits); }

bool HasBit(size_t number, MatchBits bits) { return (bits[number / kWordBits] >> (number % kWordBits) & 1) != 0; }

// Sets the first `count` bits and clears the others.
void SetFirst(size_t count, MatchBits bits) {
  const size_t whole = count / kWordBits;
  std::fill(bits.begin(), bits.end(), uint64_t{0});
  std::fill(bits.begin(), bits.begin() + static_cast<ptrdiff_t>(whole), ~uint64_t{0});
  if (count % kWordBits != 0) bits[whole] = (uint64_t{1} << (count % kWordBits)) - 1;
}

// The loops over blocks are written with pointers (Debian's Span checks every index) that do not overlap, so that they
// become vector instructions.
void Unite(const uint64_t* __restrict other, MatchBits bits) {
  uint64_t* __restrict words = bits.data();
  for (const uint64_t* const end = words + bits.size(); words != end; words += kBlockWords, other += kBlockWords) {
    for (size_t i = 0; i < kBlockWords; ++i) words[i] |= other[i];
  }
}

// False if nothing is left.
bool Intersect(const uint64_t* __restrict other, MatchBits bits) {
  uint64_t left[kBlockWords] = {};
  uint64_t* __restrict words = bits.data();
  for (const uint64_t* const end = words + bits.size(); words != end; words += kBlockWords, other += kBlockWords) {
    for (size_t i = 0; i < kBlockWords; ++i) words[i] &= other[i];
    for (size_t i = 0; i < kBlockWords; ++i) left[i] |= words[i];
  }
  return std::any_of(std::begin(left), std::end(left), [](uint64_t word) { return word != 0; });
}

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

void ConditionIndex::Add(uint32_t key, uint32_t match) {
  if (key >= added_.size()) added_.resize(key + 1);
  if (added_[key].empty() || added_[key].back() != match) added_[key].push_back(match);
}

void ConditionIndex::Seal(size_t matches) {
  if (added_.empty()) return;
  const size_t words = WordsFor(matches);
  without_.assign(words, ~uint64_t{0});
  for (const std::vector<uint32_t>& added : added_) {
    for (const uint32_t match : added) without_[match / kWordBits] &= ~(uint64_t{1} << (match % kWordBits));
    if (added.size() <= words / kWordsPerListed) {
      keys_.push_back({static_cast<uint32_t>(listed_.size()), static_cast<uint32_t>(added.size()), false});
      listed_.insert(listed_.end(), added.begin(), added.end());
      continue;
    }
    keys_.push_back({static_cast<uint32_t>(sets_.size() / words), static_cast<uint32_t>(added.size()), true});
    sets_.resize(sets_.size() + words);
    const MatchBits set = absl::MakeSpan(sets_).last(words);
    for (const uint32_t match : added) SetBit(match, set);
  }
  added_ = {};
}

void ConditionIndex::Begin(MatchBits bits) const { std::copy(without_.begin(), without_.end(), bits.begin()); }

void ConditionIndex::Accept(uint32_t number, MatchBits bits) const {
  if (number >= keys_.size()) return;
  const Key& key = keys_[number];
  if (key.is_set) return Unite(sets_.data() + key.begin * bits.size(), bits);
  uint64_t* const words = bits.data();
  const uint32_t* const end = listed_.data() + key.begin + key.count;
  for (const uint32_t* match = end - key.count; match != end; ++match) {
    words[*match / kWordBits] |= uint64_t{1} << (*match % kWordBits);
  }
}

void GlobIndex::Seal(size_t matches) {
  globs.Seal();
  condition.Seal(matches);
}

MatchIndex::MatchIndex(const std::vector<const Match*>& matches) : entries_(matches), matches_(matches.size()) {
  for (const Match* match : matches) {
    first_exception_.push_back(static_cast<uint32_t>(entries_.size()));
    for (const Match& except : match->except) entries_.push_back(&except);
  }
  first_exception_.push_back(static_cast<uint32_t>(entries_.size()));
  for (size_t i = 0; i < entries_.size(); ++i) Add(*entries_[i], static_cast<uint32_t>(i));
  Seal();
}

void MatchIndex::Add(const Match& match, uint32_t number) {
  for (const std::string& glob : match.identities) identities_.Add(glob, number);
  for (const std::string& glob : match.groups) groups_.Add(glob, number);
  for (const std::string& glob : match.issuers) issuers_.Add(glob, number);
  for (const std::string& glob : match.methods) methods_.Add(glob, number);
  for (const std::string& glob : match.upstreams) upstreams_.Add(glob, number);
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
  const auto [key, added] = lengths->keys.emplace(network.bits, network_keys_);
  if (added) ++network_keys_;
  networks_.Add(key->second, number);
}

void MatchIndex::AddMetadata(const MetadataCondition& condition, uint32_t number) {
  MetadataName& name = metadata_names_[condition.name];
  const uint32_t glob = name.globs.Add(condition.glob);
  if (glob == name.keys.size()) name.keys.push_back(metadata_keys_++);
  metadata_.Add(name.keys[glob], number);
}

void MatchIndex::Seal() {
  const size_t entries = entries_.size();
  for (GlobIndex* index : {&identities_, &groups_, &issuers_, &methods_, &upstreams_}) index->Seal(entries);
  for (ConditionIndex* condition : {&proofs_, &metadata_, &networks_}) condition->Seal(entries);
  for (auto& [name, globs] : metadata_names_) globs.globs.Seal();
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
    const auto found = metadata_names_.find(name);
    if (found == metadata_names_.end()) return;
    const MetadataName& globs = found->second;
    globs.globs.ForEachMatch(value, [&](uint32_t glob) { metadata_.Accept(globs.keys[glob], bits); });
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
  const auto narrow_by_texts = [&](const GlobIndex& index, auto texts) {
    return narrow(index.condition, [&] {
      for (const std::string_view text : texts) {
        if (text.empty()) continue;  // what is not there matches nothing
        index.globs.ForEachMatch(text, [&](uint32_t glob) { index.condition.Accept(glob, scratch); });
      }
    });
  };
  const auto narrow_by_text = [&](const GlobIndex& index, std::string_view text) {
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
