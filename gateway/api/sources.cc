#include "gateway/api/sources.h"

#include <utility>

#include "replay/view/reader_rights.h"

namespace sallyport::gateway {
namespace {

replay::ReaderRights RightsOf(const Reader& reader) {
  replay::ReaderRights rights;
  rights.reader = reader.identity;
  if (!reader.caller.anonymous()) {
    rights.subject = reader.caller.named().subject;
    rights.groups = reader.caller.named().groups;
  }
  rights.scope = reader.Scope();
  rights.kinds = reader.ScopeKinds();
  rights.sees_looks = reader.auditor();
  rights.sees_store = reader.auditor() || reader.operates();
  rights.sees_numbers = reader.operates();
  return rights;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Sources>> Sources::Open(const std::string& directory,
                                                       const std::optional<recorder::KeySource>& keys) {
  absl::StatusOr<std::unique_ptr<replay::CallStore>> store = replay::CallStore::Open(directory, keys);
  if (!store.ok()) return store.status();
  return std::unique_ptr<Sources>(new Sources(*std::move(store)));
}

std::unique_ptr<replay::CallSource> Sources::For(const Reader& reader,
                                                 const std::shared_ptr<const policy::ReaderMasks>& masks) {
  replay::ReaderRights rights = RightsOf(reader);
  rights.masks = masks;
  return std::make_unique<replay::ReaderSource>(store_, std::move(rights));
}

}  // namespace sallyport::gateway
