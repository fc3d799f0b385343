// Finds those of many matches that hold for a call, in time that hardly depends on how many there are.
#ifndef SALLYPORT_POLICY_MATCHING_MATCH_INDEX_H_
#define SALLYPORT_POLICY_MATCHING_MATCH_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/numeric/int128.h"
#include "absl/types/span.h"
#include "policy/matching/glob_set.h"
#include "policy/matching/match.h"

namespace sallyport::policy {

// Sets of matches as bits, one for each match.
using MatchBits = absl::Span<uint64_t>;

// One kind of condition over all matches: for each of its keys (a glob, a network, ...) the matches that are content
// with it. Filled first, then sealed.
class ConditionIndex {
 public:
  void Add(uint32_t key, uint32_t match);
  void Seal(size_t matches);

  // False if no match has such a condition.
  bool used() const { return !without_.empty(); }
  // Sets the bits of all matches without such a condition, and clears the others.
  void Begin(MatchBits bits) const;
  // Sets the bits of the matches that `key` contents; a key that none has is fine.
  void Accept(uint32_t key, MatchBits bits) const;

 private:
  // A part of `listed_`, or in place of a long list one of `sets_`.
  struct Key {
    uint32_t begin = 0;
    uint32_t count = 0;
    bool is_set = false;
  };
  std::vector<std::vector<uint32_t>> added_;  // by key, until it is sealed
  std::vector<Key> keys_;
  std::vector<uint32_t> listed_;
  std::vector<uint64_t> sets_;
  std::vector<uint64_t> without_;
};

// Globs over texts, each content with its own matches.
struct GlobIndex {
  void Add(const std::string& glob, uint32_t match) { condition.Add(globs.Add(glob), match); }
  void Seal(size_t matches);

  GlobSet globs;
  ConditionIndex condition;
};

// For every kind of condition there is an index; what they all leave over are the candidates, whose remaining
// conditions (times, further metadata) are asked one by one. Immutable and shared between threads.
class MatchIndex {
 public:
  MatchIndex() = default;
  // The matches must stay where they are for as long as the index lives.
  explicit MatchIndex(const std::vector<const Match*>& matches);

  // Calls `visit` with the number of every match that holds, in order, until it returns false. Does not allocate up to
  // 16,000 matches and exceptions.
  void ForEachMatch(const RequestFacts& facts, absl::FunctionRef<bool(size_t)> visit) const;

  // Of the matches before `end`, those that hold for `facts` as far as the index alone can tell, exceptions aside:
  // some too many, never one too few. Until `visit` returns false.
  void ForEachCandidate(const RequestFacts& facts, size_t end, absl::FunctionRef<bool(size_t)> visit) const;

 private:
  struct NetworksOfLength {
    AddressKind kind;
    int length;
    absl::flat_hash_map<absl::uint128, uint32_t> keys;
  };
  struct MetadataName {
    GlobSet globs;
    std::vector<uint32_t> keys;  // by the number of the glob
  };

  void Add(const Match& match, uint32_t number);
  void AddNetwork(const Network& network, uint32_t number);
  void AddMetadata(const MetadataCondition& condition, uint32_t number);
  void Seal();

  // False if there is none.
  bool FindCandidates(const RequestFacts& facts, MatchBits candidates, MatchBits scratch) const;
  void AcceptProofs(ProofSet proofs, MatchBits bits) const;
  void AcceptNetworks(const HostAddress& host, MatchBits bits) const;
  void AcceptMetadata(const AccessRequest& request, MatchBits bits) const;
  // Whether one of the match's exceptions holds.
  bool Excepted(size_t match, const RequestFacts& facts, MatchBits candidates) const;

  std::vector<const Match*> entries_;  // the matches, then their exceptions
  size_t matches_ = 0;
  std::vector<uint32_t> first_exception_;  // those of match i are the entries from [i] up to [i + 1]

  GlobIndex identities_;
  GlobIndex groups_;
  GlobIndex issuers_;
  GlobIndex methods_;
  GlobIndex upstreams_;
  ConditionIndex proofs_;
  ConditionIndex metadata_;
  TextMap<MetadataName> metadata_names_;
  uint32_t metadata_keys_ = 0;
  ConditionIndex networks_;
  std::vector<NetworksOfLength> network_lengths_;
  uint32_t network_keys_ = 0;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_MATCH_INDEX_H_
