// What the doctor asks of the machine.
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timex.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_layout.h"
#include "recorder/system/file.h"
#include "replay/cli/doctor/checks.h"
#include "replay/cli/doctor/finding_list.h"
#include "replay/replayer/grpc_version.h"

namespace sallyport::replay {
namespace {

// So much may clocks of one machine differ, as its file system rounds.
constexpr absl::Duration kAhead = absl::Seconds(5);
constexpr uint64_t kFewFiles = 4096;

// When the newest segment was begun or last written, whichever is later.
absl::Time NewestInLog(const recorder::StoreLayout& layout) {
  absl::Time newest = absl::InfinitePast();
  const absl::StatusOr<std::vector<std::string>> names = recorder::ListDirectory(layout.LogDirectory());
  if (!names.ok()) return newest;
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(layout.LogDirectory(), "/", name);
    if (!recorder::ParseSegmentName(name).has_value()) continue;
    struct stat info = {};
    if (stat(path.c_str(), &info) == 0) newest = std::max(newest, absl::TimeFromTimespec(info.st_mtim));
    const absl::StatusOr<recorder::ReadableFile> file = recorder::ReadableFile::Open(path);
    if (!file.ok()) continue;
    char bytes[recorder::kSegmentHeaderSize];
    const absl::StatusOr<size_t> got = file->Read(0, sizeof(bytes), bytes);
    if (!got.ok() || *got < sizeof(bytes)) continue;
    const std::optional<recorder::SegmentHeader> header = recorder::SegmentHeader::Decode(bytes);
    if (header.has_value()) newest = std::max(newest, absl::FromUnixNanos(header->created_ns));
  }
  return newest;
}

}  // namespace

void CheckClock(const DoctorSubject& subject, Findings& findings) {
  timex state = {};
  const int kernel = adjtimex(&state);
  if (kernel == TIME_ERROR) {
    Warn(findings, "clock", "", "the kernel says that the clock is not synchronised",
         "run chrony or systemd-timesyncd: times of calls, ends of tokens and certificates depend on it");
  } else if (kernel >= 0) {
    Fine(findings, "clock", "", "the kernel says that the clock is synchronised");
  } else {
    Warn(findings, "clock", "", "the kernel does not say whether the clock is synchronised",
         "see to it that the machine's clock is");
  }
  const recorder::StoreLayout layout(subject.data);
  const absl::Time newest = NewestInLog(layout);
  if (newest > subject.now + kAhead) {
    Problem(findings, "clock", layout.LogDirectory(),
            absl::StrCat("the log has something of ", absl::FormatTime(absl::RFC3339_sec, newest, absl::UTCTimeZone()),
                         ", which is still to come"),
            "the clock was set back, or was wrong when that was recorded: set it right before the gateway starts");
  }
}

void CheckHost(const DoctorSubject& subject, Findings& findings) {
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    std::string what = absl::StrCat("a process started here may open ", uint64_t{files.rlim_cur}, " files");
    if (files.rlim_max > files.rlim_cur) absl::StrAppend(&what, ", and raise that to ", uint64_t{files.rlim_max});
    if (files.rlim_max < kFewFiles) {
      Warn(findings, "limits", "", what, "each connection needs one: LimitNOFILE= in the unit, or ulimit -n");
    } else {
      Fine(findings, "limits", "", what);
    }
  }
  const std::string version = GrpcVersion();
  const bool known = version.starts_with("1.51.");
  const bool strangers = subject.config.has_value() && subject.config->listen().has_tls() &&
                         subject.config->listen().tls().client_ca().empty();
  const std::string what = absl::StrCat(
      "gRPC ", version,
      known ? ": known not to hold out against hostile callers by itself (endless headers, rapid reset), and to "
              "join or drop some metadata (gateway/README.md, Limits)"
            : ": this release was tried with 1.51");
  if (known && strangers) {
    Warn(findings, "grpc", "", what,
         "callers without certificates may connect: put a hardened proxy in front, or ask for client certificates");
  } else {
    Fine(findings, "grpc", "", what);
  }
}

}  // namespace sallyport::replay
