#include "gateway/sessions.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {

struct Sessions::State {
  explicit State(uint64_t session_id) : id(session_id) {}
  const uint64_t id;
  std::atomic<int64_t> open_calls{0};
  std::atomic<int64_t> last_used{0};  // nanoseconds since the Unix epoch
};

Sessions::Member Sessions::Join(absl::string_view identity, absl::string_view peer, absl::string_view name,
                                uint64_t call_id, absl::Time now) {
  // Lengths keep the parts apart: no identity or name can pose as another's.
  std::string key = name.empty() ? absl::StrCat("c", identity.size(), ":", identity, peer)
                                 : absl::StrCat("n", identity.size(), ":", identity, name);
  Member member;
  absl::MutexLock lock(&mutex_);
  const auto [entry, added] = sessions_.try_emplace(std::move(key));
  if (added) bytes_ += BytesOf(entry->first);
  std::shared_ptr<State>& state = entry->second;
  if (state == nullptr || (state->open_calls == 0 && now - absl::FromUnixNanos(state->last_used) > idle_)) {
    state = std::make_shared<State>(call_id);
  }
  ++state->open_calls;
  state->last_used = absl::ToUnixNanos(now);
  member.state_ = state;
  member.id_ = state->id;
  if (bytes_ > most_bytes_) ForgetIdle(now);
  return member;
}

void Sessions::Leave(Member& member, absl::Time now) {
  if (member.state_ == nullptr) return;
  member.state_->last_used = absl::ToUnixNanos(now);
  --member.state_->open_calls;
  member.state_ = nullptr;
}

void Sessions::ForgetIdle(absl::Time now) {
  std::vector<int64_t> used;
  used.reserve(sessions_.size());
  for (const auto& [key, state] : sessions_) {
    if (state->open_calls == 0) used.push_back(state->last_used);
  }
  if (used.empty()) return;
  // A tenth at a time, so that this is rare.
  auto cut = used.begin() + static_cast<int64_t>(used.size() / 10);
  std::nth_element(used.begin(), cut, used.end());
  int64_t until = std::max(*cut, absl::ToUnixNanos(now - idle_));
  size_t freed = 0;
  absl::erase_if(sessions_, [until, &freed](const auto& entry) {
    const bool forgotten = entry.second->open_calls == 0 && entry.second->last_used <= until;
    if (forgotten) freed += BytesOf(entry.first);
    return forgotten;
  });
  bytes_ -= freed;
}

}  // namespace sallyport::gateway
