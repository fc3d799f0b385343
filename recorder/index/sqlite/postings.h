// Lists of calls by what they have in common, for finding them.
//
// Calls, in order of their ids, are divided into chunks. Within a chunk a call is known by a small number, its ordinal,
// which grows with the id. For each chunk and each value that its calls have there is one list: the ordinals of those
// that have it. Rows are found by their key; those of a chunk stand together, so writing them only appends. Postings
// are a hint: who follows one checks the call's row, so a list may name calls that it should not, but must not leave
// any out.
//
// A row begins with the list of the value that its key names. For each list:
//   varint   the value less that of the list before (0 for the first)
//   varint   where the last run ends: its last ordinal + 1
//   varint   the size of what follows in bytes
//   runs     varint 2 x gap + long, and if `long` is 1, varint length - 2. A run is as many ordinals in sequence; the
//            gap is what lies between the end of the run before, or 0, and its first one.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_POSTINGS_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_POSTINGS_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "recorder/format/wire_encoding.h"

namespace sallyport::recorder {

// What a posting's value is. The numbers are in the index.
enum class PostingKind : uint8_t {
  kOpen = 0,      // 0: of calls that had not ended when the list was written
  kIdentity = 1,  // the name's number, 0 where it is empty; likewise the next two
  kMethod = 2,
  kUpstream = 3,
  kSession = 4,    // SessionValue
  kStatus = 5,     // of calls that ended
  kDuration = 6,   // DurationValue of calls that ended
  kTrace = 8,      // TraceValue of calls of a trace
  kMeasures = 14,  // no list: what the calls of a stretch say in numbers (call_measures.h); the value is its number
  kStretch = 15,   // no list: the ids of a stretch (call_stretch.h); the value is its number
};

constexpr int kPostingKindBits = 4;
constexpr int kPostingValueBits = 35;
constexpr int64_t kLargestPostingValue = (int64_t{1} << kPostingValueBits) - 1;
// No chunk has more calls than this. A list that counts further is damaged.
constexpr uint64_t kMostOrdinals = uint64_t{1} << 24;
// How many chunks can be numbered in a key.
constexpr int64_t kChunkNumbers = int64_t{1} << (63 - kPostingKindBits - kPostingValueBits);

constexpr int64_t ChunkKey(int64_t chunk) { return chunk << (kPostingKindBits + kPostingValueBits); }
constexpr int64_t PostingKey(int64_t chunk, PostingKind kind, int64_t value) {
  return ChunkKey(chunk) | int64_t{static_cast<uint8_t>(kind)} << kPostingValueBits | (value & kLargestPostingValue);
}
constexpr PostingKind PostingKindOf(int64_t key) {
  return static_cast<PostingKind>(key >> kPostingValueBits & ((1 << kPostingKindBits) - 1));
}
constexpr int64_t PostingValueOf(int64_t key) { return key & kLargestPostingValue; }

// Ids of sessions have more bits than a list's value; the few that share a list are told apart by the rows.
constexpr int64_t SessionValue(int64_t session) {
  return static_cast<int64_t>((static_cast<uint64_t>(session) * 0x9E3779B97F4A7C15U) >> 40);
}

// Traces are as many as calls, often: so few values that a chunk's lists stay small, whatever ids callers choose. The
// few calls that share a list are told apart by the rows.
constexpr int64_t TraceValue(int64_t trace_high, int64_t trace_low) {
  const uint64_t mixed = static_cast<uint64_t>(trace_high) * 0x9E3779B97F4A7C15U ^ static_cast<uint64_t>(trace_low);
  return static_cast<int64_t>((mixed * 0x9E3779B97F4A7C15U) >> 48);
}

// Grows with the duration: its two leading decimal digits in microseconds. What people ask for, such as 250 ms or 30 s,
// falls between two values, so that no row has to be looked at to tell which calls took as long.
constexpr int64_t DurationValue(int64_t duration_ns) {
  int64_t digits = duration_ns / 1000;
  int64_t magnitude = 0;
  for (; digits >= 100; digits /= 10) magnitude += 100;
  return magnitude + digits;
}

struct PostingList {
  int64_t value = 0;
  uint64_t end = 0;  // of the last run
  std::string_view runs;
};

// Appends ordinals, which must grow, to a list's runs.
class RunWriter {
 public:
  void Add(uint64_t first, uint64_t count) {
    if (count_ != 0 && first == end_) {
      count_ += count;
    } else {
      Flush();
      first_ = first;
      count_ = count;
    }
    end_ = first + count;
  }
  // Appends a list whose ordinals count from `base`. False if it is none, or does not begin behind what is there.
  bool Append(uint64_t base, const PostingList& list);
  // After the last ordinal.
  void Flush();
  void Clear();
  // What was flushed.
  PostingList List(int64_t value) const { return {value, written_to_, bytes_}; }

 private:
  std::string bytes_;
  uint64_t written_to_ = 0;  // where the last run in `bytes_` ends
  uint64_t first_ = 0;       // the run that is not in them yet
  uint64_t count_ = 0;
  uint64_t end_ = 0;
};

// Calls `run` with the first ordinal and the length of each run. False if the bytes are no runs.
template <typename Run>
bool ForEachRun(std::string_view runs, const Run& run) {
  uint64_t end = 0;
  while (!runs.empty()) {
    uint64_t gap = static_cast<uint8_t>(runs.front());
    uint64_t count = 1;
    if (gap < 0x80) {
      runs.remove_prefix(1);
    } else if (!TakeVarint(runs, gap)) {
      return false;
    }
    if ((gap & 1) != 0) {
      if (!TakeVarint(runs, count) || count > kMostOrdinals) return false;
      count += 2;
    }
    gap >>= 1;
    if (gap > kMostOrdinals || end + gap + count > kMostOrdinals) return false;
    run(end + gap, count);
    end += gap + count;
  }
  return true;
}

// Appends a list to a row, which begins with the list of `last_value` or has that as its last one so far.
void AppendList(std::string& row, int64_t last_value, const PostingList& list);
// Calls `visit` with each list of a row, in order of values, until it returns false. False if the bytes are no row.
bool ForEachList(int64_t key, std::string_view row, absl::FunctionRef<bool(const PostingList&)> visit);

// The error for bytes that are no postings: DATA_LOSS.
absl::Status DamagedPostings();

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_POSTINGS_H_
