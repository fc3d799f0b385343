#include "recorder/index/sqlite/name_table.h"

#include <utility>

namespace sallyport::recorder {

absl::StatusOr<NameTable> NameTable::Create(Database& database, const NameSealer& sealer) {
  NameTable table(database, sealer);
  const absl::Status status = database.PrepareAll({
      {&table.find_, "SELECT id FROM names WHERE kind = ?1 AND hash = ?2"},
      {&table.insert_, "INSERT INTO names(kind, hash, sealed, uses) VALUES (?1, ?2, ?3, 0)"},
      {&table.add_uses_, "UPDATE names SET uses = uses + ?2 WHERE id = ?1"},
      {&table.remove_, "DELETE FROM names WHERE id = ?1 AND uses <= 0"},
  });
  if (!status.ok()) return status;
  return table;
}

absl::StatusOr<int64_t> NameTable::Id(NameKind kind, std::string_view name) {
  if (name.empty()) return 0;
  TextMap<int64_t>& remembered = remembered_[static_cast<size_t>(kind)];
  if (auto found = remembered.find(name); found != remembered.end()) return found->second;
  const NameHash hash = sealer_->HashOf(kind, name);
  find_.Bind(1, static_cast<int64_t>(kind));
  find_.BindBytes(2, AsText(hash));
  const absl::StatusOr<bool> known = find_.Step();
  int64_t id = known.ok() && *known ? find_.Integer(0) : 0;
  find_.Reset();
  if (!known.ok()) return known.status();
  if (!*known) {
    const std::string sealed = sealer_->Seal(kind, hash, name);
    insert_.Bind(1, static_cast<int64_t>(kind));
    insert_.BindBytes(2, AsText(hash));
    insert_.BindBytes(3, sealed);
    if (absl::Status status = insert_.Run(); !status.ok()) return status;
    id = database_->LastInsertId();
  }
  if (remembered.size() >= kRemembered) remembered.clear();
  remembered.emplace(name, id);
  return id;
}

absl::Status NameTable::Write() {
  bool removed = false;
  for (const auto& [id, uses] : uses_) {
    if (id == 0) continue;
    if (uses != 0) {
      add_uses_.Bind(1, id);
      add_uses_.Bind(2, uses);
      if (absl::Status status = add_uses_.Run(); !status.ok()) return status;
    }
    if (uses > 0) continue;
    remove_.Bind(1, id);
    if (absl::Status status = remove_.Run(); !status.ok()) return status;
    removed = true;
  }
  uses_.clear();
  if (removed) {
    for (TextMap<int64_t>& names : remembered_) names.clear();
  }
  return absl::OkStatus();
}

}  // namespace sallyport::recorder
