#include "recorder/verify/index_check.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/crypto/text.h"
#include "recorder/format/call_id.h"

namespace sallyport::recorder {
namespace {

// So many lines of directories at a time are in memory: about 100 MB.
constexpr uint64_t kLinesAtATime = 2'000'000;
constexpr size_t kMaxFindings = 100;

std::string Text(Position position) {
  return absl::StrCat("offset ", position.offset(), " of segment ", position.segment());
}

uint64_t PartOf(uint64_t call_id, uint64_t parts) { return XXH3_64bits(&call_id, sizeof(call_id)) % parts; }

// What is known of one call's blocks, up to where the log has been read.
struct Chain {
  Position last;
  Position closed;     // the last block of the chain before this one, if the call has begun another
  bool ended = false;  // its end is in the last block, or that is of a format which does not say
  bool from_deleted = false;
  bool has_row = false;
};

class IndexCheck {
 public:
  IndexCheck(const SegmentCheckPlan& plan, const std::vector<CheckedSegmentLog>& segments, const LogJoin& log,
             IndexedCalls* index, std::vector<Finding>& findings)
      : plan_(plan), segments_(segments), log_(log), index_(index), findings_(findings) {}

  absl::Status Check();

 private:
  // Whether the sums over the index's rows are those over the log. False also where that cannot be said.
  absl::Status CompareSums(bool& places, bool& contents);
  absl::Status FollowChains(uint64_t part, uint64_t parts);
  absl::Status ReadDirectories(const CheckedSegmentLog& segment,
                               const std::function<absl::Status(const CheckedBlock&, std::string_view)>& take);
  absl::Status CompareRows(uint64_t part, uint64_t parts);
  void CompareRow(const IndexedCalls::Row& row);
  absl::Status CompareContents(uint64_t part, uint64_t parts);
  void TakeLine(const CheckedBlock& block, size_t index, const CheckedDirectoryLine& line);
  void AddToLog(Position block, uint64_t offset, std::string text);
  void AddToIndex(std::string text, Finding::Weight weight = Finding::Weight::kError);
  // Whether the log was not read at a place where there may be a block: its segment is damaged there or before.
  bool IsUnread(Position position) const;

