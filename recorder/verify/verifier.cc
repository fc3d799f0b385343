#include "recorder/verify/verifier.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "recorder/crypto/text.h"
#include "recorder/format/store_check.h"
#include "recorder/format/store_layout.h"
#include "recorder/format/tree_state.h"
#include "recorder/format/unchecked_checkpoint.h"
#include "recorder/system/file.h"
#include "recorder/verify/checkpoint_check.h"
#include "recorder/verify/index_check.h"
#include "recorder/verify/index_rows.h"
#include "recorder/verify/log_join.h"
#include "recorder/verify/segment_check.h"

namespace sallyport::recorder {
namespace {

using Weight = Finding::Weight;

constexpr size_t kMaxKeyFileSize = size_t{64} << 10;
constexpr size_t kMaxCheckpointFileSize = kMaxNoteSize + (64 << 10);
constexpr uint64_t kProgressStep = uint64_t{16} << 20;

struct SegmentFile {
  uint64_t number = 0;
  uint64_t size = 0;
};

// Verifies one store. Lives for one verification.
class StoreVerifier {
 public:
  explicit StoreVerifier(const VerifyOptions& options)
      : options_(options), plan_(options.directory), layout_(options.directory) {}

  absl::StatusOr<VerifyReport> Verify();

 private:
  absl::Status ReadOwnKey();
  absl::Status ReadOptions();
  absl::Status ReadStoreId();
  absl::Status ReadCheckpoint();
  absl::Status OpenIndex();
  absl::Status ReadLeavesSize();
  absl::Status ListSegments();
  absl::Status CheckSegments();
  void CheckOneAfterAnother(std::atomic<size_t>& next);
  void TellProgress(uint64_t bytes);
  void CountUp(const LogJoin& log);
  void Finish(LogJoin& log);
  void Add(Weight weight, std::string file, std::string text, uint64_t offset = 0, uint64_t length = 0);

  const VerifyOptions& options_;
  SegmentCheckPlan plan_;
  const StoreLayout layout_;
  VerifyReport report_;
  SignedClaims claims_;
  std::unique_ptr<IndexedCalls> own_index_;
  IndexedCalls* index_ = nullptr;
  std::vector<SegmentFile> files_;
  std::vector<CheckedSegmentLog> segments_;
  std::vector<Finding> findings_;

