#include "recorder/format/data_key_state.h"

#include "absl/strings/str_cat.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

DataKeyState StateOfDataKey(const StoreLayout& layout, uint64_t segment) {
  if (FileExists(layout.DataKey(segment))) return DataKeyState::kThere;
  return FileExists(layout.DestroyedDataKey(segment)) ? DataKeyState::kDestroyed : DataKeyState::kMissing;
}

std::string WhyNoDataKey(const StoreLayout& layout, uint64_t segment) {
  if (StateOfDataKey(layout, segment) == DataKeyState::kMissing) {
    return absl::StrCat("the key of segment ", segment, " is missing, and nothing says that it was destroyed: put ",
                        layout.DataKey(segment), " back from a backup. If it was meant to go, `sallyport keys shred ",
                        "--segment ", segment, "` says so");
  }
  return absl::StrCat("segment ", segment, " is shredded: its key was destroyed, and what it held cannot be read any ",
                      "more");
}

}  // namespace sallyport::recorder
