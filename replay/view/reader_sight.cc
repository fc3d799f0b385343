#include "replay/view/reader_sight.h"

#include <string>

namespace sallyport::replay {

absl::Status ReaderSight::Show(v1::Entry* entry) {
  decoder_.Learn(*entry);
  hider_.Learn(*entry);
  if (!hider_.hides()) return absl::OkStatus();
  hider_.HideTexts(entry);
  if (!entry->has_frame()) return absl::OkStatus();
  const std::string why = hider_.HideMessage(decoder_, entry->mutable_frame());
  return why.empty() ? absl::OkStatus() : absl::FailedPreconditionError(why);
}

}  // namespace sallyport::replay
