#include "recorder/index/sqlite/postings.h"

namespace sallyport::recorder {

void RunWriter::Flush() {
  if (count_ == 0) return;
  char bytes[2 * kMaxVarintSize];
  char* end = PutVarint(bytes, (first_ - written_to_) << 1 | (count_ > 1 ? 1 : 0));
  if (count_ > 1) end = PutVarint(end, count_ - 2);
  bytes_.append(bytes, static_cast<size_t>(end - bytes));
  written_to_ = end_;
  count_ = 0;
}

void RunWriter::Clear() {
  bytes_.clear();
  written_to_ = 0;
  count_ = 0;
}

bool RunWriter::Append(uint64_t base, const PostingList& list) {
  Flush();
  std::string_view runs = list.runs;
  uint64_t gap = 0;
  if (!TakeVarint(runs, gap)) return false;
  const uint64_t first = base + (gap >> 1);
  if (first < written_to_ || list.end > kMostOrdinals) return false;
  // Only the first gap is another one now.
  char bytes[kMaxVarintSize];
  const char* end = PutVarint(bytes, (first - written_to_) << 1 | (gap & 1));
  bytes_.append(bytes, static_cast<size_t>(end - bytes));
  bytes_.append(runs);
  written_to_ = base + list.end;
  return true;
}

void AppendList(std::string& row, int64_t last_value, const PostingList& list) {
  char bytes[3 * kMaxVarintSize];
  char* end = PutVarint(bytes, static_cast<uint64_t>(list.value - last_value));
  end = PutVarint(end, list.end);
  end = PutVarint(end, list.runs.size());
  row.append(bytes, static_cast<size_t>(end - bytes));
  row.append(list.runs);
}

bool ForEachList(int64_t key, std::string_view row, absl::FunctionRef<bool(const PostingList&)> visit) {
  PostingList list;
  list.value = PostingValueOf(key);
  while (!row.empty()) {
    uint64_t more = 0;
    if (!TakeVarint(row, more) || more > static_cast<uint64_t>(kLargestPostingValue - list.value)) return false;
    list.value += static_cast<int64_t>(more);
    if (!TakeVarint(row, list.end) || !TakeLengthPrefixed(row, list.runs)) return false;
    if (!visit(list)) return true;
  }
  return true;
}

absl::Status DamagedPostings() {
  return absl::DataLossError("the index holds postings that are none: `sallyport index rebuild` makes it again");
}

}  // namespace sallyport::recorder
