// A segment's header: the reader and the verifier parse it apart from each other, and must agree.
#include <xxhash.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "recorder/format/log_format.h"
#include "recorder/verify/header_check.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzSegmentHeader(std::string_view input) {
  // The first byte says whether the checksum is made to fit, which no fuzzer would find.
  if (input.empty()) return;
  const bool fits = input.front() % 2 == 0;
  input.remove_prefix(1);
  char bytes[kSegmentHeaderSize] = {};
  std::copy_n(input.begin(), std::min(input.size(), sizeof(bytes)), bytes);
  if (fits) {
    const uint64_t checksum = XXH3_64bits(bytes, sizeof(bytes) - 8);
    std::memcpy(bytes + sizeof(bytes) - 8, &checksum, 8);
  }
  const std::optional<SegmentHeader> header = SegmentHeader::Decode(bytes);
  CheckedSegment checked;
  const uint64_t number = LittleEndian(bytes + 32, 8);
  const std::optional<BadBytes> bad = CheckSegmentHeader({bytes, sizeof(bytes)}, number, nullptr, checked);
  Require(header.has_value() == !bad.has_value(), "reader and verifier take the same segment headers");
  if (bad.has_value()) {
    Require(bad->offset + bad->length <= sizeof(bytes), "what is bad is within the header");
    return;
  }
  Require(header->number == number && header->format == checked.format && header->leaf_index == checked.leaf_index &&
              header->first_sequence == checked.first_sequence && header->store_id == checked.store_id &&
              header->key_id == checked.key_id && header->tree_root == checked.tree_root,
          "reader and verifier read the same from a segment header");
  char again[kSegmentHeaderSize];
  header->Encode(again);
  Require(std::memcmp(bytes, again, sizeof(bytes)) == 0, "a segment header has one spelling");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzSegmentHeader)
