#include "recorder/format/missing_parts.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {
namespace {

bool IsSegment(std::string_view name) { return ParseSegmentName(name).has_value(); }
// Made only while a gateway serves.
bool IsDescriptorSet(std::string_view name) { return name.ends_with(".sealed"); }
// The signing key is made first: alone, it is what a first start left that was cut short.
bool IsLaterKey(std::string_view name) { return name.ends_with(".key") && name != "signing.key"; }
// The first segment's key comes before the first segment, all others behind it.
bool IsLaterDataKey(std::string_view name) { return ParseDataKeyName(name).value_or(0) > 1; }

// Files of one kind.
struct Kind {
  std::string directory;
  bool (*is_one)(std::string_view name);
};

// The path of one there is, of a kind or by its name. None if there is none.
absl::StatusOr<std::optional<std::string>> Find(const std::vector<Kind>& kinds, const std::vector<std::string>& paths) {
  for (const Kind& kind : kinds) {
    absl::StatusOr<std::vector<std::string>> names = ListDirectory(kind.directory);
    if (absl::IsNotFound(names.status())) continue;
    if (!names.ok()) return names.status();
    const auto found = std::find_if(names->begin(), names->end(), kind.is_one);
    if (found != names->end()) return absl::StrCat(kind.directory, "/", *found);
  }
  const auto found = std::find_if(paths.begin(), paths.end(), FileExists);
  if (found != paths.end()) return *found;
  return std::nullopt;
}

}  // namespace

absl::Status CheckNoStoreWithoutKeys(const StoreLayout& layout) {
  const absl::StatusOr<std::optional<std::string>> part =
      Find({{layout.LogDirectory(), IsSegment},
            {layout.KeysDirectory(), IsLaterKey},
            {layout.DescriptorsDirectory(), IsDescriptorSet}},
           {layout.Checkpoint(), layout.Leaves(), layout.Tombstone(), layout.Cosigned(), layout.Index(),
            layout.LegalHolds()});
  if (!part.ok()) return part.status();
  if (!part->has_value()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(layout.StoreKey(), " is gone, but ", **part,
                                                    " is there, which needs it. Put ", layout.KeysDirectory(),
                                                    " back from a backup, or mount it if it is a volume: without it "
                                                    "nothing that was recorded can be read. To begin a "
                                                    "new store, give the gateway another data directory"));
}

absl::StatusOr<std::optional<std::string>> TraceOfLog(const StoreLayout& layout) {
  return Find({{layout.KeysDirectory(), IsLaterDataKey}, {layout.DescriptorsDirectory(), IsDescriptorSet}},
              {layout.Checkpoint(), layout.Cosigned(), layout.Tombstone()});
}

}  // namespace sallyport::recorder
