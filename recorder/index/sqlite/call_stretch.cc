#include "recorder/index/sqlite/call_stretch.h"

#include "recorder/format/wire_encoding.h"

namespace sallyport::recorder {

void StretchHead::AppendTo(std::string& heads) const {
  char bytes[kSize];
  char* at = PutFixed(bytes, first_id);
  at = PutFixed(at, starts.first_ns);
  PutFixed(at, starts.last_ns);
  heads.append(bytes, kSize);
}

StretchHead StretchHead::Of(std::string_view heads, size_t number) {
  const char* at = heads.data() + number * kSize;
  return {GetFixed<int64_t>(at), {GetFixed<int64_t>(at + 8), GetFixed<int64_t>(at + 16)}};
}

std::string EncodeIds(absl::Span<const int64_t> ids) {
  std::string bytes((ids.size() - 1) * kMaxVarintSize, '\0');
  char* at = bytes.data();
  for (size_t i = 1; i < ids.size(); ++i) {
    at = PutVarint(at, static_cast<uint64_t>(ids[i]) - static_cast<uint64_t>(ids[i - 1]));
  }
  bytes.resize(static_cast<size_t>(at - bytes.data()));
  return bytes;
}

bool DecodeIds(int64_t first_id, std::string_view bytes, std::vector<int64_t>& ids) {
  ids.assign(1, first_id);
  while (!bytes.empty()) {
    uint64_t more = 0;
    if (!TakeVarint(bytes, more)) return false;
    const auto next = static_cast<int64_t>(static_cast<uint64_t>(ids.back()) + more);
    if (next <= ids.back() || ids.size() == kCallsPerStretch) return false;
    ids.push_back(next);
  }
  return true;
}

}  // namespace sallyport::recorder
