#include "recorder/backup/manifest.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "recorder/crypto/strict_text.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kFirstLine = "sallyport-backup 1";
constexpr std::string_view kRunPrefix = "run-";
constexpr size_t kRunDigits = 8;
constexpr uint64_t kMostRuns = 99'999'999;
constexpr size_t kMostPath = 255;
constexpr int kMostNames = 4;
constexpr char kTimeFormat[] = "%Y-%m-%dT%H:%M:%SZ";
constexpr std::array<std::pair<BackupFile::Kind, std::string_view>, 3> kKinds = {{
    {BackupFile::Kind::kSealed, "sealed"},
    {BackupFile::Kind::kState, "state"},
    {BackupFile::Kind::kKept, "kept"},
}};

absl::Status Damaged(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the backup's manifest is damaged or was changed: ", what));
}

std::string Hex(std::string_view bytes) { return absl::BytesToHexString(View(bytes)); }

// `out` has as many bytes as the text must have pairs of lower-case digits.
template <typename Bytes>
bool ParseHex(std::string_view text, Bytes& out) {
  if (text.size() != out.size() * 2) return false;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); })) {
    return false;
  }
  const std::string bytes = absl::HexStringToBytes(View(text));
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return true;
}

std::string_view KindName(BackupFile::Kind kind) {
  for (const auto& [each, name] : kKinds) {
    if (each == kind) return name;
  }
  return "";
}

// Takes text apart from the front. A value over text that outlives it.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}

  bool empty() const { return text_.empty(); }
  // The next line, without its end. Nothing if none is whole.
  std::optional<std::string_view> Take() {
    const size_t end = text_.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return line;
  }
  // The rest of the next line if that begins with the name and a space; else it stays.
  std::optional<std::string_view> TakeValue(std::string_view name) {
    const size_t end = text_.find('\n');
    if (end == std::string_view::npos || !text_.starts_with(name) || end <= name.size() || text_[name.size()] != ' ') {
      return std::nullopt;
    }
    return Take()->substr(name.size() + 1);
  }

 private:
  std::string_view text_;
};

std::optional<uint64_t> TakeNumber(Lines& lines, std::string_view name) {
  const std::optional<std::string_view> value = lines.TakeValue(name);
  return value.has_value() ? ParseDecimal(*value) : std::nullopt;
}

// Cuts the next word off.
std::string_view TakeWord(std::string_view& line) {
  const size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return word;
}

bool IsRun(std::optional<uint64_t> run, uint64_t newest) { return run.has_value() && *run >= 1 && *run <= newest; }

// "<kind> <run> <size> <sha256> <path>"
std::optional<BackupFile> ParseFile(std::string_view line, uint64_t newest_run) {
  BackupFile file;
  const std::string_view kind = TakeWord(line);
  const auto* found = std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& each) { return each.second == kind; });
  if (found == kKinds.end()) return std::nullopt;
  file.kind = found->first;
  const std::optional<uint64_t> run = ParseDecimal(TakeWord(line));
  const std::optional<uint64_t> size = ParseDecimal(TakeWord(line));
  if (!IsRun(run, newest_run) || !size.has_value() || *size > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return std::nullopt;
  }
  file.run = *run;
  file.size = *size;
  if (!ParseHex(TakeWord(line), file.sha256) || !IsBackupPath(line)) return std::nullopt;
  file.path = std::string(line);
  return file;
}

absl::Status ParseHead(Lines& lines, BackupManifest& manifest) {
  const std::optional<std::string_view> first = lines.Take();
  if (first != kFirstLine) {
    if (first.has_value() && first->starts_with(kFirstLine.substr(0, kFirstLine.size() - 1))) {
      return absl::DataLossError(
          "the backup's manifest is of a version that this program does not know: use the release that made the "
          "backup");
    }
    return Damaged("it does not begin as one");
  }
  const std::optional<std::string_view> store = lines.TakeValue("store");
  if (!store.has_value() || !ParseHex(*store, manifest.store_id)) return Damaged("it names no store");
  const std::optional<uint64_t> run = TakeNumber(lines, "run");
  if (!IsRun(run, kMostRuns)) return Damaged("it has no number of a run");
  manifest.run = *run;
  const std::optional<std::string_view> time = lines.TakeValue("time");
  std::string error;
  if (!time.has_value() || !absl::ParseTime(kTimeFormat, View(*time), &manifest.time, &error)) {
    return Damaged("it has no time");
  }
  const std::optional<uint64_t> format = TakeNumber(lines, "format");
  const std::optional<uint64_t> tree_size = TakeNumber(lines, "tree-size");
  if (!format.has_value() || !tree_size.has_value()) return Damaged("it does not say the format and the tree's size");
  manifest.format = *format;
  manifest.tree_size = *tree_size;
  return absl::OkStatus();
}

