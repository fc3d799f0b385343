#include "recorder/verify/checkpoint_check.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

using Weight = Finding::Weight;

// Lives for one verification.
class CheckpointsCheck {
 public:
  CheckpointsCheck(const SignedClaims& claims, const SegmentCheckPlan& plan,
                   const std::vector<CheckedSegmentLog>& segments, const LogJoin& log, VerifyReport& report,
                   std::vector<Finding>& findings)
      : claims_(claims), plan_(plan), segments_(segments), log_(log), report_(report), findings_(findings) {}

  void CompareCheckpoint();
  void CompareEarlier();
  void CompareLeavesSize();

 private:
  void CheckSignature();
  void ComparePlace(const RootAt& at);
  void Add(Weight weight, std::string file, std::string text, uint64_t offset = 0, uint64_t length = 0);

  const SignedClaims& claims_;
  const SegmentCheckPlan& plan_;
  const std::vector<CheckedSegmentLog>& segments_;
  const LogJoin& log_;
  VerifyReport& report_;
  std::vector<Finding>& findings_;
};

void CheckpointsCheck::Add(Weight weight, std::string file, std::string text, uint64_t offset, uint64_t length) {
  findings_.push_back(
      {.weight = weight, .file = std::move(file), .offset = offset, .length = length, .text = std::move(text)});
}

void CheckpointsCheck::CheckSignature() {
  constexpr char kFile[] = "tree/checkpoint";
  const UncheckedCheckpoint& note = *claims_.checkpoint;
  const std::string origin = CheckpointOrigin(report_.store_id);
  if (note.checkpoint.origin != origin) {
    Add(Weight::kError, kFile,
        absl::StrCat("the checkpoint is of the log \"", absl::CHexEscape(note.checkpoint.origin), "\", not of ",
                     origin));
  }
  if (!claims_.key.has_value()) {
    Add(Weight::kNote, kFile, "its signature was not checked: there is no key to check it with; --key names one");
    return;
  }
  if (absl::Status status = note.CheckSignature(*claims_.key); !status.ok()) {
    Add(Weight::kError, kFile, std::string(status.message()));
    return;
  }
  report_.checkpoint_key = claims_.key->Text();
}

void CheckpointsCheck::CompareCheckpoint() {
  constexpr char kFile[] = "tree/checkpoint";
  if (!claims_.checkpoint.has_value()) {
    // One that is damaged was told where it was read.
    if (FileExists(plan_.layout.Checkpoint())) return;
    // A gateway signs one before it serves the first call.
    const bool was_there = std::any_of(segments_.begin(), segments_.end(),
                                       [](const CheckedSegmentLog& segment) { return segment.entries > 0; });
    Add(was_there ? Weight::kError : Weight::kNote, kFile,
        was_there ? "there is no checkpoint, although there are calls in the log: it was taken away, and nothing shows "
                    "that the log is whole"
                  : "there is no checkpoint: nobody has signed what is in the log");
    return;
  }
  const Checkpoint& note = claims_.checkpoint->checkpoint;
  CheckSignature();
  const auto found = log_.roots().find(note.size);
  if (found == log_.roots().end()) {
    if (log_.complete() && log_.leaves() < note.size) {
      Add(Weight::kError, log_.end().set() ? absl::StrFormat("log/%08d.seg", log_.end().segment()) : kFile,
          absl::StrCat("the log ends after ", log_.leaves(), " leaves, and the checkpoint signs ", note.size,
                       ": it was cut short or put back to an earlier state"),
          log_.end().offset());
    } else {
      Add(Weight::kError, kFile, absl::StrCat("the tree of ", note.size, " leaves could not be computed"));
    }
    return;
  }
  if (found->second.root != note.root) {
    Add(Weight::kError, kFile,
        absl::StrCat("the first ", note.size,
                     " leaves of the log have another root than the checkpoint signs: the log "
                     "was changed and made to fit itself"));
  } else {
    ComparePlace(found->second);
  }
  if (log_.leaves() > note.size) {
    Add(Weight::kNote, kFile,
        absl::StrCat(log_.leaves() - note.size, " of ", log_.leaves(),
                     " leaves are behind the last checkpoint: nobody has signed them yet"));
  }
}

