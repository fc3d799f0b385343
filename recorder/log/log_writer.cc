#include "recorder/log/log_writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::recorder {
namespace {

// What a segment still needs when its last block is written: a footer.
constexpr uint64_t kFooterSpace = kBlockHeaderSize + kFooterBodySize;
// After a data key could not be made: a key command may block for half a minute before it fails.
constexpr absl::Duration kKeyRetry = absl::Minutes(1);

// So many zeros are written ahead at once, for blocks that are small against it.
constexpr uint64_t kZerosAhead = 1 << 20;
constexpr uint64_t kSmallBlock = kZerosAhead / 8;

}  // namespace

LogWriter::LogWriter(const LogPlace& place, const Options& options, FileSystem& files, StoreKeys& keys, Start start)
    : place_(place),
      options_(options),
      files_(files),
      keys_(keys),
      segment_(start.segment),
      next_sequence_(start.first_sequence),
      tree_(std::move(start.tree)),
      builder_(options.random, options.smallest_part) {
  for (const auto& [id, last] : start.open_calls) open_calls_.emplace(id, OpenCall{last});
}

absl::Status LogWriter::Open(absl::Time now) {
  absl::StatusOr<Segment> segment = Prepare(segment_, options_.space_ahead);
  if (!segment.ok()) return segment.status();
  return BeginSegment(*std::move(segment), now);
}

absl::StatusOr<LogWriter::Segment> LogWriter::Prepare(uint64_t number, uint64_t bytes) {
  if (number > kMaxSegmentNumber) return absl::FailedPreconditionError("the log has no segment numbers left");
  // The key first: a segment whose key is missing would be unreadable, a key without a segment harms nobody.
  absl::StatusOr<DataKey> key = keys_.CreateDataKey(number);
  if (!key.ok()) return key.status();
  const std::string path = place_.layout().NextSegment();
  if (absl::Status status = files_.Remove(path); !status.ok() && !absl::IsNotFound(status)) return status;
  absl::StatusOr<std::unique_ptr<File>> file = files_.Create(path);
  if (!file.ok()) return file.status();
  Segment segment;
  segment.file = *std::move(file);
  segment.header.number = number;
  segment.header.key_id = key->id;
  segment.cipher.emplace(key->key);
  segment.reserved = std::max(bytes + kFooterSpace, options_.space_ahead);
  if (absl::Status status = segment.file->Allocate(0, segment.reserved); !status.ok()) {
    segment.file.reset();
    const absl::Status removed = files_.Remove(path);
    return removed.ok() ? status : removed;
  }
  return segment;
}

absl::Status LogWriter::BeginSegment(Segment segment, absl::Time now) {
  SegmentHeader header = segment.header;
  header.store_id = keys_.store_id();
  header.created_ns = absl::ToUnixNanos(now);
  header.first_sequence = next_sequence_;
  header.leaf_index = tree_.end();
  header.tree_root = tree_.Root();
  file_ = std::move(segment.file);
  key_id_ = header.key_id;
  cipher_ = std::move(segment.cipher);
  reserved_ = segment.reserved;
  segment_ = header.number;
  offset_ = 0;
  zeroed_ = 0;
  segment_first_sequence_ = next_sequence_;

  char bytes[kSegmentHeaderSize];
  header.Encode(bytes);
  if (absl::Status status = WriteSynced({bytes, sizeof(bytes)}); !status.ok()) return status;
  // Only now it gets its name: no reader ever sees a segment without its header.
  const std::string path = place_.layout().Segment(segment_);
  if (absl::Status status = files_.Rename(place_.layout().NextSegment(), path); !status.ok()) return status;
  if (absl::Status status = files_.SyncDirectory(place_.layout().LogDirectory()); !status.ok()) return status;
  AddLeaf(LeafHash({bytes, sizeof(bytes)}));
  return absl::OkStatus();
}

absl::Status LogWriter::RollIfFull(absl::Time now) {
  if (offset_ < options_.segment_bytes || offset_ <= kSegmentHeaderSize) return absl::OkStatus();
  const bool may_go_on = offset_ < options_.most_segment_bytes;
  if (may_go_on && now < next_attempt_) return absl::OkStatus();
  const absl::Status begun = BeginNextSegment(now);
  if (begun.ok() || file_ == nullptr || !(absl::IsResourceExhausted(begun) || absl::IsUnavailable(begun))) return begun;
  // Without space for another, this one goes on: what is reserved in it is promised to calls that are open. Without a
  // key, too: what this one is sealed with is wrapped and on disk.
  if (may_go_on) return absl::OkStatus();
  return absl::Status(begun.code(),
                      absl::StrCat("segment ", segment_, " is as large as one can be, and the next one cannot ",
                                   "be begun: ", begun.message()));
}

absl::Status LogWriter::BeginNextSegment(absl::Time now) {
  absl::StatusOr<Segment> next = Prepare(segment_ + 1, space_left() + kSegmentHeaderSize);
  const bool keyless = absl::IsUnavailable(next.status());
  next_segment_ = keyless ? next.status() : absl::OkStatus();
  next_attempt_ = keyless ? now + kKeyRetry : absl::InfinitePast();
  if (!next.ok()) return next.status();
  // From here on no error is one after which the present segment can go on.
  absl::Status status = EndSegment(now);
  if (status.ok()) status = BeginSegment(*std::move(next), now);
  const bool taken_for_harmless = absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
  return taken_for_harmless ? absl::UnknownError(status.message()) : status;
}

