#include "recorder/log/log_writer.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::recorder {

LogWriter::LogWriter(const StoreLayout& layout, uint64_t segment_bytes, FileCreator create_file, Start start)
    : layout_(layout),
      segment_bytes_(segment_bytes),
      create_file_(std::move(create_file)),
      store_id_(start.store_id),
      segment_(start.segment),
      next_sequence_(start.first_sequence),
      last_blocks_(std::move(start.open_calls)) {}

absl::Status LogWriter::Open(absl::Time now) { return BeginSegment(now); }

absl::Status LogWriter::BeginSegment(absl::Time now) {
  if (segment_ > kMaxSegmentNumber) return absl::ResourceExhaustedError("the log has no segment numbers left");
  absl::StatusOr<std::unique_ptr<File>> file = create_file_(layout_.Segment(segment_));
  if (!file.ok()) return file.status();
  file_ = *std::move(file);
  offset_ = 0;
  segment_first_sequence_ = next_sequence_;

  SegmentHeader header;
  header.store_id = store_id_;
  header.number = segment_;
  header.created_ns = absl::ToUnixNanos(now);
  header.first_sequence = next_sequence_;
  char bytes[kSegmentHeaderSize];
  header.Encode(bytes);
  if (absl::Status status = WriteSynced({bytes, sizeof(bytes)}); !status.ok()) return status;
  return SyncDirectory(layout_.LogDirectory());
}

absl::StatusOr<WrittenBlock> LogWriter::Append(absl::Span<const CallEntries> entries, absl::Time now) {
  if (offset_ >= segment_bytes_ && offset_ > kSegmentHeaderSize) {
    if (absl::Status status = EndSegment(now); !status.ok()) return status;
    ++segment_;
    if (absl::Status status = BeginSegment(now); !status.ok()) return status;
  }

  const Position position = end();
  FillDirectory(entries);
  builder_.Begin(directory_);
  for (const CallEntries& call : entries) builder_.AddBody(call.bytes, call.count);
  const uint64_t first_sequence = next_sequence_;
  next_sequence_ += builder_.entries();
  const std::string_view bytes = builder_.Finish(BlockType::kEntries, position, first_sequence);
  if (absl::Status status = WriteSynced(bytes); !status.ok()) return status;

  WrittenBlock written;
  written.position = position;
  written.end = end();
  written.next_sequence = next_sequence_;
  written.directory = directory_;
  written.body = builder_.body();
  return written;
}

void LogWriter::FillDirectory(absl::Span<const CallEntries> entries) {
  const Position position = end();
  directory_.clear();
  for (const CallEntries& call : entries) {
    auto [found, added] = last_blocks_.try_emplace(call.call_id);
    if (added || found->second != position) {
      directory_.push_back({call.call_id, found->second});
      found->second = position;
    }
  }
  // Only now, so that a call is named once even if something follows its end.
  for (const CallEntries& call : entries) {
    if (call.ends_call) last_blocks_.erase(call.call_id);
  }
}

absl::Status LogWriter::EndSegment(absl::Time now) {
  const std::string footer = EncodeFooter(end(), segment_first_sequence_, next_sequence_, now);
  if (absl::Status status = WriteSynced(footer); !status.ok()) return status;
  file_.reset();
  return absl::OkStatus();
}

absl::Status LogWriter::WriteSynced(std::string_view bytes) {
  if (absl::Status status = file_->Write(offset_, bytes); !status.ok()) return status;
  offset_ += bytes.size();
  bytes_written_ += bytes.size();
  return file_->Sync();
}

absl::Status LogWriter::Close(absl::Time now) { return EndSegment(now); }

}  // namespace sallyport::recorder
