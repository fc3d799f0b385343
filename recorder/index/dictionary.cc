#include "recorder/index/dictionary.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::recorder {

absl::StatusOr<Dictionary> Dictionary::Create(Database& database, const std::string& table) {
  absl::StatusOr<Statement> find = database.Prepare(absl::StrCat("SELECT id FROM ", table, " WHERE name = ?1"));
  if (!find.ok()) return find.status();
  absl::StatusOr<Statement> insert = database.Prepare(absl::StrCat("INSERT INTO ", table, "(name) VALUES (?1)"));
  if (!insert.ok()) return insert.status();
  return Dictionary(database, *std::move(find), *std::move(insert));
}

absl::StatusOr<int64_t> Dictionary::Id(std::string_view name) {
  if (auto found = remembered_.find(name); found != remembered_.end()) return found->second;
  find_.Bind(1, name);
  const absl::StatusOr<bool> known = find_.Step();
  int64_t id = known.ok() && *known ? find_.Integer(0) : 0;
  find_.Reset();
  if (!known.ok()) return known.status();
  if (!*known) {
    insert_.Bind(1, name);
    if (absl::Status status = insert_.Run(); !status.ok()) return status;
    id = database_->LastInsertId();
  }
  if (remembered_.size() >= kRemembered) remembered_.clear();
  remembered_.emplace(name, id);
  return id;
}

}  // namespace sallyport::recorder