void CheckpointsCheck::ComparePlace(const RootAt& at) {
  const Position says = claims_.checkpoint_end;
  if (!at.end.set() || says == at.end) return;
  // Behind a footer the next record begins a segment.
  const bool closed = std::any_of(segments_.begin(), segments_.end(), [&](const CheckedSegmentLog& segment) {
    return segment.closed && at.end == Position(segment.number, segment.end);
  });
  if (closed && says == Position(at.end.segment() + 1, 0)) return;
  Add(Weight::kError, "tree/checkpoint",
      absl::StrCat("the checkpoint says that it stands at offset ", says.offset(), " of segment ", says.segment(),
                   ", and that is offset ", at.end.offset(), " of segment ", at.end.segment()));
}

void CheckpointsCheck::CompareEarlier() {
  if (!claims_.against.has_value()) return;
  constexpr char kFile[] = "(the checkpoint to compare with)";
  report_.against_size = claims_.against->checkpoint.size;
  const size_t before = findings_.size();
  if (!claims_.key.has_value()) {
    Add(Weight::kError, kFile, "there is no key to check its signature with: name one");
  } else if (absl::Status status = claims_.against->CheckSignature(*claims_.key); !status.ok()) {
    Add(Weight::kError, kFile, std::string(status.message()));
  } else if (claims_.against->checkpoint.origin != claims_.key->name()) {
    Add(Weight::kError, kFile, absl::StrCat("it is of the log ", absl::CHexEscape(claims_.against->checkpoint.origin)));
  }
  const auto found = log_.roots().find(claims_.against->checkpoint.size);
  if (found == log_.roots().end()) {
    Add(Weight::kError, kFile,
        log_.complete() && log_.leaves() < claims_.against->checkpoint.size
            ? absl::StrCat("the log has ", log_.leaves(), " leaves, and had ", claims_.against->checkpoint.size,
                           " then: it was cut short or put back to an earlier state")
            : absl::StrCat("the tree of ", claims_.against->checkpoint.size, " leaves could not be computed"));
  } else if (found->second.root != claims_.against->checkpoint.root) {
    Add(Weight::kError, kFile,
        absl::StrCat("the first ", claims_.against->checkpoint.size,
                     " leaves of the log have another root than then: the past was changed"));
  }
  report_.against_holds = findings_.size() == before;
}

void CheckpointsCheck::CompareLeavesSize() {
  constexpr char kFile[] = "tree/leaves";
  const uint64_t covered = claims_.checkpoint.has_value() ? claims_.checkpoint->checkpoint.size : 0;
  if (claims_.leaves_file_size / sizeof(Hash) < covered) {
    Add(Weight::kError, kFile,
        absl::StrCat("it has ", claims_.leaves_file_size, " bytes, and ", covered, " leaves are signed"),
        claims_.leaves_file_size);
  } else if (claims_.leaves_file_size % sizeof(Hash) != 0) {
    Add(Weight::kNote, kFile, "it ends within a leaf, as after a crash", plan_.leaves_size);
  }
  if (log_.complete() && plan_.leaves_size / sizeof(Hash) > log_.leaves()) {
    Add(Weight::kError, kFile, absl::StrCat("it has more leaves than the log, which has ", log_.leaves()),
        log_.leaves() * sizeof(Hash), claims_.leaves_file_size - log_.leaves() * sizeof(Hash));
  }
}

}  // namespace

void CheckCheckpoints(const SignedClaims& claims, const SegmentCheckPlan& plan,
                      const std::vector<CheckedSegmentLog>& segments, const LogJoin& log, VerifyReport& report,
                      std::vector<Finding>& findings) {
  CheckpointsCheck check(claims, plan, segments, log, report, findings);
  check.CompareCheckpoint();
  check.CompareEarlier();
  check.CompareLeavesSize();
}

}  // namespace sallyport::recorder
