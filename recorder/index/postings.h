// Lists of calls by what they have in common, for finding them.
//
// Calls, in order of their ids, are divided into chunks of some thousands. For each chunk and each value that its calls
// have there is one row: which of them have it. A row is found by its key; those of a chunk stand together, so writing
// them only appends. Postings are a hint: who follows one checks the call's row, so a list may name calls that it should
// not, but must not leave any out.
#ifndef SALLYPORT_RECORDER_INDEX_POSTINGS_H_
#define SALLYPORT_RECORDER_INDEX_POSTINGS_H_

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace sallyport::recorder {

// What a posting's value is. The numbers are in the index.
enum class PostingKind : uint8_t {
  kOpen = 0,      // 0: of calls that had not ended when the chunk was written
  kIdentity = 1,  // the name's number; likewise the next two
  kMethod = 2,
  kUpstream = 3,
  kSession = 4,   // SessionBucket
  kStatus = 5,    // other than 0
  kDuration = 6,  // DurationBucket, for calls that took kLeastPostedDuration
};

constexpr int kPostingKindBits = 3;
constexpr int kPostingValueBits = 36;

constexpr int64_t ChunkKey(int64_t chunk) { return chunk << (kPostingKindBits + kPostingValueBits); }
constexpr int64_t PostingKey(int64_t chunk, PostingKind kind, int64_t value) {
  return ChunkKey(chunk) | int64_t{static_cast<uint8_t>(kind)} << kPostingValueBits |
         (value & ((int64_t{1} << kPostingValueBits) - 1));
}
constexpr int64_t PostingValue(int64_t key) { return key & ((int64_t{1} << kPostingValueBits) - 1); }

// Sessions share lists, so that there are not as many lists as calls where every call is a session of its own.
constexpr int64_t SessionBucket(int64_t session) {
  return static_cast<int64_t>((static_cast<uint64_t>(session) * 0x9E3779B97F4A7C15U) >> 55);
}

constexpr int64_t kLeastPostedDurationNs = 64'000'000;
// Grows with the duration; each value stands for twice as long as the one before.
constexpr int64_t DurationBucket(int64_t duration_ns) {
  return std::bit_width(static_cast<uint64_t>(duration_ns / 1'000'000));
}

// What a call is posted under.
struct PostedCall {
  int64_t id = 0;
  int64_t identity = 0;
  int64_t session = 0;
  int64_t method = 0;
  int64_t upstream = 0;
  int64_t end_reason = 0;
  int64_t status = 0;
  int64_t duration_ns = 0;
};

// Collects the postings of one chunk after another. Not thread-safe.
class PostingsBuilder {
 public:
  void Begin(int64_t chunk);
  // Calls must come in order of their ids.
  void Add(const PostedCall& call);

  struct Posting {
    int64_t key = 0;
    std::string_view ids;  // lives until Begin
  };
  // In order of their keys.
  std::vector<Posting> Finish() const;

 private:
  struct List {
    uint64_t last_id = 0;
    std::string ids;
  };
  void AddTo(PostingKind kind, int64_t value, int64_t id);

  int64_t chunk_ = 0;
  absl::flat_hash_map<int64_t, size_t> by_key_;
  std::vector<List> lists_;  // those from used_ on are left over
  size_t used_ = 0;
};

// Appends a posting's ids to `out`. False if the bytes are none.
bool ReadPosting(std::string_view bytes, std::vector<int64_t>& out);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_POSTINGS_H_
