// Finds those of many matches that hold for a call, in time that hardly depends on how many there are.
#ifndef SALLYPORT_POLICY_MATCHING_MATCH_INDEX_H_
#define SALLYPORT_POLICY_MATCHING_MATCH_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/numeric/int128.h"
#include "policy/matching/condition_index.h"
#include "policy/matching/match.h"
#include "policy/text.h"

namespace sallyport::policy {

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
  // A condition on one text of the call.
  struct TextCondition {
    ConditionIndex condition;
    TextIndex texts;
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

  TextCondition identities_;
  TextCondition groups_;
  TextCondition issuers_;
  TextCondition methods_;
  TextCondition upstreams_;
  ConditionIndex proofs_;  // its keys are those of sallyport.v1.Proof
  ConditionIndex metadata_;
  TextMap<TextIndex> metadata_names_;
  ConditionIndex networks_;
  std::vector<NetworksOfLength> network_lengths_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MATCHING_MATCH_INDEX_H_
