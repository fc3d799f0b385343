#include "recorder/index/postings.h"

#include <algorithm>

#include "recorder/index/schema.h"
#include "recorder/wire_encoding.h"

namespace sallyport::recorder {

void PostingsBuilder::Begin(int64_t chunk) {
  chunk_ = chunk;
  by_key_.clear();
  used_ = 0;
}

void PostingsBuilder::Add(const PostedCall& call) {
  if (call.end_reason == kShredded) return;
  if (call.identity != 0) AddTo(PostingKind::kIdentity, call.identity, call.id);
  if (call.method != 0) AddTo(PostingKind::kMethod, call.method, call.id);
  if (call.upstream != 0) AddTo(PostingKind::kUpstream, call.upstream, call.id);
  AddTo(PostingKind::kSession, SessionBucket(call.session), call.id);
  if (call.end_reason == kOpen) return AddTo(PostingKind::kOpen, 0, call.id);
  if (call.status != 0) AddTo(PostingKind::kStatus, call.status, call.id);
  if (call.duration_ns >= kLeastPostedDurationNs) {
    AddTo(PostingKind::kDuration, DurationBucket(call.duration_ns), call.id);
  }
}

void PostingsBuilder::AddTo(PostingKind kind, int64_t value, int64_t id) {
  const auto [found, fresh] = by_key_.try_emplace(PostingKey(chunk_, kind, value), used_);
  if (fresh) {
    if (used_ == lists_.size()) lists_.emplace_back();
    lists_[used_].last_id = 0;
    lists_[used_].ids.clear();
    ++used_;
  }
  List& list = lists_[found->second];
  char bytes[kMaxVarintSize];
  list.ids.append(bytes, PutVarint(bytes, static_cast<uint64_t>(id) - list.last_id));
  list.last_id = static_cast<uint64_t>(id);
}

std::vector<PostingsBuilder::Posting> PostingsBuilder::Finish() const {
  std::vector<Posting> postings;
  postings.reserve(by_key_.size());
  for (const auto& [key, list] : by_key_) postings.push_back({key, lists_[list].ids});
  std::sort(postings.begin(), postings.end(), [](const Posting& a, const Posting& b) { return a.key < b.key; });
  return postings;
}

bool ReadPosting(std::string_view bytes, std::vector<int64_t>& out) {
  uint64_t id = 0;
  while (!bytes.empty()) {
    uint64_t delta = 0;
    if (!TakeVarint(bytes, delta)) return false;
    id += delta;
    out.push_back(static_cast<int64_t>(id));
  }
  return true;
}

}  // namespace sallyport::recorder
