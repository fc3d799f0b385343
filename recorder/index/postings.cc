#include "recorder/index/postings.h"

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

void AppendList(std::string& row, int64_t last_value, int64_t value, std::string_view list) {
  char bytes[2 * kMaxVarintSize];
  char* end = PutVarint(bytes, static_cast<uint64_t>(value - last_value));
  end = PutVarint(end, list.size());
  row.append(bytes, static_cast<size_t>(end - bytes));
  row.append(list);
}

bool ForEachList(int64_t key, std::string_view row,
                 absl::FunctionRef<bool(int64_t value, std::string_view list)> list) {
  uint64_t value = static_cast<uint64_t>(PostingValueOf(key));
  while (!row.empty()) {
    uint64_t more = 0;
    std::string_view bytes;
    if (!TakeVarint(row, more) || more > static_cast<uint64_t>(kLargestPostingValue) - value) return false;
    value += more;
    if (!TakeLengthPrefixed(row, bytes)) return false;
    if (!list(static_cast<int64_t>(value), bytes)) return true;
  }
  return true;
}

}  // namespace sallyport::recorder