absl::StatusOr<WrittenBlock> LogWriter::Append(absl::Span<const CallEntries> entries, absl::Time now) {
  if (absl::Status status = RollIfFull(now); !status.ok()) return status;
  const Position position = end();
  FillDirectory(entries);
  builder_.Begin(directory_);
  for (size_t i = 0; i < entries.size(); ++i) {
    const absl::Status added = builder_.AddEntries(entries[i].bytes, entries[i].count, end_counts_[i]);
    if (!added.ok()) return added;
  }
  absl::StatusOr<std::string_view> bytes = builder_.Finish(Here(), keys_.store_id(), key_id_, *cipher_);
  if (!bytes.ok()) return bytes.status();
  if (absl::Status status = WriteZerosAhead(bytes->size()); !status.ok()) return status;
  if (absl::Status status = WriteSynced(*bytes); !status.ok()) return status;
  next_sequence_ += builder_.entries();
  AddLeaf(builder_.leaf());

  WrittenBlock written;
  written.position = position;
  written.end = end();
  written.next_sequence = next_sequence_;
  written.directory = directory_;
  written.body = builder_.entries_bytes();
  return written;
}

absl::Status LogWriter::AppendTombstone(std::string_view tombstone, absl::Time now) {
  if (absl::Status status = RollIfFull(now); !status.ok()) return status;
  const PlainBlock block = EncodePlainBlock(BlockType::kTombstone, Here(), tombstone);
  if (absl::Status status = WriteSynced(block.bytes); !status.ok()) return status;
  AddLeaf(block.leaf);
  return absl::OkStatus();
}

void LogWriter::FillDirectory(absl::Span<const CallEntries> entries) {
  const Position position = end();
  directory_.clear();
  end_counts_.assign(entries.size(), 0);
  for (size_t i = 0; i < entries.size(); ++i) {
    const CallEntries& call = entries[i];
    auto [found, added] = open_calls_.try_emplace(call.call_id);
    OpenCall& open = found->second;
    if (added || open.last != position) {
      open.line = static_cast<uint32_t>(directory_.size());
      directory_.push_back({call.call_id, open.last});
      open.last = position;
    }
    DirectoryEntry& line = directory_[open.line];
    line.entries += call.count;
    line.ends = line.ends || call.ends_call;
    // Of a call that an earlier process began nobody has counted.
    if (added || open.entries != 0) open.entries += call.count;
    if (call.ends_call) end_counts_[i] = open.entries;
  }
  // Only now, so that a call is named once even if something follows its end.
  for (const CallEntries& call : entries) {
    if (call.ends_call) open_calls_.erase(call.call_id);
  }
}

absl::Status LogWriter::EndSegment(absl::Time now) {
  // The space taken ahead goes back first, so that nothing ever follows a footer.
  const PlainBlock footer = EncodeFooter(Here(), segment_first_sequence_, now);
  if (absl::Status status = file_->Truncate(offset_ + footer.bytes.size()); !status.ok()) return status;
  if (absl::Status status = file_->Sync(); !status.ok()) return status;
  if (absl::Status status = WriteSynced(footer.bytes); !status.ok()) return status;
  AddLeaf(footer.leaf);
  file_.reset();
  cipher_.reset();
  place_.segments().Seal(segment_);
  // What comes next comes in the next segment.
  ++segment_;
  offset_ = 0;
  reserved_ = 0;
  return absl::OkStatus();
}

absl::Status LogWriter::WriteSynced(std::string_view bytes) {
  if (absl::Status status = file_->Write(offset_, bytes); !status.ok()) return status;
  const auto began = std::chrono::steady_clock::now();
  if (absl::Status status = file_->Sync(); !status.ok()) return status;
  syncs_.Add(absl::FromChrono(std::chrono::steady_clock::now() - began));
  offset_ += bytes.size();
  bytes_written_ += bytes.size();
  return absl::OkStatus();
}

// Where space was only allocated, the file system notes with every sync how much of it is written now. Zeros that are
// there already make a sync cheaper by a third; written for many blocks together, they cost little themselves.
absl::Status LogWriter::WriteZerosAhead(uint64_t bytes) {
  static const std::string& zeros = *new std::string(kZerosAhead, '\0');
  const uint64_t from = offset_ + bytes;
  if (from <= zeroed_ || bytes > kSmallBlock) return absl::OkStatus();
  const uint64_t to = std::min(from + kZerosAhead, reserved_);
  if (to <= from) return absl::OkStatus();
  zeroed_ = to;
  return file_->Write(from, std::string_view(zeros).substr(0, to - from));
}

absl::Status LogWriter::Reserve(uint64_t bytes) {
  if (space_left() >= bytes + kFooterSpace) return absl::OkStatus();
  const uint64_t more = std::max(options_.space_ahead, bytes + kFooterSpace - space_left());
  const uint64_t from = std::max(reserved_, offset_);
  if (absl::Status status = file_->Allocate(from, more); !status.ok()) return status;
  reserved_ = from + more;
  return absl::OkStatus();
}

void LogWriter::AddLeaf(const Hash& leaf) {
  tree_.Append(leaf);
  leaves_.push_back(leaf);
}

absl::Status LogWriter::Close(absl::Time now) { return EndSegment(now); }

}  // namespace sallyport::recorder
