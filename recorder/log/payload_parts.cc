#include "recorder/log/payload_parts.h"

#include <zstd.h>

#include <optional>
#include <utility>

#include "recorder/format/wire_encoding.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {
namespace {

constexpr int kCompressionLevel = 1;

// The fields that matter, and how they are written.
constexpr uint32_t kEntryFrame = FieldTag(v1::Entry::kFrameFieldNumber, WireType::kLengthDelimited);
constexpr uint32_t kFramePayload = FieldTag(v1::Frame::kPayloadFieldNumber, WireType::kLengthDelimited);
constexpr uint32_t kFramePart = FieldTag(v1::Frame::kPartFieldNumber, WireType::kLengthDelimited);
constexpr uint32_t kPartIndex = FieldTag(v1::PayloadPart::kIndexFieldNumber, WireType::kVarint);
constexpr uint32_t kPartLength = FieldTag(v1::PayloadPart::kLengthFieldNumber, WireType::kVarint);
constexpr uint32_t kPartCompressed = FieldTag(v1::PayloadPart::kCompressedFieldNumber, WireType::kVarint);
constexpr uint32_t kPartHash = FieldTag(v1::PayloadPart::kSha256FieldNumber, WireType::kLengthDelimited);
constexpr uint32_t kPartKey = FieldTag(v1::PayloadPart::kKeyFieldNumber, WireType::kLengthDelimited);

void AppendVarint(std::string& out, uint64_t value) {
  char bytes[kMaxVarintSize];
  out.append(bytes, static_cast<size_t>(PutVarint(bytes, value) - bytes));
}

void AppendNumber(std::string& out, uint64_t tag, uint64_t value) {
  if (value == 0) return;
  AppendVarint(out, tag);
  AppendVarint(out, value);
}

void AppendBytes(std::string& out, uint64_t tag, std::string_view value) {
  AppendVarint(out, tag);
  AppendVarint(out, value.size());
  out.append(value);
}

// An entry with one frame, and one field of that frame.
struct FoundFrame {
  std::string_view around_before;  // what stands before the frame in the entry, and behind
  std::string_view around_behind;
  std::string_view before;  // what stands before the field in the frame, and behind
  std::string_view behind;
  std::string_view content;  // of the field
};

// Nothing if the entry has no such field, or more than one.
std::optional<FoundFrame> FindInFrame(std::string_view entry, uint64_t tag) {
  FoundFrame found;
  std::string_view frame;
  WireField field;
  int frames = 0;
  for (std::string_view rest = entry; !rest.empty();) {
    if (!TakeField(rest, field)) return std::nullopt;
    if (field.tag != kEntryFrame) continue;
    ++frames;
    frame = field.content;
    found.around_before = entry.substr(0, static_cast<size_t>(field.whole.data() - entry.data()));
    found.around_behind = rest;
  }
  if (frames != 1) return std::nullopt;
  int fields = 0;
  for (std::string_view rest = frame; !rest.empty();) {
    if (!TakeField(rest, field)) return std::nullopt;
    if (field.tag != tag) continue;
    ++fields;
    found.before = frame.substr(0, static_cast<size_t>(field.whole.data() - frame.data()));
    found.behind = rest;
    found.content = field.content;
  }
  if (fields != 1) return std::nullopt;
  return found;
}

// Appends the entry, behind its length, with one field in place of the one that was found.
void AppendEntry(const FoundFrame& found, uint64_t tag, std::string_view content, std::string& out) {
  const size_t frame = found.before.size() + found.behind.size() +
                       (content.empty() ? 0 : VarintSize(tag) + VarintSize(content.size()) + content.size());
  AppendVarint(out, found.around_before.size() + found.around_behind.size() + VarintSize(kEntryFrame) +
                        VarintSize(frame) + frame);
  out.append(found.around_before);
  AppendVarint(out, kEntryFrame);
  AppendVarint(out, frame);
  out.append(found.before);
  if (!content.empty()) AppendBytes(out, tag, content);
  out.append(found.behind);
  out.append(found.around_behind);
}

// What a PayloadPart says.
struct PartRecord {
  uint64_t index = 0;
  uint64_t length = 0;
  bool compressed = false;
  std::string_view hash;
  std::string_view key;
};

bool ReadPart(std::string_view bytes, PartRecord& part) {
  WireField field;
  while (!bytes.empty()) {
    if (!TakeField(bytes, field)) return false;
    if (field.tag == kPartIndex) part.index = field.value;
    if (field.tag == kPartLength) part.length = field.value;
    if (field.tag == kPartCompressed) part.compressed = field.value != 0;
    if (field.tag == kPartHash) part.hash = field.content;
    if (field.tag == kPartKey) part.key = field.content;
  }
  return part.length <= kMaxBodySize && (part.key.empty() || part.key.size() == SecretKey::kSize);
}

// Replaces `payload` by what was sealed.
bool OpenPart(const PartRecord& part, std::string_view stored, std::string& payload) {
  std::string encoded;
  if (!Aes256Gcm(SecretKey(part.key)).Open({}, {}, stored, encoded)) return false;
  if (!part.compressed) {
    payload = std::move(encoded);
    return payload.size() == part.length;
  }
  payload.resize(part.length);
  const size_t size = ZSTD_decompress(payload.data(), payload.size(), encoded.data(), encoded.size());
  return ZSTD_isError(size) == 0 && size == part.length;
}

}  // namespace

