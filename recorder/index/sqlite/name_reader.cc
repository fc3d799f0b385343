#include "recorder/index/sqlite/name_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/index/sqlite/glob.h"

namespace sallyport::recorder {

absl::StatusOr<NameReader> NameReader::Create(Database& database, const NameSealer& sealer) {
  NameReader reader(database, sealer);
  const absl::Status status = database.PrepareAll({
      {&reader.select_, "SELECT kind, hash, sealed FROM names WHERE id = ?1"},
      {&reader.find_, "SELECT id FROM names WHERE kind = ?1 AND hash = ?2"},
      {&reader.select_all_, "SELECT id FROM names WHERE kind = ?1"},
  });
  if (!status.ok()) return status;
  return reader;
}

absl::StatusOr<std::string> NameReader::Name(int64_t id) {
  if (id == 0) return "";
  if (auto found = remembered_.find(id); found != remembered_.end()) return found->second;
  select_.Bind(1, id);
  const absl::StatusOr<bool> row = select_.Step();
  absl::StatusOr<std::string> name;
  if (!row.ok()) {
    name = row.status();
  } else if (*row) {
    name = sealer_->Open(static_cast<NameKind>(select_.Integer(0)), select_.Text(1), select_.Text(2));
  } else {
    name = absl::DataLossError(
        absl::StrCat("the index lacks its name number ", id, ": `sallyport index rebuild` makes it again"));
  }
  select_.Reset();
  if (!name.ok()) return name;
  if (remembered_.size() >= kRemembered) remembered_.clear();
  return remembered_.emplace(id, *std::move(name)).first->second;
}

absl::StatusOr<std::optional<std::vector<int64_t>>> NameReader::Matching(NameKind kind, const std::string& pattern) {
  if (pattern.empty()) return std::nullopt;
  return MatchingAny(kind, {pattern});
}

absl::StatusOr<std::optional<int64_t>> NameReader::Number(NameKind kind, const std::string& name) {
  if (name.empty()) return 0;
  const NameHash hash = sealer_->HashOf(kind, name);
  find_.Bind(1, static_cast<int64_t>(kind));
  find_.BindBytes(2, AsText(hash));
  int64_t id = 0;
  const absl::StatusOr<bool> found = find_.RunForInteger(id);
  if (!found.ok()) return found.status();
  return *found ? std::optional(id) : std::nullopt;
}

absl::StatusOr<std::vector<int64_t>> NameReader::All(NameKind kind) {
  std::vector<int64_t> all = {0};
  select_all_.Bind(1, static_cast<int64_t>(kind));
  absl::StatusOr<bool> row = true;
  while (row.ok() && *row) {
    row = select_all_.Step();
    if (row.ok() && *row) all.push_back(select_all_.Integer(0));
  }
  select_all_.Reset();
  if (!row.ok()) return row.status();
  // They come in order of hashes, but names stand in order of numbers.
  std::sort(all.begin(), all.end());
  return all;
}

absl::StatusOr<std::optional<std::vector<int64_t>>> NameReader::MatchingAny(NameKind kind,
                                                                            const std::vector<std::string>& patterns) {
  std::vector<int64_t> ids;
  std::vector<const std::string*> globs;
  for (const std::string& pattern : patterns) {
    if (pattern == "*") return std::nullopt;
    if (pattern.find_first_of("*?") != std::string::npos) {
      globs.push_back(&pattern);
      continue;
    }
    const absl::StatusOr<std::optional<int64_t>> id = Number(kind, pattern);
    if (!id.ok()) return id.status();
    if (id->has_value()) ids.push_back(**id);
  }
  if (!globs.empty()) {
    const absl::StatusOr<std::vector<int64_t>> all = All(kind);
    if (!all.ok()) return all.status();
    for (int64_t id : *all) {
      const absl::StatusOr<std::string> name = Name(id);
      if (!name.ok()) return name.status();
      const auto matches = [&](const std::string* glob) { return GlobMatches(*glob, *name); };
      if (std::any_of(globs.begin(), globs.end(), matches)) ids.push_back(id);
    }
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return std::optional(std::move(ids));
}

}  // namespace sallyport::recorder
