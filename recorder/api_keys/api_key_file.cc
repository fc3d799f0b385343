#include "recorder/api_keys/api_key_file.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/system/private_file.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kFirstLine = "sallyport-api-keys 1\n";
constexpr char kTimeFormat[] = "%Y-%m-%dT%H:%M:%SZ";
constexpr std::string_view kNever = "never";
// The last second that four digits of a year can tell.
constexpr absl::Time kLastTime = absl::FromUnixSeconds(253402300799);

std::string TimeText(absl::Time time) {
  if (time == absl::InfiniteFuture()) return std::string(kNever);
  return absl::FormatTime(kTimeFormat, time, absl::UTCTimeZone());
}

bool ReadTime(std::string_view text, absl::Time& time) {
  // ParseTime takes other forms of the same, and of the end of time.
  return absl::ParseTime(kTimeFormat, View(text), &time, nullptr) && time <= kLastTime && TimeText(time) == text;
}

// Reads lines of the form `name value` and counts them.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {}

  bool empty() const { return text_.empty(); }
  size_t number() const { return asked_; }  // of the line that was asked for last, from 1
  // The rest of the next line if it begins with `name` and a space.
  std::optional<std::string_view> Take(std::string_view name) {
    asked_ = next_;
    const size_t end = text_.find('\n');
    if (end == std::string_view::npos || !text_.starts_with(name) || text_.substr(name.size(), 1) != " ") {
      return std::nullopt;
    }
    return Consume(end).substr(name.size() + 1);
  }
  bool TakeLine(std::string_view line) {
    asked_ = next_;
    if (!text_.starts_with(line)) return false;
    Consume(line.size() - 1);
    return true;
  }

 private:
  std::string_view Consume(size_t end) {
    const std::string_view line = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    ++next_;
    return line;
  }

  std::string_view text_;
  size_t next_ = 1;
  size_t asked_ = 1;
};

bool TakeTime(LineReader& lines, std::string_view name, absl::Time& time) {
  const std::optional<std::string_view> text = lines.Take(name);
  return text.has_value() && ReadTime(*text, time);
}

// What the first line that is wrong should be.
absl::StatusOr<ApiKey> ReadKey(LineReader& lines) {
  const auto expected = [](const char* what) { return absl::DataLossError(what); };
  ApiKey key;
  if (!lines.TakeLine("\n")) return expected("an empty line, before each key");
  const std::optional<std::string_view> id = lines.Take("key");
  if (!id.has_value() || !IsApiKeyId(*id)) return expected("`key <id>`");
  key.id = *id;
  if (!TakeTime(lines, "created", key.created)) return expected("`created <time>`");
  const std::optional<std::string_view> expires = lines.Take("expires");
  if (!expires.has_value()) return expected("`expires <time or never>`");
  key.expires = absl::InfiniteFuture();
  if (*expires != kNever && !ReadTime(*expires, key.expires)) return expected("`expires <time or never>`");
  absl::Time revoked;
  const std::optional<std::string_view> revoked_text = lines.Take("revoked");
  if (revoked_text.has_value() && !ReadTime(*revoked_text, revoked)) return expected("`revoked <time>`");
  if (revoked_text.has_value()) key.revoked = revoked;
  const std::optional<std::string> salt = FromHex(lines.Take("salt").value_or(""), ApiKey::kSaltSize);
  if (!salt.has_value()) return expected("`salt <32 hex digits>`");
  key.salt = *salt;
  const std::optional<std::string> hash = FromHex(lines.Take("hash").value_or(""), key.hash.size());
  if (!hash.has_value()) return expected("`hash <64 hex digits>`");
  std::copy(hash->begin(), hash->end(), key.hash.begin());
  const std::optional<std::string_view> subject = lines.Take("subject");
  if (!subject.has_value() || !CheckAccountName(*subject).ok()) return expected("`subject <printable ASCII>`");
  key.subject = *subject;
  while (const std::optional<std::string_view> group = lines.Take("group")) {
    if (!CheckAccountName(*group).ok()) return expected("`group <printable ASCII>`");
    key.groups.emplace_back(*group);
  }
  return key;
}

struct OpenForChange {
  std::unique_ptr<FileLock> lock;
  std::vector<ApiKey> keys;
};

// NOT_FOUND if there is no file.
absl::StatusOr<OpenForChange> LockAndRead(const std::string& path) {
  OpenForChange open;
  absl::StatusOr<std::unique_ptr<FileLock>> lock = FileLock::Take(absl::StrCat(path, ".lock"), FileLock::Wait::kYes);
  if (!lock.ok()) return lock.status();
  open.lock = *std::move(lock);
  if (!FileExists(path)) return open;
  if (absl::Status status = CheckOwner(path); !status.ok()) return status;
  absl::StatusOr<std::vector<ApiKey>> keys = ReadApiKeys(path);
  if (!keys.ok()) return keys.status();
  open.keys = *std::move(keys);
  return open;
}

