#include "recorder/verify/answer_proof.h"

#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "recorder/verify/evidence_parts.h"
#include "recorder/verify/header_check.h"
#include "recorder/verify/subtree_stack.h"

namespace sallyport::recorder {
namespace {

// What the directories of a run say of one call.
struct CallInRun {
  bool begins = false;
  CheckedDirectoryLine last;
  bool last_counts = false;  // is of a format that says whether the call ends
};

absl::Status CheckIds(const ProvenAnswer& proven, const std::map<uint64_t, CallInRun>& named) {
  std::set<uint64_t> told;
  for (const std::vector<uint64_t>* ids : {&proven.listed, &proven.others}) {
    for (const uint64_t id : *ids) {
      if (!told.insert(id).second)
        return absl::InvalidArgumentError(absl::StrCat("call ", FormatId(id), " is there twice"));
      if (named.count(id) == 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("call ", FormatId(id), " has no entries in this part of the log"));
      }
    }
  }
  for (const auto& [id, call] : named) {
    if (told.count(id) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("call ", FormatId(id), " has entries in this part of the log, and was left out"));
    }
  }
  return absl::OkStatus();
}

// Each listed call must begin in the run, and end in it unless the run goes up to the log's size.
absl::Status CheckListed(const std::map<uint64_t, CallInRun>& named, bool to_the_end, ProvenAnswer& proven) {
  for (const uint64_t id : proven.listed) {
    const CallInRun& call = named.at(id);
    if (!call.begins) {
      return absl::InvalidArgumentError(absl::StrCat("call ", FormatId(id), " begins before this part of the log"));
    }
    if (!call.last_counts) {
      proven.unknown.push_back(id);
    } else if (!call.last.ends) {
      if (!to_the_end) {
        return absl::InvalidArgumentError(
            absl::StrCat("call ", FormatId(id), " does not end in this part of the log, which does not go up to the ",
                         "log's size: whether it had ended is not proved"));
      }
      proven.open.push_back(id);
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ProvenAnswer> CheckAnswerEvidence(const v1::AnswerEvidence& evidence, const Checkpoint& checkpoint) {
  const absl::StatusOr<std::vector<Hash>> before = ToHashes(evidence.before());
  if (!before.ok()) return before.status();
  const absl::StatusOr<std::vector<Hash>> behind = ToHashes(evidence.behind());
  if (!behind.ok()) return behind.status();
  SubtreeStack tree;
  if (!tree.PushTiles(evidence.first_leaf(), *before)) return Wrong("the hashes before the run do not fit its place");
  ProvenAnswer proven;
  proven.first_leaf = evidence.first_leaf();
  std::map<uint64_t, CallInRun> named;
  for (const v1::ProvenLeaf& leaf : evidence.leaves()) {
    ShownLeaf shown;
    if (absl::Status status = shown.Check(leaf, tree.end()); !status.ok()) {
      return Prefixed(absl::StrCat("leaf ", tree.end()), status);
    }
    for (uint32_t i = 0; i < shown.block.calls; ++i) {
      const CheckedDirectoryLine line = DirectoryLine(shown.block, leaf.directory(), i);
      CallInRun& call = named[line.call_id];
      call.begins = call.begins || !line.previous.set();
      call.last = line;
      call.last_counts = shown.block.format != 2;
    }
    if (shown.block.entries != 0) ++proven.blocks;
    proven.entries += shown.block.entries;
    tree.PushData(leaf.header());
  }
  proven.end_leaf = tree.end();
  if (!tree.PushTiles(checkpoint.size, *behind)) return Wrong("the hashes behind the run do not fit the signed size");
  if (tree.Root() != checkpoint.root) return Wrong("the run is not in the signed log, or not without a gap");
  proven.listed.assign(evidence.listed().begin(), evidence.listed().end());
  proven.others.assign(evidence.others().begin(), evidence.others().end());
  if (absl::Status status = CheckIds(proven, named); !status.ok()) return status;
  if (absl::Status status = CheckListed(named, proven.end_leaf == checkpoint.size, proven); !status.ok()) return status;
  return proven;
}

}  // namespace sallyport::recorder
