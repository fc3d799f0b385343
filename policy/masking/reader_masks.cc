#include "policy/masking/reader_masks.h"

#include <algorithm>
#include <utility>

#include "absl/algorithm/container.h"
#include "policy/glob.h"

namespace sallyport::policy {
namespace {

// Of sets that calls are read with at one time; there are few.
constexpr size_t kMostMaskers = 16;
constexpr size_t kMostMaskerBytes = size_t{4} << 20;

bool MatchesOne(const std::vector<std::string>& globs, std::string_view text) {
  return !text.empty() && absl::c_any_of(globs, [text](const std::string& glob) { return GlobMatches(glob, text); });
}

bool AsksWhoCalls(const Match& match) {
  return !match.identities.empty() || !match.groups.empty() || !match.issuers.empty();
}

bool AsksMoreThanOutline(const Match& match) {
  return AsksWhoCalls(match) || !match.networks.empty() || !match.times.empty();
}

// The match without conditions that are not known to hold or not, so that it holds rather than not.
Match Without(const Match& match, bool (*unknown)(const Match&)) {
  Match less = match;
  less.identities.clear();
  less.groups.clear();
  less.issuers.clear();
  if (unknown == AsksMoreThanOutline) {
    less.networks.clear();
    less.times.clear();
  }
  less.except.erase(std::remove_if(less.except.begin(), less.except.end(), unknown), less.except.end());
  return less;
}

}  // namespace

bool MeansReader(const MaskReaders& readers, const ReaderFacts& reader) {
  if (!readers.identities.empty() && !MatchesOne(readers.identities, reader.subject)) return false;
  if (!readers.groups.empty() &&
      absl::c_none_of(reader.groups, [&](const std::string& group) { return MatchesOne(readers.groups, group); })) {
    return false;
  }
  if (readers.roles.empty()) return true;
  const auto named = [&](RoleKind kind) { return absl::c_linear_search(readers.roles, kind); };
  return absl::c_any_of(reader.roles, named) &&
         absl::c_none_of(reader.roles, [&](RoleKind kind) { return ShowsCalls(kind) && !named(kind); });
}

bool ReaderMask::hides_messages(MessageSide side) const {
  return masks_ != nullptr &&
         (masks_->message(side, MaskView::kReader) != nullptr || masks_->unreadable(side, MaskView::kReader));
}

bool ReaderMask::hides_texts() const { return masks_ != nullptr && masks_->masks_metadata(MaskView::kReader); }

ReaderMask::Shown ReaderMask::Message(MessageSide side, std::string_view message, std::string* masked) const {
  if (masks_ == nullptr) return Shown::kAsRecorded;
  if (masks_->unreadable(side, MaskView::kReader)) return Shown::kNothing;
  const MessageMask* const mask = masks_->message(side, MaskView::kReader);
  if (mask == nullptr) return Shown::kAsRecorded;
  std::string problem;
  switch (mask->Apply(message, masked, &problem)) {
    case MessageMask::Outcome::kUnchanged:
      return Shown::kAsRecorded;
    case MessageMask::Outcome::kMasked:
      return Shown::kMasked;
    case MessageMask::Outcome::kUnreadable:
      break;
  }
  return Shown::kNothing;
}

bool ReaderMask::Metadatum(std::string_view name, std::string* value) const {
  if (!hides_texts()) return true;
  bool drop = false;
  masks_->MaskMetadata(MaskView::kReader, name, value, &drop);
  return !drop;
}

void ReaderMask::Text(std::string* text) const {
  if (hides_texts()) masks_->MaskText(MaskView::kReader, text);
}

ReaderMasks::ReaderMasks(std::shared_ptr<const Policy> policy, const MaskKey& key)
    : policy_(std::move(policy)), key_(key) {
  if (policy_ == nullptr) return;
  for (size_t i = 0; i < policy_->masks().size(); ++i) {
    const MaskRule& rule = policy_->masks()[i];
    if (!rule.IsOf(MaskView::kReader)) continue;
    masks_.push_back({static_cast<uint32_t>(i), rule.match, Without(rule.match, AsksWhoCalls),
                      Without(rule.match, AsksMoreThanOutline)});
  }
}

bool ReaderMasks::Applies(const Prepared& mask, const ReaderFacts& reader, const MaskedCall& call) const {
  if (!MeansReader(policy_->masks()[mask.number].readers, reader)) return false;
  // What the gateway itself says of calls of many methods.
  if (call.method.starts_with('(') || call.method.find('/') == std::string_view::npos) return true;
  const auto no_metadata = [](MetadataVisitor) {};
  AccessRequest request(no_metadata);
  request.method = call.method;
  request.upstream = call.upstream;
  if (call.proved == nullptr) return Matches(mask.of_outline, RequestFacts(request));
  request.peer = call.peer;
  request.now = call.start;
  const v1::Proof proof = call.proved->proof();
  if (proof == v1::PROOF_NONE) return Matches(mask.of_nobody, RequestFacts(request));
  const std::vector<std::string> groups(call.proved->groups().begin(), call.proved->groups().end());
  request.proofs = absl::MakeConstSpan(&proof, 1);
  request.subject = call.proved->subject();
  request.issuer = call.proved->issuer();
  request.groups = groups;
  return Matches(mask.match, RequestFacts(request));
}

std::vector<uint32_t> ReaderMasks::MasksOf(const ReaderFacts& reader, const MaskedCall& call) const {
  std::vector<uint32_t> numbers;
  for (const Prepared& mask : masks_) {
    if (Applies(mask, reader, call)) numbers.push_back(mask.number);
  }
  return numbers;
}

ReaderMask ReaderMasks::For(const ReaderFacts& reader, const MaskedCall& call,
                            const std::shared_ptr<const Descriptors>& descriptors) const {
  std::vector<uint32_t> numbers = MasksOf(reader, call);
  if (numbers.empty()) return ReaderMask(nullptr);
  return ReaderMask(MaskerFor(descriptors == nullptr ? Descriptors::Empty() : descriptors)
                        ->ForReader(call.method, std::move(numbers)));
}

std::shared_ptr<const Masker> ReaderMasks::MaskerFor(const std::shared_ptr<const Descriptors>& descriptors) const {
  absl::MutexLock lock(&mutex_);
  if (const auto found = maskers_.find(descriptors.get()); found != maskers_.end()) return found->second;
  if (maskers_.size() >= kMostMaskers) maskers_.clear();
  std::shared_ptr<const Masker> masker = Masker::Create(policy_, descriptors, key_, nullptr, kMostMaskerBytes);
  maskers_[descriptors.get()] = masker;
  return masker;
}

}  // namespace sallyport::policy
