#include "recorder/index/call_stretch.h"

#include "recorder/wire_encoding.h"

namespace sallyport::recorder {
namespace {

constexpr size_t kHeadSize = 24;

}  // namespace

std::string CallStretch::Encode() const {
  std::string bytes(kHeadSize + (ids.size() - 1) * kMaxVarintSize, '\0');
  char* at = PutFixed(bytes.data(), starts.first_ns);
  at = PutFixed(at, starts.last_ns);
  at = PutFixed(at, ids.front());
  for (size_t i = 1; i < ids.size(); ++i) {
    at = PutVarint(at, static_cast<uint64_t>(ids[i]) - static_cast<uint64_t>(ids[i - 1]));
  }
  bytes.resize(static_cast<size_t>(at - bytes.data()));
  return bytes;
}

bool CallStretch::Decode(std::string_view bytes) {
  ids.clear();
  if (bytes.size() < kHeadSize) return false;
  starts = {GetFixed<int64_t>(bytes.data()), GetFixed<int64_t>(bytes.data() + 8)};
  ids.push_back(GetFixed<int64_t>(bytes.data() + 16));
  bytes.remove_prefix(kHeadSize);
  while (!bytes.empty()) {
    uint64_t more = 0;
    if (!TakeVarint(bytes, more)) return false;
    const auto next = static_cast<int64_t>(static_cast<uint64_t>(ids.back()) + more);
    if (next <= ids.back() || ids.size() == static_cast<size_t>(kCallsPerStretch)) return false;
    ids.push_back(next);
  }
  return true;
}

}  // namespace sallyport::recorder