  std::mutex mutex_;  // for what follows
  absl::Status failed_;
  VerifyProgress progress_;
  uint64_t told_ = 0;
};

void StoreVerifier::Add(Weight weight, std::string file, std::string text, uint64_t offset, uint64_t length) {
  findings_.push_back(
      {.weight = weight, .file = std::move(file), .offset = offset, .length = length, .text = std::move(text)});
}

absl::StatusOr<VerifyReport> StoreVerifier::Verify() {
  // A store that is not there, or not whole, is a finding; one of a newer program nothing can be said of.
  const absl::Status store = CheckStore(layout_);
  if (absl::IsPermissionDenied(store) || absl::IsFailedPrecondition(store)) return store;
  // What grows last is looked at first, so that a gateway that goes on writing does not look like damage.
  for (const auto step : {&StoreVerifier::ReadOptions, &StoreVerifier::ReadStoreId, &StoreVerifier::ReadCheckpoint,
                          &StoreVerifier::OpenIndex, &StoreVerifier::ReadLeavesSize, &StoreVerifier::ListSegments}) {
    if (absl::Status status = (this->*step)(); !status.ok()) return status;
  }
  if (absl::Status status = CheckSegments(); !status.ok()) return status;
  LogJoin log(plan_, claims_.checkpoint.has_value() ? claims_.checkpoint->checkpoint.size : 0);
  if (absl::Status status = log.Join(segments_); !status.ok()) return status;
  CountUp(log);
  CheckCheckpoints(claims_, plan_, segments_, log, report_, findings_);
  const absl::Status index = CheckIndex(plan_, segments_, log, index_, findings_);
  if (absl::IsDataLoss(index) && absl::StartsWith(index.message(), "index: ")) {
    Add(Weight::kError, "index/index.db", std::string(index.message()));
  } else if (!index.ok()) {
    return index;
  }
  report_.index_checked = index_ != nullptr;
  Finish(log);
  return std::move(report_);
}

// What the store says its key is: as good as the store, but it takes no other key to read.
absl::Status StoreVerifier::ReadOwnKey() {
  const StoreLayout layout(options_.directory);
  absl::StatusOr<std::string> text = ReadWholeFile(layout.VerifierKey(), 1024);
  if (absl::IsPermissionDenied(text.status())) return text.status();
  if (!text.ok()) return absl::OkStatus();  // then no signature is checked, which is noted where it would be
  while (!text->empty() && text->back() == '\n') text->pop_back();
  absl::StatusOr<VerifierKey> key = VerifierKey::Parse(*text);
  if (key.ok()) {
    claims_.key = *std::move(key);
  } else {
    Add(Weight::kError, "tree/verifier.key", std::string(key.status().message()));
  }
  return absl::OkStatus();
}

absl::Status StoreVerifier::ReadOptions() {
  plan_.keys = options_.keys;
  plan_.max_findings = options_.max_findings;
  if (absl::Status status = FillRandom(reinterpret_cast<char*>(&plan_.seed), sizeof(plan_.seed)); !status.ok()) {
    return status;
  }
  plan_.on_bytes = [this](uint64_t bytes) { TellProgress(bytes); };
  if (!options_.verifier_key.empty()) {
    absl::StatusOr<VerifierKey> key = VerifierKey::Parse(options_.verifier_key);
    if (!key.ok()) return key.status();
    claims_.key = *std::move(key);
    report_.key_was_given = true;
  } else if (options_.keys != nullptr) {
    absl::StatusOr<VerifierKey> key = CheckpointVerifierKey(options_.keys->store_id(), options_.keys->signing_key());
    if (!key.ok()) return key.status();
    claims_.key = *std::move(key);
  } else {
    if (absl::Status status = ReadOwnKey(); !status.ok()) return status;
  }
  if (!options_.against.empty()) {
    absl::StatusOr<UncheckedCheckpoint> note = UncheckedCheckpoint::Parse(options_.against);
    if (!note.ok()) return note.status();
    claims_.against = *std::move(note);
    plan_.wanted_sizes.push_back(claims_.against->checkpoint.size);
  }
  return absl::OkStatus();
}

absl::Status StoreVerifier::ReadStoreId() {
  const absl::Status store = CheckStore(layout_);
  const absl::StatusOr<std::string> text = ReadWholeFile(layout_.StoreKey(), kMaxKeyFileSize);
  if (!text.ok() && !store.ok()) return store;
  if (absl::IsNotFound(text.status())) {
    Add(Weight::kNote, "keys/store.key", "there is no such file: which store this is, only the log itself says");
    return absl::OkStatus();
  }
  if (!text.ok()) return text.status();
  for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
    if (!absl::StartsWith(line, "store ")) continue;
    const absl::string_view hex = line.substr(6);
    const std::string id = absl::HexStringToBytes(hex);
    if (id.size() != sizeof(StoreId) || hex != absl::BytesToHexString(id)) break;
    StoreId& store_id = plan_.store_id.emplace();
    std::copy(id.begin(), id.end(), store_id.begin());
    return absl::OkStatus();
  }
  Add(Weight::kError, "keys/store.key", "no line says which store it belongs to");
  return absl::OkStatus();
}

absl::Status StoreVerifier::ReadCheckpoint() {
  const absl::StatusOr<std::string> text = ReadWholeFile(layout_.Checkpoint(), kMaxCheckpointFileSize);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  absl::StatusOr<StoredCheckpoint> checkpoint = StoredCheckpoint::Parse(*text);
  if (!checkpoint.ok()) {
    Add(Weight::kError, "tree/checkpoint", std::string(checkpoint.status().message()), 0, text->size());
    return absl::OkStatus();
  }
  absl::StatusOr<UncheckedCheckpoint> note = UncheckedCheckpoint::Parse(checkpoint->checkpoint.note);
  if (!note.ok()) return note.status();
  claims_.checkpoint = *std::move(note);
  claims_.checkpoint_end = checkpoint->state.end;
  plan_.wanted_sizes.push_back(claims_.checkpoint->checkpoint.size);
  std::sort(plan_.wanted_sizes.begin(), plan_.wanted_sizes.end());
  plan_.wanted_sizes.erase(std::unique(plan_.wanted_sizes.begin(), plan_.wanted_sizes.end()), plan_.wanted_sizes.end());
  report_.has_checkpoint = true;
  report_.checkpoint_origin = claims_.checkpoint->checkpoint.origin;
  report_.checkpoint_size = claims_.checkpoint->checkpoint.size;
  return absl::OkStatus();
}

absl::Status StoreVerifier::OpenIndex() {
  index_ = options_.index;
  if (index_ == nullptr) {
    absl::StatusOr<std::unique_ptr<IndexedCalls>> index = OpenIndexedCalls(layout_, options_.keys);
    if (absl::IsNotFound(index.status())) return absl::OkStatus();
    if (absl::IsPermissionDenied(index.status())) return index.status();
    if (!index.ok()) {
      Add(Weight::kError, "index/index.db", std::string(index.status().message()));
      return absl::OkStatus();
    }
    own_index_ = *std::move(index);
    index_ = own_index_.get();
  }
  plan_.index_end = index_->end();
  return absl::OkStatus();
}

absl::Status StoreVerifier::ReadLeavesSize() {
  const absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout_.Leaves());
  if (absl::IsNotFound(file.status())) return absl::OkStatus();
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> size = file->Size();
  if (!size.ok()) return size.status();
  claims_.leaves_file_size = *size;
  plan_.leaves_size = *size / sizeof(Hash) * sizeof(Hash);
  return absl::OkStatus();
}