  const SegmentCheckPlan& plan_;
  const std::vector<CheckedSegmentLog>& segments_;
  const LogJoin& log_;
  IndexedCalls* const index_;
  std::vector<Finding>& findings_;
  absl::flat_hash_map<uint64_t, Chain> chains_;
  bool all_read_ = true;      // no directory is missing because of damage
  uint64_t unread_rows_ = 0;  // that say of places in the log what could not be checked
};

void IndexCheck::AddToLog(Position block, uint64_t offset, std::string text) {
  // However much is wrong with the index, what is wrong with the log has room.
  if (findings_.size() >= 2 * kMaxFindings) return;
  Finding finding;
  finding.file = absl::StrFormat("log/%08d.seg", block.segment());
  finding.segment = block.segment();
  finding.offset = block.offset() + kBlockHeaderSize + offset;
  finding.length = 8;
  finding.text = std::move(text);
  findings_.push_back(std::move(finding));
}

void IndexCheck::AddToIndex(std::string text, Finding::Weight weight) {
  if (findings_.size() >= kMaxFindings) return;
  Finding finding;
  finding.weight = weight;
  finding.file = "index/index.db";
  finding.text = std::move(text);
  findings_.push_back(std::move(finding));
}

bool IndexCheck::IsUnread(Position position) const {
  const auto segment =
      std::lower_bound(segments_.begin(), segments_.end(), position.segment(),
                       [](const CheckedSegmentLog& each, uint64_t number) { return each.number < number; });
  if (segment == segments_.end() || segment->number != position.segment()) return false;
  return !segment->header.has_value() || (segment->stopped.has_value() && position.offset() >= segment->end);
}

absl::Status IndexCheck::Check() {
  uint64_t lines = 0;
  uint64_t blocks_behind = 0;
  for (const CheckedSegmentLog& segment : segments_) {
    const bool to_its_end = &segment == &segments_.back() ? !segment.valid_block_behind : !segment.stopped.has_value();
    all_read_ = all_read_ && segment.header.has_value() && to_its_end;
    lines += segment.directory_lines;
    blocks_behind += segment.blocks_behind_index;
  }
  bool places_agree = false;
  bool contents_agree = true;
  if (index_ != nullptr) {
    if (log_.complete() && index_->end() > log_.end() && index_->end().segment() <= log_.end().segment()) {
      AddToIndex(absl::StrCat("the index knows the log up to ", Text(index_->end()), ", and the log ends at ",
                              Text(log_.end())));
    }
    if (blocks_behind != 0) {
      AddToIndex(absl::StrCat("the index knows the log up to ", Text(index_->end()), ": ", blocks_behind,
                              blocks_behind == 1 ? " block behind that is" : " blocks behind that are",
                              " not in it yet, and no search finds what is in ", blocks_behind == 1 ? "it" : "them"),
                 Finding::Weight::kNote);
    }
    if (absl::Status status = CompareSums(places_agree, contents_agree); !status.ok()) return status;
  }
  const uint64_t parts = lines / kLinesAtATime + 1;
  if (!places_agree || blocks_behind != 0) {
    for (uint64_t part = 0; part < parts; ++part) {
      if (absl::Status status = FollowChains(part, parts); !status.ok()) return status;
    }
  }
  if (unread_rows_ != 0) {
    AddToIndex(absl::StrCat("of ", unread_rows_, unread_rows_ == 1 ? " call" : " calls",
                            " in the index nothing can be said: the log is damaged where the index says they are"),
               Finding::Weight::kNote);
  }
  if (contents_agree || plan_.keys == nullptr) return absl::OkStatus();
  for (uint64_t part = 0; part < parts; ++part) {
    if (absl::Status status = CompareContents(part, parts); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status IndexCheck::CompareSums(bool& places, bool& contents) {
  SetSum rows(plan_.seed);
  SetSum stated(plan_.seed);
  bool all_are_stated = true;
  bool all_are_somewhere = true;  // in a segment that is there, or was
  const absl::Status status = index_->ForEach([&](const IndexedCalls::Row& row) {
    if (plan_.Has(row.last.segment())) {
      rows.Add(row.id, row.last);
    } else {
      all_are_somewhere = all_are_somewhere && log_.IsDeleted(row.last.segment());
    }
    if (row.stated.has_value()) {
      stated.Add(row.stated->Canonical());
    } else {
      all_are_stated = false;
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  places = all_are_somewhere && rows == log_.places();
  contents = log_.all_opened() && all_are_stated && stated == log_.contents();
  return absl::OkStatus();
}

absl::Status IndexCheck::ReadDirectories(
    const CheckedSegmentLog& segment, const std::function<absl::Status(const CheckedBlock&, std::string_view)>& take) {
  if (!segment.header.has_value()) return absl::OkStatus();
  absl::StatusOr<ReadableFile> file = ReadableFile::Open(plan_.layout.Segment(segment.number));
  if (!file.ok()) return file.status();
  SegmentWindow window(*std::move(file), segment.end);
  uint64_t at = kSegmentHeaderSize;
  while (at < segment.end) {
    absl::StatusOr<std::string_view> bytes = window.At(at, kBlockHeaderSize);
    if (!bytes.ok()) return bytes.status();
    CheckedBlock block;
    if (bytes->size() < kBlockHeaderSize || CheckBlockHeader(*bytes, std::nullopt, block).has_value()) {
      return absl::AbortedError("the log changed while it was verified");
    }
    bytes = window.At(at + kBlockHeaderSize, block.directory_size());
    if (!bytes.ok()) return bytes.status();
    if (bytes->size() < block.directory_size()) return absl::AbortedError("the log changed while it was verified");
    if (absl::Status status = take(block, *bytes); !status.ok()) return status;
    at += kBlockHeaderSize + block.payload_size();
  }
  return absl::OkStatus();
}

absl::Status IndexCheck::FollowChains(uint64_t part, uint64_t parts) {
  chains_.clear();
  bool compared = index_ == nullptr;
  for (const CheckedSegmentLog& segment : segments_) {
    const absl::Status status =
        ReadDirectories(segment, [&](const CheckedBlock& block, std::string_view directory) -> absl::Status {
          if (!compared && block.position >= plan_.index_end) {
            compared = true;
            if (absl::Status compare = CompareRows(part, parts); !compare.ok()) return compare;
          }
          for (uint32_t i = 0; i < block.calls; ++i) {
            const CheckedDirectoryLine line = DirectoryLine(block, directory, i);
            if (PartOf(line.call_id, parts) == part) TakeLine(block, i, line);
          }
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
  }
  return compared ? absl::OkStatus() : CompareRows(part, parts);
}

void IndexCheck::TakeLine(const CheckedBlock& block, size_t index, const CheckedDirectoryLine& line) {
  const auto [found, fresh] = chains_.try_emplace(line.call_id);
  Chain& chain = found->second;
  const uint64_t offset = index * block.line_size() + sizeof(uint64_t);
  if (!line.previous.set()) {
    if (chain.last.set() && !chain.ended && all_read_) {
      AddToLog(block.position, offset,
               absl::StrCat("the directory says that call ", FormatId(line.call_id), " was in no block before, and it ",
                            "was in the one at ", Text(chain.last), ", where it did not end"));
    }
    chain.closed = chain.last;
  } else if (!plan_.Has(line.previous.segment())) {
    chain.from_deleted = true;
    if (!log_.IsDeleted(line.previous.segment())) {
      AddToLog(block.position, offset,
               absl::StrCat("the directory names an earlier block of call ", FormatId(line.call_id), " at ",
                            Text(line.previous), ", and there is no such segment"));
    }
  } else if (line.previous != chain.last && !IsUnread(line.previous)) {
    AddToLog(block.position, offset,
             absl::StrCat("the directory says that call ", FormatId(line.call_id), " was last in the block at ",
                          Text(line.previous), ", and it was ",
                          fresh ? "in none" : absl::StrCat("in the one at ", Text(chain.last))));
  }
  chain.last = block.position;
  chain.ended = line.ends || block.format == 2;
}

void IndexCheck::CompareRow(const IndexedCalls::Row& row) {
  if (!plan_.Has(row.last.segment())) {
    if (log_.IsDeleted(row.last.segment())) return;
    AddToIndex(absl::StrCat("the index says that call ", FormatId(row.id), " is at ", Text(row.last),
                            ", and there is no such segment"));
    return;
  }
  const auto found = chains_.find(row.id);
  if (IsUnread(row.last)) {
    ++unread_rows_;
    if (found != chains_.end()) found->second.has_row = true;
    return;
  }
  if (found == chains_.end()) {
    AddToIndex(absl::StrCat("the index lists call ", FormatId(row.id), ", of which the log has nothing"));
    return;
  }
  Chain& chain = found->second;
  chain.has_row = true;
  // The row of an open call may lag behind, and what follows an end is not the row's business.
  if (row.last == chain.last || row.last == chain.closed || (row.open && row.last < chain.last)) return;
  AddToIndex(absl::StrCat("the index says that call ", FormatId(row.id), " is last in the block at ", Text(row.last),
                          ", and it is in the one at ", Text(chain.last)));
}

absl::Status IndexCheck::CompareRows(uint64_t part, uint64_t parts) {
  const absl::Status status = index_->ForEach([&](const IndexedCalls::Row& row) {
    if (PartOf(row.id, parts) == part) CompareRow(row);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  for (const auto& [id, chain] : chains_) {
    if (chain.has_row || chain.from_deleted) continue;
    AddToIndex(
        absl::StrCat("the log has call ", FormatId(id), " at ", Text(chain.last), ", and the index does not list it"));
  }
  return absl::OkStatus();
}

absl::Status IndexCheck::CompareContents(uint64_t part, uint64_t parts) {
  absl::flat_hash_map<uint64_t, uint64_t> digests;
  const auto digest = [](const StatedCall& call) {
    const std::string text = call.Canonical();
    return XXH3_64bits(text.data(), text.size());
  };
  SegmentCheckPlan plan = plan_;
  plan.on_bytes = nullptr;
  plan.on_call = [&](const StatedCall& call) {
    if (PartOf(call.id(), parts) == part) digests[call.id()] = digest(call);
  };
  std::vector<CheckedSegmentLog> again(segments_.size());
  for (size_t i = 0; i < again.size(); ++i) {
    if (absl::Status status = CheckSegment(plan, segments_[i].number, segments_[i].size, again[i]); !status.ok()) {
      return status;
    }
  }
  LogJoin log(plan, 0);
  if (absl::Status status = log.Join(again); !status.ok()) return status;
  return index_->ForEach([&](const IndexedCalls::Row& row) {
    const auto found = digests.find(row.id);
    if (found == digests.end()) return absl::OkStatus();
    if (!row.stated.has_value()) {
      AddToIndex(absl::StrCat("the index lists call ", FormatId(row.id), " as shredded, and it can be read"));
    } else if (digest(*row.stated) != found->second) {
      AddToIndex(absl::StrCat("the index says of call ", FormatId(row.id), " what its entries do not say"));
    }
    return absl::OkStatus();
  });
}

}  // namespace

absl::Status CheckIndex(const SegmentCheckPlan& plan, const std::vector<CheckedSegmentLog>& segments,
                        const LogJoin& log, IndexedCalls* index, std::vector<Finding>& findings) {
  return IndexCheck(plan, segments, log, index, findings).Check();
}

}  // namespace sallyport::recorder
