// A store that has keys, and segments as far as keys are concerned.
#ifndef SALLYPORT_TESTS_RECORDER_KEYS_STORE_WITH_KEYS_H_
#define SALLYPORT_TESTS_RECORDER_KEYS_STORE_WITH_KEYS_H_

#include <catch2/catch.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "recorder/format/log_format.h"
#include "recorder/keys/key_file.h"
#include "tests/recorder/keys_fixture.h"

namespace sallyport::recorder {

// A segment file with a header that names the data key kept for it and, if it is closed, a footer, and nothing between.
inline void PutSegment(const StoreLayout& layout, uint64_t number, std::optional<absl::Time> closed) {
  std::filesystem::create_directory(layout.LogDirectory());
  SegmentHeader header;
  header.number = number;
  header.created_ns = 1'000'000'000;
  if (const auto key = ReadKeyFile(layout.DataKey(number), KeyPurpose::Data(number)); key.ok()) {
    header.store_id = key->store_id;
    header.key_id = key->id;
  }
  char header_bytes[kSegmentHeaderSize];
  header.Encode(header_bytes);
  std::string bytes(header_bytes, sizeof(header_bytes));
  if (closed.has_value()) {
    SegmentFooter footer;
    footer.size = bytes.size();
    footer.closed_ns = absl::ToUnixNanos(*closed);
    char body[kFooterBodySize];
    footer.Encode(body);
    BlockHeader block;
    block.type = BlockType::kFooter;
    block.position = Position(number, bytes.size());
    block.stored_length = block.plain_length = sizeof(body);
    block.payload_hash = PayloadHash(block.format, "", {body, sizeof(body)}, "");
    char block_bytes[kBlockHeaderSize];
    block.Encode(block_bytes);
    bytes.append(block_bytes, sizeof(block_bytes));
    bytes.append(body, sizeof(body));
  }
  PutFile(layout.Segment(number), bytes);
}

inline absl::Time At(int seconds) { return absl::FromUnixSeconds(seconds); }

// A store with data keys for segments 1 to 3; what their keys are is in `keys`.
struct StoreWithKeys {
  StoreWithKeys() {
    auto opened = OpenKeys(directory, Access::kWrite);
    REQUIRE(opened.ok());
    for (uint64_t segment : {1, 2, 3}) {
      keys.emplace_back((*opened)->CreateDataKey(segment)->key.bytes());
    }
  }
  // Checks that all keys can be opened and are what they were.
  void CheckKeys(const std::optional<KeySource>& source = {}) const {
    auto opened = OpenKeys(directory, Access::kRead, source);
    INFO(opened.status());
    REQUIRE(opened.ok());
    for (uint64_t segment : {1, 2, 3}) {
      auto key = (*opened)->OpenDataKey(segment);
      INFO(key.status());
      REQUIRE(key.ok());
      REQUIRE(key->key.bytes() == keys[segment - 1]);
    }
  }

  KeysDirectory directory;
  std::vector<std::string> keys;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_KEYS_STORE_WITH_KEYS_H_