absl::Status ParseFiles(Lines& lines, BackupManifest& manifest) {
  while (const std::optional<std::string_view> line = lines.TakeValue("file")) {
    std::optional<BackupFile> file = ParseFile(*line, manifest.run);
    if (!file.has_value()) return Damaged("a line of a file is malformed");
    if (!manifest.files.empty() && manifest.files.back().path >= file->path) {
      return Damaged("its files are not in order");
    }
    manifest.files.push_back(*std::move(file));
  }
  while (std::optional<std::string_view> line = lines.TakeValue("dropped")) {
    const std::optional<uint64_t> run = ParseDecimal(TakeWord(*line));
    if (!IsRun(run, manifest.run) || !IsBackupPath(*line)) return Damaged("a line of a dropped file is malformed");
    DroppedFile dropped = {*run, std::string(*line)};
    if (!manifest.dropped.empty() &&
        std::tie(manifest.dropped.back().run, manifest.dropped.back().path) >= std::tie(dropped.run, dropped.path)) {
      return Damaged("its dropped files are not in order");
    }
    manifest.dropped.push_back(std::move(dropped));
  }
  return absl::OkStatus();
}

}  // namespace

std::string BackupRunName(uint64_t run) { return absl::StrCat(View(kRunPrefix), absl::StrFormat("%08d", run)); }

std::string StoredPath(uint64_t run, std::string_view path) {
  return absl::StrCat(BackupRunName(run), "/", View(path));
}

uint64_t ParseBackupRunName(std::string_view name) {
  if (!name.starts_with(kRunPrefix) || name.size() != kRunPrefix.size() + kRunDigits) return 0;
  uint64_t run = 0;
  for (const char c : name.substr(kRunPrefix.size())) {
    if (c < '0' || c > '9') return 0;
    run = run * 10 + static_cast<uint64_t>(c - '0');
  }
  return run;
}

bool IsBackupPath(std::string_view path) {
  if (path.empty() || path.size() > kMostPath) return false;
  int names = 0;
  while (true) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    if (name.empty() || name.front() == '.' || ++names > kMostNames) return false;
    if (!std::all_of(name.begin(), name.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                 c == '-';
        })) {
      return false;
    }
    if (end == path.size()) return true;
    path.remove_prefix(end + 1);
  }
}

std::string BackupManifest::Format() const {
  std::string text = absl::StrCat(View(kFirstLine), "\nstore ", Hex({store_id.data(), store_id.size()}), "\nrun ", run,
                                  "\ntime ", absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone()), "\nformat ",
                                  format, "\ntree-size ", tree_size, "\n");
  for (const BackupFile& file : files) {
    absl::StrAppend(&text, "file ", View(KindName(file.kind)), " ", file.run, " ", file.size, " ",
                    Hex(AsText(file.sha256)), " ", file.path, "\n");
  }
  for (const DroppedFile& file : dropped) absl::StrAppend(&text, "dropped ", file.run, " ", file.path, "\n");
  return absl::StrCat(text, "sha256 ", Hex(AsText(Sha256({text}))), "\n");
}

absl::StatusOr<BackupManifest> BackupManifest::Parse(std::string_view text) {
  if (text.size() > kMaxSize) return Damaged("it is too large");
  BackupManifest manifest;
  Lines lines(text);
  if (absl::Status status = ParseHead(lines, manifest); !status.ok()) return status;
  if (absl::Status status = ParseFiles(lines, manifest); !status.ok()) return status;
  Hash hash;
  const std::optional<std::string_view> stated = lines.TakeValue("sha256");
  if (!stated.has_value() || !ParseHex(*stated, hash) || !lines.empty()) return Damaged("it does not end as one");
  // That the text is the one spelling of what it says includes its hash, and that no file is dropped and not.
  if (manifest.Format() != text) return Damaged("its SHA-256 is not that of its text");
  const auto before = [](const DroppedFile& a, const DroppedFile& b) {
    return std::tie(a.run, a.path) < std::tie(b.run, b.path);
  };
  for (const BackupFile& file : manifest.files) {
    if (std::binary_search(manifest.dropped.begin(), manifest.dropped.end(), DroppedFile{file.run, file.path},
                           before)) {
      return Damaged("it names a file as dropped that it holds");
    }
  }
  return manifest;
}

}  // namespace sallyport::recorder
