// Makes stores byte by byte, good ones and forged ones: what somebody can who knows the format and, where a test says
// so, the keys.
#ifndef SALLYPORT_TESTS_RECORDER_FORGED_STORE_H_
#define SALLYPORT_TESTS_RECORDER_FORGED_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/crypto/crypto.h"
#include "recorder/crypto/merkle.h"
#include "recorder/format/log_format.h"
#include "recorder/format/tree_state.h"
#include "recorder/keys/store_keys.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// Keys without a keyring. A segment whose key was destroyed has none.
class FakeStoreKeys : public StoreKeys {
 public:
  explicit FakeStoreKeys(char seed) : secret_(std::string(32, seed)), signing_key_(secret_.Derive("signing")) {
    store_id_.fill(seed);
  }
  const StoreId& store_id() const override { return store_id_; }
  SecretKey Derive(std::string_view purpose) const override { return secret_.Derive(purpose); }
  const SigningKey& signing_key() const override { return signing_key_; }
  absl::StatusOr<DataKey> CreateDataKey(uint64_t segment) override { return Make(segment); }
  absl::StatusOr<DataKey> OpenDataKey(uint64_t segment) override {
    if (destroyed.count(segment) != 0) return absl::NotFoundError("the key was destroyed");
    if (damaged.count(segment) != 0) return absl::DataLossError("the key is damaged");
    return Make(segment);
  }
  absl::StatusOr<bool> WasRotated() override { return false; }

  std::map<uint64_t, bool> destroyed;
  std::map<uint64_t, bool> damaged;

 private:
  DataKey Make(uint64_t segment) const {
    DataKey key{{}, secret_.Derive("data " + std::to_string(segment))};
    key.id.fill(static_cast<char>(segment));
    return key;
  }

  const SecretKey secret_;
  const SigningKey signing_key_;
  StoreId store_id_ = {};
};

v1::Entry StartEntry(uint64_t call, std::string_view method = "/shop.Orders/Get");
v1::Entry FrameEntry(uint64_t call, v1::Direction direction, uint64_t index, std::string_view payload);
v1::Entry EndEntry(uint64_t call, uint64_t request_frames, uint64_t response_frames, uint64_t request_bytes,
                   uint64_t response_bytes);
// A unary call: start, a frame each way, end.
std::vector<v1::Entry> WholeCall(uint64_t call, std::string_view payload = "payload");

// A signed checkpoint. It may call itself one of another log than the one whose key signs it.
std::string SignNote(const StoreKeys& keys, uint64_t size, const Hash& root, std::string_view origin = {});

// Builds a log in memory and writes it as a store. Everything in it holds together, whatever its entries say.
class ForgedStore {
 public:
  explicit ForgedStore(StoreKeys& keys) : keys_(keys) {}

  // Of the segments that begin from now on.
  void SetFormat(uint16_t format) { format_ = format; }
  // What the directories of the blocks that follow say of how many entries a call has in them: so many more.
  void SetDirectoryLie(uint32_t more_entries, bool hide_ends) {
    more_entries_ = more_entries;
    hide_ends_ = hide_ends;
  }
  // Changes what is said, each time before it is hashed, sealed and made a leaf. May be empty.
  struct Lies {
    std::function<void(SegmentHeader&)> segment_header;
    std::function<void(BlockHeader&)> block_header;  // of a block with entries; once its lengths are known
    std::function<void(SegmentFooter&)> footer;
    std::function<void(std::vector<DirectoryEntry>&)> directory;
    std::function<void(v1::Entry&)> entry;  // what directory and tree say of it stays
    std::function<void(PartLine&)> part;    // of the table; the part itself stays
  };
  Lies lies;
  // Entries with payloads from this size on get them as parts.
  void SetSmallestPart(size_t bytes) { smallest_part_ = bytes; }
  // Their keys are sealed under a further key, which nobody has.
  void SealPartKeys() { seal_part_keys_ = true; }

  struct Block {
    uint64_t segment = 0;
    uint64_t offset = 0;
    uint64_t size = 0;
  };

  void BeginSegment();
  Block AddEntries(const std::vector<v1::Entry>& entries);
  // The next block with entries of the call says that this was the one before.
  void Relink(uint64_t call, Position previous) { last_[call] = previous; }
  // The next entry has a number so much larger, or, where it is negative, so much smaller.
  void SkipNumbers(int64_t count) { sequence_ += static_cast<uint64_t>(count); }
  void AddTombstone(const v1::Tombstone& tombstone);
  void CloseSegment();
  // Takes a closed segment away and says so in the tombstone, which still has to be added.
  void Delete(uint64_t segment, v1::Tombstone& tombstone) {
    NameDeleted(segment, tombstone);
    segments_.erase(segment);
  }
  // Says so and leaves it where it is.
  void NameDeleted(uint64_t segment, v1::Tombstone& tombstone) const;

  // The bytes of a segment, to change them.
  std::string& segment(uint64_t number) { return segments_.at(number); }
  const std::vector<Block>& blocks() const { return blocks_; }
  uint64_t size() const { return tree_.end(); }
  Hash root() const { return tree_.Root(); }
  // A signed note about the log as it is, and as it was at a size.
  std::string Note() const { return SignNote(keys_, size(), root()); }
  std::string NoteAt(uint64_t size) const { return SignNote(keys_, size, states_.at(size).range.Root()); }
  // What tree/checkpoint holds then, signed by `signer`.
  std::string CheckpointAt(uint64_t size, const StoreKeys& signer) const;
  std::string CheckpointAt(uint64_t size) const { return CheckpointAt(size, keys_); }
  const std::vector<Hash>& leaves() const { return leaves_; }

  // Writes everything, with a checkpoint over all of it unless another is given.
  void Write(const std::string& directory) const { Write(directory, CheckpointAt(size())); }
  void Write(const std::string& directory, const std::string& checkpoint) const;

 private:
  struct Extent {
    uint64_t first_leaf = 0;
    uint64_t first_sequence = 0;
    uint64_t end_leaf = 0;
    uint64_t end_sequence = 0;
  };

  void Append(BlockHeader header, const std::string& directory, const std::string& plain,
              const std::vector<std::string>& parts = {});
  // Takes the payload out of the entry.
  void TakePart(v1::Entry& entry, std::vector<std::string>& parts) const;
  void AddLeaf(std::string_view data, uint64_t end);

  StoreKeys& keys_;
  std::map<uint64_t, std::string> segments_;
  std::map<uint64_t, Extent> extents_;
  std::map<uint64_t, Position> last_;  // block of each open call
  std::vector<Block> blocks_;
  std::vector<Hash> leaves_;
  std::vector<TreeState> states_ = {TreeState()};  // by size
  CompactRange tree_;
  uint64_t number_ = 0;
  uint64_t sequence_ = 1;
  uint16_t format_ = kFormatVersion;
  uint32_t more_entries_ = 0;
  bool hide_ends_ = false;
  size_t smallest_part_ = SIZE_MAX;
  bool seal_part_keys_ = false;
};

void WriteFile(const std::string& path, std::string_view bytes);
std::string ReadFile(const std::string& path);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_FORGED_STORE_H_