absl::Status Write(const std::string& path, const std::vector<ApiKey>& keys, FileSystem& files) {
  const std::string text = FormatApiKeys(keys);
  if (text.size() > kMostApiKeyFileBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(path, " is full: issue further keys into another file"));
  }
  return ReplaceFile(files, path, text);
}

}  // namespace

absl::StatusOr<std::vector<ApiKey>> ParseApiKeys(std::string_view text, std::string_view name) {
  const auto fault = [&](size_t line, absl::string_view what) {
    return absl::DataLossError(absl::StrCat(View(name), ":", line, ": ", what));
  };
  if (text.size() > kMostApiKeyFileBytes) return fault(1, "is larger than a file of API keys can be (16 MiB)");
  LineReader lines(text);
  if (!lines.TakeLine(kFirstLine)) {
    return fault(1, absl::StrCat("is no file of API keys, or of another version: expected `",
                                 View(kFirstLine.substr(0, kFirstLine.size() - 1)), "`"));
  }
  std::vector<ApiKey> keys;
  absl::flat_hash_set<std::string> ids;
  while (!lines.empty()) {
    absl::StatusOr<ApiKey> key = ReadKey(lines);
    if (!key.ok()) return fault(lines.number(), absl::StrCat("expected ", key.status().message()));
    if (!ids.insert(key->id).second) return fault(lines.number() - 1, "ends a second key by the same id");
    keys.push_back(*std::move(key));
  }
  return keys;
}

std::string FormatApiKeys(const std::vector<ApiKey>& keys) {
  std::string text(kFirstLine);
  for (const ApiKey& key : keys) {
    absl::StrAppend(&text, "\nkey ", key.id, "\ncreated ", TimeText(key.created), "\nexpires ", TimeText(key.expires),
                    "\n");
    if (key.revoked.has_value()) absl::StrAppend(&text, "revoked ", TimeText(*key.revoked), "\n");
    absl::StrAppend(&text, "salt ", absl::BytesToHexString(key.salt), "\nhash ",
                    absl::BytesToHexString(View(AsText(key.hash))), "\nsubject ", key.subject, "\n");
    for (const std::string& group : key.groups) absl::StrAppend(&text, "group ", group, "\n");
  }
  return text;
}

absl::StatusOr<std::vector<ApiKey>> ReadApiKeys(const std::string& path) {
  // One byte more than allowed, which ParseApiKeys refuses. What is in it is of no use to who reads it.
  const absl::StatusOr<PrivateFile> file =
      ReadPrivateFile(path, kMostApiKeyFileBytes + 1, "file of API keys", Others::kMayRead);
  if (!file.ok()) return file.status();
  return ParseApiKeys(file->text.view(), path);
}

absl::StatusOr<NewApiKey> IssueApiKey(const std::string& path, std::string_view subject,
                                      const std::vector<std::string>& groups, absl::Time now, absl::Time expires,
                                      FileSystem& files) {
  if (expires > kLastTime && expires != absl::InfiniteFuture()) {
    return absl::InvalidArgumentError("the key would expire after the year 9999: say never");
  }
  // Checked first, so that nothing is left behind where there is nothing to do.
  absl::StatusOr<NewApiKey> made = MakeApiKey(subject, groups, now, expires);
  if (!made.ok()) return made.status();
  absl::StatusOr<OpenForChange> open = LockAndRead(path);
  if (!open.ok()) return open.status();
  const auto taken = [&](const ApiKey& key) { return key.id == made->key.id; };
  while (std::any_of(open->keys.begin(), open->keys.end(), taken)) {
    made = MakeApiKey(subject, groups, now, expires);
    if (!made.ok()) return made.status();
  }
  open->keys.push_back(made->key);
  if (absl::Status status = Write(path, open->keys, files); !status.ok()) return status;
  return made;
}

absl::StatusOr<ApiKey> RevokeApiKey(const std::string& path, std::string_view id, absl::Time now, FileSystem& files) {
  if (!FileExists(path)) return absl::NotFoundError(absl::StrCat("there is no file of API keys at ", path));
  absl::StatusOr<OpenForChange> open = LockAndRead(path);
  if (!open.ok()) return open.status();
  const auto found =
      std::find_if(open->keys.begin(), open->keys.end(), [&](const ApiKey& key) { return key.id == id; });
  if (found == open->keys.end()) {
    return absl::NotFoundError(absl::StrCat("there is no key by that id in ", path));
  }
  if (found->revoked.has_value()) return *found;
  found->revoked = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
  if (absl::Status status = Write(path, open->keys, files); !status.ok()) return status;
  return *found;
}

}  // namespace sallyport::recorder