void PartBuilder::Clear() {
  lines_.clear();
  bytes_.clear();
}

std::string PartBuilder::Table() const {
  if (lines_.empty()) return "";
  std::string table(PartTableSize(lines_.size()), '\0');
  PutFixed(table.data(), static_cast<uint32_t>(lines_.size()));
  for (size_t i = 0; i < lines_.size(); ++i) lines_[i].Encode(table.data() + PartTableSize(i));
  return table;
}

absl::Status PartBuilder::TakeApart(std::string_view entries, std::string& body) {
  if (entries.size() < smallest_) {
    body.append(entries);
    return absl::OkStatus();
  }
  while (!entries.empty()) {
    const std::string_view before = entries;
    std::string_view entry;
    if (!TakeLengthPrefixed(entries, entry)) return absl::InternalError("an entry is longer than what holds it");
    if (entry.size() < smallest_) {
      body.append(before.substr(0, before.size() - entries.size()));
    } else if (absl::Status status = AddPart(entry, body); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status PartBuilder::AddPart(std::string_view entry, std::string& body) {
  const std::optional<FoundFrame> frame = FindInFrame(entry, kFramePayload);
  if (!frame.has_value() || frame->content.empty() || frame->content.size() < smallest_) {
    AppendVarint(body, entry.size());
    body.append(entry);
    return absl::OkStatus();
  }
  char key[SecretKey::kSize];
  if (absl::Status status = random_(key, sizeof(key)); !status.ok()) return status;
  std::string_view encoded = frame->content;
  if (compressor_ != nullptr) {
    if (compressed_.size() < encoded.size()) compressed_.resize(encoded.size());
    const size_t size = ZSTD_compressCCtx(compressor_, compressed_.data(), encoded.size() - 1, encoded.data(),
                                          encoded.size(), kCompressionLevel);
    if (ZSTD_isError(size) == 0) encoded = std::string_view(compressed_).substr(0, size);
  }
  const size_t at = bytes_.size();
  Aes256Gcm(SecretKey({key, sizeof(key)})).Seal({}, {}, encoded, bytes_);
  const std::string_view stored = std::string_view(bytes_).substr(at);
  lines_.push_back({static_cast<uint32_t>(stored.size()), Sha256({stored})});

  std::string part;
  AppendNumber(part, kPartIndex, lines_.size() - 1);
  AppendNumber(part, kPartLength, frame->content.size());
  AppendNumber(part, kPartCompressed, encoded.data() == frame->content.data() ? 0 : 1);
  AppendBytes(part, kPartHash, AsText(lines_.back().hash));
  AppendBytes(part, kPartKey, {key, sizeof(key)});
  AppendEntry(*frame, kFramePart, part, body);
  Cleanse(key, sizeof(key));
  return absl::OkStatus();
}

absl::Status PutTogether(std::string_view parts, std::string& body) {
  const std::optional<std::vector<PartLine>> lines = ReadPartTable(parts);
  if (!lines.has_value()) return absl::DataLossError("the table of parts is damaged");
  std::vector<std::string_view> stored;
  size_t at = lines->empty() ? 0 : PartTableSize(lines->size());
  for (const PartLine& line : *lines) {
    stored.push_back(parts.substr(at, line.length));
    at += line.length;
    if (Sha256({stored.back()}) != line.hash) return absl::DataLossError("hash mismatch in a part");
  }
  std::string whole;
  std::string payload;
  std::string_view rest = body;
  while (!rest.empty()) {
    const std::string_view before = rest;
    std::string_view entry;
    if (!TakeLengthPrefixed(rest, entry)) return absl::DataLossError("an entry is longer than its block");
    const std::string_view as_it_is = before.substr(0, before.size() - rest.size());
    const std::optional<FoundFrame> frame = FindInFrame(entry, kFramePart);
    PartRecord part;
    if (!frame.has_value()) {
      whole.append(as_it_is);
      continue;
    }
    if (!ReadPart(frame->content, part)) return absl::DataLossError("what an entry says of its part makes no sense");
    if (part.index >= stored.size() || part.hash != AsText((*lines)[part.index].hash)) {
      return absl::DataLossError("an entry names a part that the block does not have");
    }
    if (part.key.empty()) {
      whole.append(as_it_is);
      continue;
    }
    if (whole.size() + part.length > 2 * kMaxBodySize) return absl::DataLossError("the payloads are too large");
    if (!OpenPart(part, stored[part.index], payload)) return absl::DataLossError("a part does not open with its key");
    AppendEntry(*frame, kFramePayload, payload, whole);
  }
  body = std::move(whole);
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
