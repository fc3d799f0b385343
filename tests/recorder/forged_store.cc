#include "tests/recorder/forged_store.h"

#include <zstd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/wire_encoding.h"

namespace sallyport::recorder {
namespace {

constexpr uint64_t kStartNs = 1'767'323'045'000'000'000;

void Must(bool done) {
  if (!done) std::abort();
}

std::string Compress(const std::string& plain) {
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const size_t size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 1);
  Must(ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

}  // namespace

v1::Entry StartEntry(uint64_t call, std::string_view method) {
  v1::Entry entry;
  entry.set_call_id(call);
  entry.set_time_ns(kStartNs + call);
  v1::CallStart& start = *entry.mutable_start();
  start.set_method(std::string(method));
  start.set_authority("example.test");
  start.set_peer("ipv4:10.0.0.7:51514");
  start.set_session_id(7);
  start.set_upstream("payments");
  start.mutable_identity()->set_issuer("https://idp.test");
  start.mutable_identity()->set_subject("alice");
  start.mutable_identity()->set_proof(v1::PROOF_JWT);
  return entry;
}

v1::Entry FrameEntry(uint64_t call, v1::Direction direction, uint64_t index, std::string_view payload) {
  v1::Entry entry;
  entry.set_call_id(call);
  entry.set_time_ns(kStartNs + call + 1 + index);
  entry.mutable_frame()->set_direction(direction);
  entry.mutable_frame()->set_index(index);
  entry.mutable_frame()->set_payload(std::string(payload));
  return entry;
}

v1::Entry EndEntry(uint64_t call, uint64_t request_frames, uint64_t response_frames, uint64_t request_bytes,
                   uint64_t response_bytes) {
  v1::Entry entry;
  entry.set_call_id(call);
  entry.set_time_ns(kStartNs + call + 1000);
  v1::CallEnd& end = *entry.mutable_end();
  end.set_reason(v1::END_REASON_COMPLETED);
  end.set_request_frames(request_frames);
  end.set_response_frames(response_frames);
  end.set_request_bytes(request_bytes);
  end.set_response_bytes(response_bytes);
  end.set_duration_ns(1000);
  return entry;
}

std::vector<v1::Entry> WholeCall(uint64_t call, std::string_view payload) {
  std::vector<v1::Entry> entries = {StartEntry(call), FrameEntry(call, v1::DIRECTION_REQUEST, 0, payload),
                                    FrameEntry(call, v1::DIRECTION_RESPONSE, 0, payload),
                                    EndEntry(call, 1, 1, payload.size(), payload.size())};
  entries.back().mutable_end()->set_entries(4);
  return entries;
}

std::string SignNote(const StoreKeys& keys, uint64_t size, const Hash& root, std::string_view origin) {
  const std::string name =
      absl::StrCat("sallyport/", absl::BytesToHexString({keys.store_id().data(), keys.store_id().size()}));
  const std::string& public_key = keys.signing_key().public_key();
  const Hash id = Sha256({name, std::string_view("\n\x01", 2), public_key});
  const std::string_view of = origin.empty() ? std::string_view(name) : origin;
  const std::string text =
      absl::StrCat(View(of), "\n", size, "\n", absl::Base64Escape({root.data(), root.size()}), "\n");
  const std::string signature = std::string(id.data(), 4) + keys.signing_key().Sign(text);
  return absl::StrCat(text, "\n\xE2\x80\x94 ", name, " ", absl::Base64Escape(signature), "\n");
}

void ForgedStore::AddLeaf(std::string_view data, uint64_t end) {
  leaves_.push_back(LeafHash(data));
  tree_.Append(leaves_.back());
  states_.push_back({tree_, Position(number_, end), sequence_});
}

std::string ForgedStore::CheckpointAt(uint64_t size, const StoreKeys& signer) const {
  const TreeState& state = states_.at(size);
  StoredCheckpoint stored;
  stored.checkpoint.note = SignNote(signer, size, state.range.Root());
  stored.state = state;
  return stored.Format();
}

void ForgedStore::BeginSegment() {
  ++number_;
  SegmentHeader header;
  header.format = format_;
  header.store_id = keys_.store_id();
  header.number = number_;
  header.created_ns = kStartNs;
  header.first_sequence = sequence_;
  header.leaf_index = tree_.end();
  header.key_id = keys_.CreateDataKey(number_)->id;
  header.tree_root = tree_.Root();
  extents_[number_] = {tree_.end(), sequence_, 0, 0};
  if (lies.segment_header) lies.segment_header(header);
  char bytes[kSegmentHeaderSize];
  header.Encode(bytes);
  segments_[number_].assign(bytes, sizeof(bytes));
  AddLeaf({bytes, sizeof(bytes)}, sizeof(bytes));
}

void ForgedStore::Append(BlockHeader header, const std::string& directory, const std::string& plain,
                         const std::vector<std::string>& parts) {
  std::string& bytes = segments_[number_];
  std::string table;
  std::string behind;
  if (!parts.empty()) {
    table.resize(PartTableSize(parts.size()));
    PutFixed(table.data(), static_cast<uint32_t>(parts.size()));
    for (size_t i = 0; i < parts.size(); ++i) {
      PartLine line{static_cast<uint32_t>(parts[i].size()), Sha256({parts[i]})};
      if (lies.part) lies.part(line);
      line.Encode(table.data() + PartTableSize(i));
      behind += parts[i];
    }
  }
  header.format = format_;
  header.parts_length = static_cast<uint32_t>(table.size() + behind.size());
  header.position = {number_, bytes.size()};
  header.first_sequence = sequence_;
  header.leaf_index = tree_.end();
  header.plain_length = static_cast<uint32_t>(plain.size());
  std::string stored = plain;
  if (header.type == BlockType::kEntries) {
    const std::string compressed = Compress(plain);
    header.codec = compressed.size() < plain.size() ? Codec::kZstd : Codec::kPlain;
    const std::string& encoded = header.codec == Codec::kZstd ? compressed : plain;
    header.seal = Seal::kAes256Gcm;
    header.stored_length = static_cast<uint32_t>(encoded.size() + Aes256Gcm::kTagSize);
    Must(FillRandom(header.nonce.data(), header.nonce.size()).ok());
    if (lies.block_header) lies.block_header(header);
    char bound[kBlockHeaderSize];
    header.Encode(bound);
    const DataKey key = *keys_.CreateDataKey(number_);
    stored.clear();
    Aes256Gcm(key.key).Seal(header.nonce, SealAssociatedData(keys_.store_id(), key.id, bound), encoded, stored);
  }
  if (header.type != BlockType::kEntries) header.stored_length = static_cast<uint32_t>(stored.size());
  header.payload_hash = PayloadHash(format_, directory, stored, table);
  char encoded_header[kBlockHeaderSize];
  header.Encode(encoded_header);
  blocks_.push_back({number_, bytes.size(), kBlockHeaderSize + directory.size() + stored.size() + header.parts_length});
  bytes.append(encoded_header, sizeof(encoded_header));
  bytes += directory;
  bytes += stored;
  bytes += table;
  bytes += behind;
  sequence_ += header.entries;
  AddLeaf({encoded_header, sizeof(encoded_header)}, bytes.size());
}

void ForgedStore::TakePart(v1::Entry& entry, std::vector<std::string>& parts) const {
  if (!entry.has_frame() || entry.frame().payload().size() < smallest_part_) return;
  v1::Frame& frame = *entry.mutable_frame();
  v1::PayloadPart& part = *frame.mutable_part();
  std::string key(SecretKey::kSize, '\0');
  Must(FillRandom(key.data(), key.size()).ok());
  std::string sealed;
  Aes256Gcm(SecretKey(key)).Seal({}, {}, frame.payload(), sealed);
  part.set_index(static_cast<uint32_t>(parts.size()));
  part.set_length(frame.payload().size());
  part.set_sha256(std::string(AsText(Sha256({sealed}))));
  if (seal_part_keys_) {
    part.mutable_sealed_key()->set_key_id("a further key");
    part.mutable_sealed_key()->set_sealed(std::string(48, 's'));
  } else {
    part.set_key(key);
  }
  frame.clear_payload();
  parts.push_back(std::move(sealed));
}

ForgedStore::Block ForgedStore::AddEntries(const std::vector<v1::Entry>& entries) {
  const Position here(number_, segments_[number_].size());
  std::string seed(kSaltSeedSize, '\0');
  Must(FillRandom(seed.data(), seed.size()).ok());
  const std::string salts = Keystream(seed, entries.size() * kSaltSize);
  std::string plain = seed;
  std::vector<DirectoryEntry> lines;
  std::vector<Hash> leaves;
  std::vector<std::string> parts;
  for (v1::Entry entry : entries) {
    TakePart(entry, parts);
    const uint64_t id = entry.call_id();
    const bool ends = entry.has_end();
    if (lies.entry) lies.entry(entry);
    const std::string bytes = entry.SerializeAsString();
    char length[kMaxVarintSize];
    plain.append(length, PutVarint(length, bytes.size()));
    plain += bytes;
    leaves.push_back(LeafHash(salts.substr(leaves.size() * kSaltSize, kSaltSize) + bytes));
    auto line = std::find_if(lines.begin(), lines.end(), [&](const DirectoryEntry& one) { return one.call_id == id; });
    if (line == lines.end()) {
      line = lines.insert(line, {id, last_[id], more_entries_});
      last_[id] = here;
    }
    ++line->entries;
    if (ends) {
      line->ends = !hide_ends_;
      last_[id] = Position();
    }
  }
  if (lies.directory) lies.directory(lines);
  std::string directory;
  for (const DirectoryEntry& line : lines) {
    char bytes[kDirectoryEntrySize];
    line.Encode(bytes);
    directory.append(bytes, DirectoryEntrySize(format_));
  }
  BlockHeader header;
  header.entries = static_cast<uint32_t>(entries.size());
  header.calls = static_cast<uint32_t>(lines.size());
  header.entries_root = MerkleRoot(leaves);
  Append(header, directory, plain, parts);
  return blocks_.back();
}

void ForgedStore::AddTombstone(const v1::Tombstone& tombstone) {
  BlockHeader header;
  header.type = BlockType::kTombstone;
  Append(header, "", tombstone.SerializeAsString());
}

void ForgedStore::CloseSegment() {
  SegmentFooter footer;
  footer.entries = sequence_ - extents_[number_].first_sequence;
  footer.size = segments_[number_].size();
  footer.closed_ns = kStartNs;
  if (lies.footer) lies.footer(footer);
  char body[kFooterBodySize];
  footer.Encode(body);
  BlockHeader header;
  header.type = BlockType::kFooter;
  Append(header, "", {body, sizeof(body)});
  extents_[number_].end_leaf = tree_.end();
  extents_[number_].end_sequence = sequence_;
}

void ForgedStore::NameDeleted(uint64_t segment, v1::Tombstone& tombstone) const {
  const Extent& extent = extents_.at(segment);
  CompactRange range(extent.first_leaf);
  for (uint64_t i = extent.first_leaf; i < extent.end_leaf; ++i) range.Append(leaves_[i]);
  v1::Tombstone::Range& deleted = *tombstone.add_deleted();
  deleted.set_first_segment(segment);
  deleted.set_last_segment(segment);
  deleted.set_first_leaf(extent.first_leaf);
  deleted.set_end_leaf(extent.end_leaf);
  deleted.set_first_sequence(extent.first_sequence);
  deleted.set_end_sequence(extent.end_sequence);
  for (const Hash& node : range.nodes()) deleted.add_nodes(std::string(AsText(node)));
}

void ForgedStore::Write(const std::string& directory, const std::string& checkpoint) const {
  const StoreLayout layout(directory);
  std::filesystem::remove_all(directory);
  for (const std::string& part : {layout.LogDirectory(), layout.TreeDirectory(), layout.KeysDirectory()}) {
    std::filesystem::create_directories(part);
  }
  for (const auto& [number, bytes] : segments_) WriteFile(layout.Segment(number), bytes);
  std::string leaves;
  for (const Hash& leaf : leaves_) leaves += AsText(leaf);
  WriteFile(layout.Leaves(), leaves);
  WriteFile(layout.Checkpoint(), checkpoint);
  const StoreId& id = keys_.store_id();
  WriteFile(layout.StoreKey(), absl::StrCat("sallyport-key 1\nstore ", absl::BytesToHexString({id.data(), id.size()}),
                                            "\npurpose store\n"));
}

void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace sallyport::recorder
