#include "gateway/operations/events/event_cursor.h"

#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "recorder/system/file.h"

namespace sallyport::gateway {
namespace {

constexpr std::string_view kFirstLine = "sallyport-event-cursor 1\n";
constexpr size_t kMostBytes = 256;

// Takes "<name> <number>\n" from the front of `text`.
std::optional<uint64_t> TakeNumber(std::string_view& text, std::string_view name) {
  if (!text.starts_with(name) || text.size() <= name.size() || text[name.size()] != ' ') return std::nullopt;
  const std::string_view rest = text.substr(name.size() + 1);
  const size_t end = rest.find('\n');
  uint64_t number = 0;
  if (end == std::string_view::npos || !absl::SimpleAtoi(std::string(rest.substr(0, end)), &number))
    return std::nullopt;
  // Neither signs nor spaces nor leading zeros, which SimpleAtoi lets pass.
  if (absl::StrCat(number) != rest.substr(0, end)) return std::nullopt;
  text = rest.substr(end + 1);
  return number;
}

}  // namespace

std::string FormatEventCursor(const EventCursor& cursor) {
  return absl::StrCat(std::string(kFirstLine), "segment ", cursor.block.segment(), "\noffset ", cursor.block.offset(),
                      "\nsequence ", cursor.next_sequence, "\n");
}

absl::StatusOr<EventCursor> ParseEventCursor(std::string_view text) {
  if (!text.starts_with(kFirstLine)) return absl::DataLossError("does not begin as the cursor of a receiver of events");
  text.remove_prefix(kFirstLine.size());
  const std::optional<uint64_t> segment = TakeNumber(text, "segment");
  const std::optional<uint64_t> offset = segment.has_value() ? TakeNumber(text, "offset") : std::nullopt;
  const std::optional<uint64_t> sequence = offset.has_value() ? TakeNumber(text, "sequence") : std::nullopt;
  if (!sequence.has_value() || !text.empty()) return absl::DataLossError("is no whole cursor of a receiver of events");
  if (*segment > recorder::kMaxSegmentNumber || *offset >= recorder::kMaxSegmentSize) {
    return absl::DataLossError("names a place that no log has");
  }
  return EventCursor{recorder::Position(*segment, *offset), *sequence};
}

absl::StatusOr<EventCursor> LoadEventCursor(const std::string& path) {
  absl::StatusOr<std::string> text = recorder::ReadWholeFile(path, kMostBytes);
  if (absl::IsResourceExhausted(text.status())) return absl::DataLossError(absl::StrCat(path, " is too large"));
  if (!text.ok()) return text.status();
  absl::StatusOr<EventCursor> cursor = ParseEventCursor(*text);
  if (!cursor.ok()) return absl::DataLossError(absl::StrCat(path, " ", cursor.status().message()));
  return cursor;
}

absl::Status SaveEventCursor(const std::string& path, const EventCursor& cursor) {
  return recorder::ReplaceFile(recorder::RealFileSystem(), path, FormatEventCursor(cursor));
}

}  // namespace sallyport::gateway
