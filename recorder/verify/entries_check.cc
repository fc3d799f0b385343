#include "recorder/verify/entries_check.h"

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "recorder/verify/part_opener.h"

namespace sallyport::recorder {

void EntriesCheck::Check(const CheckedBlock& block, const CheckedPayload& payload, const OpenedBody& body,
                         Report report) {
  named_.clear();
  for (uint32_t i = 0; i < block.calls; ++i) {
    const CheckedDirectoryLine line = DirectoryLine(block, payload.directory, i);
    named_.emplace(line.call_id, line);
  }
  met_.clear();
  parts_named_ = 0;
  for (size_t i = 0; i < body.entries.size(); ++i) {
    const std::string_view bytes = body.entries[i];
    entry_.Clear();
    // A kind of entry that is not known here is passed over; what is none of any kind is no entry.
    if (!entry_.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) ||
        (entry_.event_case() == v1::Entry::EVENT_NOT_SET && entry_.GetReflection()->GetUnknownFields(entry_).empty())) {
      report(absl::StrCat("entry ", i, " of the block is no entry"));
      continue;
    }
    TakeEntry(block, payload, i, report);
  }
  CompareCounts(block, payload, report);
}

void EntriesCheck::TakeEntry(const CheckedBlock& block, const CheckedPayload& payload, size_t index, Report report) {
  const uint64_t id = entry_.call_id();
  ++met_[id];
  const auto line = named_.find(id);
  if (line == named_.end()) {
    report(absl::StrCat("entry ", index, " is of call ", FormatId(id), ", which the directory does not name"));
    return;
  }
  if (const auto wrong = CheckPart(payload)) report(absl::StrCat("entry ", index, ": ", *wrong));
  PlacedCall& call = result_.parts[id];
  if (const std::string wrong = call.part.Take(entry_); !wrong.empty()) {
    report(absl::StrCat("call ", FormatId(id), " ", wrong));
  }
  if (entry_.has_start()) {
    call.started = block.position;
    // What goes on from an earlier block has started there. Elsewhere it may be whole, and is not looked at again.
    if (line->second.previous.set()) {
      report(absl::StrCat("call ", FormatId(id), " starts, and the directory names an earlier block of it"));
    }
  }
  if (entry_.has_end()) TakeEnd(block, call, report);
}

void EntriesCheck::TakeEnd(const CheckedBlock& block, PlacedCall& call, Report report) {
  const uint64_t id = entry_.call_id();
  CheckedDirectoryLine& line = named_.at(id);
  if (block.format != 2 && !line.ends) {
    report(absl::StrCat("call ", FormatId(id), " ends in the block, and the directory does not say so"));
  }
  line.ends = false;
  call.ended = block.position;
  if (!call.part.started()) return;
  if (const std::string wrong = call.part.CheckEnd(); !wrong.empty()) {
    report(absl::StrCat("call ", FormatId(call.part.stated().id()), " ", wrong));
  }
  ++result_.whole_calls;
  CountCall(plan_, call, result_.contents);
  result_.parts.erase(id);
}

std::optional<std::string> EntriesCheck::CheckPart(const CheckedPayload& payload) {
  if (!entry_.has_frame() || !entry_.frame().has_part()) return std::nullopt;
  const v1::PayloadPart& part = entry_.frame().part();
  if (!entry_.frame().payload().empty()) return "has a payload and a part";
  // In the order of the block, each once.
  if (part.index() != parts_named_++) return absl::StrCat("names part ", part.index(), " out of turn");
  if (part.index() >= payload.parts.size()) return absl::StrCat("names part ", part.index(), ", which is not there");
  return OpenPart(part, payload.parts[part.index()], payload_);
}

void EntriesCheck::CompareCounts(const CheckedBlock& block, const CheckedPayload& payload, Report report) const {
  if (met_.size() != named_.size()) report("the directory names a call that has no entry in the block");
  if (parts_named_ != payload.parts.size()) report("the block has a part that no entry names");
  if (block.format == 2) return;
  for (const auto& [id, line] : named_) {
    if (line.ends) report(absl::StrCat("the directory says that call ", FormatId(id), " ends in the block"));
    const auto met = met_.find(id);
    const uint32_t entries = met == met_.end() ? 0 : met->second;
    if (line.entries != entries) {
      report(absl::StrCat("the directory counts ", line.entries, " entries of call ", FormatId(id), ", and there are ",
                          entries));
    }
  }
}

}  // namespace sallyport::recorder