absl::Status StoreVerifier::ListSegments() {
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(layout_.LogDirectory());
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    const std::optional<uint64_t> number = ParseSegmentName(name);
    if (!number.has_value()) {
      Add(Weight::kNote, absl::StrCat("log/", absl::CHexEscape(name)), "not a segment's name: not looked at");
      continue;
    }
    files_.push_back({*number, 0});
  }
  std::sort(files_.begin(), files_.end(), [](const auto& a, const auto& b) { return a.number < b.number; });
  // From the end, since that is where a segment can be growing.
  for (size_t i = files_.size(); i-- > 0;) {
    const absl::StatusOr<ReadableFile> file = ReadableFile::Open(layout_.Segment(files_[i].number));
    if (!file.ok()) return file.status();
    const absl::StatusOr<uint64_t> size = file->Size();
    if (!size.ok()) return size.status();
    files_[i].size = *size;
    progress_.bytes_total += *size;
  }
  for (const SegmentFile& file : files_) plan_.segments.push_back(file.number);
  return absl::OkStatus();
}

absl::Status StoreVerifier::CheckSegments() {
  segments_.resize(files_.size());
  std::atomic<size_t> next = 0;
  const size_t jobs =
      std::clamp<size_t>(static_cast<size_t>(std::max(options_.jobs, 1)), 1, std::max<size_t>(files_.size(), 1));
  std::vector<std::thread> threads;
  for (size_t i = 1; i < jobs; ++i) threads.emplace_back([&] { CheckOneAfterAnother(next); });
  CheckOneAfterAnother(next);
  for (std::thread& thread : threads) thread.join();
  return failed_;
}

void StoreVerifier::CheckOneAfterAnother(std::atomic<size_t>& next) {
  for (size_t i = next++; i < files_.size(); i = next++) {
    const bool stopped = options_.stopped && options_.stopped();
    const absl::Status status = stopped ? absl::CancelledError("nobody waits for the verification any more")
                                        : CheckSegment(plan_, files_[i].number, files_[i].size, segments_[i]);
    if (status.ok()) continue;
    const std::lock_guard lock(mutex_);
    failed_.Update(absl::IsNotFound(status)
                       ? absl::AbortedError(absl::StrCat("segment ", files_[i].number,
                                                         " was deleted while the store was verified: begin again"))
                       : status);
    return;
  }
}

void StoreVerifier::TellProgress(uint64_t bytes) {
  if (!options_.progress) return;
  const std::lock_guard lock(mutex_);
  progress_.bytes_done += bytes;
  if (progress_.bytes_done - told_ < kProgressStep) return;
  told_ = progress_.bytes_done;
  options_.progress(progress_);
}

void StoreVerifier::CountUp(const LogJoin& log) {
  report_.segments = segments_.size();
  report_.deleted_segments = log.deleted_segments();
  for (const CheckedSegmentLog& segment : segments_) {
    report_.shredded_segments += segment.shredded ? 1 : 0;
    report_.segments_without_key += segment.without_key && !segment.shredded ? 1 : 0;
    report_.blocks += segment.blocks;
    report_.entries += segment.entries;
    report_.bytes += segment.end;
    report_.opened_blocks += segment.opened_blocks;
    report_.findings_left_out += segment.findings_left_out;
    if (segment.header.has_value()) report_.store_id = segment.header->store_id;
    if (!plan_.store_id.has_value() && segment.header.has_value() &&
        segment.header->store_id != segments_.front().header.value_or(*segment.header).store_id) {
      Add(Weight::kError, absl::StrFormat("log/%08d.seg", segment.number), "the segment is of another store", 16, 16);
    }
  }
  if (plan_.store_id.has_value()) report_.store_id = *plan_.store_id;
  report_.calls = log.whole_calls();
  report_.leaves = log.leaves();
  report_.root = log.root();
}

void StoreVerifier::Finish(LogJoin& log) {
  std::vector<Finding>& all = log.findings();
  all.insert(all.end(), findings_.begin(), findings_.end());
  // Errors first, so that none is left out for a note; otherwise as the log goes.
  std::stable_sort(all.begin(), all.end(), [](const Finding& a, const Finding& b) { return a.weight > b.weight; });
  // Those that were left out of a segment's are errors of the log.
  report_.log_errors = report_.findings_left_out;
  for (const Finding& finding : all) {
    if (finding.weight != Weight::kError) continue;
    ++(absl::StartsWith(finding.file, "index/") ? report_.index_errors : report_.log_errors);
  }
  if (all.size() > options_.max_findings) {
    report_.findings_left_out += all.size() - options_.max_findings;
    all.resize(options_.max_findings);
  }
  report_.findings = std::move(all);
}

}  // namespace

std::string Finding::Line() const {
  std::string line = file;
  if (length != 0) {
    absl::StrAppend(&line, ", offset ", offset);
    if (length > 1) absl::StrAppend(&line, " to ", offset + length - 1);
  } else if (offset != 0) {
    absl::StrAppend(&line, ", offset ", offset);
  }
  return absl::StrCat(line, ": ", text);
}

absl::StatusOr<VerifyReport> VerifyStore(const VerifyOptions& options) { return StoreVerifier(options).Verify(); }

}  // namespace sallyport::recorder
