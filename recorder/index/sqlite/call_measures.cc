#include "recorder/index/sqlite/call_measures.h"

#include <algorithm>
#include <cstring>

#include "recorder/format/call_columns.h"
#include "recorder/format/wire_encoding.h"

namespace sallyport::recorder {
namespace {

constexpr uint64_t kReasonBits = 0xff;

// In the order in which they stand in the bytes, behind the starts.
constexpr StretchMeasures::Column StretchMeasures::*kBehindStarts[] = {
    &StretchMeasures::end_reason, &StretchMeasures::status, &StretchMeasures::duration_ns,
    &StretchMeasures::request_bytes, &StretchMeasures::response_bytes};

size_t WidthOf(uint64_t largest) {
  if (largest == 0) return 0;
  if (largest <= UINT8_MAX) return 1;
  if (largest <= UINT16_MAX) return 2;
  return largest <= UINT32_MAX ? 4 : 8;
}

template <typename Number>
void PutNumbers(const StretchMeasures::Column& column, uint64_t base, size_t calls, std::string& bytes) {
  const size_t before = bytes.size();
  bytes.resize(before + calls * sizeof(Number));
  char* at = bytes.data() + before;
  for (size_t i = 0; i < calls; ++i) at = PutFixed(at, static_cast<Number>(static_cast<uint64_t>(column[i]) - base));
}

void PutColumn(const StretchMeasures::Column& column, int64_t base, size_t calls, std::string& bytes) {
  const auto less = static_cast<uint64_t>(base);
  uint64_t largest = 0;
  for (size_t i = 0; i < calls; ++i) largest = std::max(largest, static_cast<uint64_t>(column[i]) - less);
  const size_t width = WidthOf(largest);
  bytes += static_cast<char>(width);
  if (width == 1) PutNumbers<uint8_t>(column, less, calls, bytes);
  if (width == 2) PutNumbers<uint16_t>(column, less, calls, bytes);
  if (width == 4) PutNumbers<uint32_t>(column, less, calls, bytes);
  if (width == 8) PutNumbers<uint64_t>(column, less, calls, bytes);
}

template <typename Number>
void TakeNumbers(const char* at, uint64_t base, size_t calls, StretchMeasures::Column& column) {
  for (size_t i = 0; i < calls; ++i) {
    column[i] = static_cast<int64_t>(base + uint64_t{GetFixed<Number>(at + i * sizeof(Number))});
  }
}

bool TakeColumn(std::string_view& bytes, int64_t base, size_t calls, StretchMeasures::Column& column) {
  if (bytes.empty()) return false;
  const size_t width = static_cast<unsigned char>(bytes[0]);
  bytes.remove_prefix(1);
  if (bytes.size() < width * calls) return false;
  const auto more = static_cast<uint64_t>(base);
  switch (width) {
    case 0:
      std::fill_n(column.begin(), calls, base);
      break;
    case 1:
      TakeNumbers<uint8_t>(bytes.data(), more, calls, column);
      break;
    case 2:
      TakeNumbers<uint16_t>(bytes.data(), more, calls, column);
      break;
    case 4:
      TakeNumbers<uint32_t>(bytes.data(), more, calls, column);
      break;
    case 8:
      TakeNumbers<uint64_t>(bytes.data(), more, calls, column);
      break;
    default:
      return false;
  }
  bytes.remove_prefix(width * calls);
  return true;
}

}  // namespace

void StretchMeasures::Set(size_t number, const CallMeasures& call) {
  start_ns[number] = call.start_ns;
  // One byte; that of a shredded call is read as no reason is.
  end_reason[number] = static_cast<int64_t>(static_cast<uint64_t>(call.end_reason) & kReasonBits);
  if (call.end_reason == kShredded) end_reason[number] = kShredded;
  status[number] = call.status;
  duration_ns[number] = call.duration_ns;
  request_bytes[number] = call.request_bytes;
  response_bytes[number] = call.response_bytes;
}

std::string EncodeMeasures(const StretchMeasures& stretch) {
  std::string bytes(kMaxVarintSize + sizeof(int64_t), '\0');
  const int64_t first =
      *std::min_element(stretch.start_ns.begin(), stretch.start_ns.begin() + static_cast<ptrdiff_t>(stretch.calls));
  char* at = PutVarint(bytes.data(), stretch.calls);
  at = PutFixed(at, first);
  bytes.resize(static_cast<size_t>(at - bytes.data()));
  PutColumn(stretch.start_ns, first, stretch.calls, bytes);
  for (const auto column : kBehindStarts) PutColumn(stretch.*column, 0, stretch.calls, bytes);
  return bytes;
}

bool DecodeMeasures(std::string_view bytes, StretchMeasures& stretch) {
  uint64_t calls = 0;
  if (!TakeVarint(bytes, calls) || calls == 0 || calls > kCallsPerStretch || bytes.size() < sizeof(int64_t))
    return false;
  stretch.calls = calls;
  const auto first = GetFixed<int64_t>(bytes.data());
  bytes.remove_prefix(sizeof(int64_t));
  if (!TakeColumn(bytes, first, calls, stretch.start_ns)) return false;
  for (const auto column : kBehindStarts) {
    if (!TakeColumn(bytes, 0, calls, stretch.*column)) return false;
  }
  return bytes.empty();
}

}  // namespace sallyport::recorder
