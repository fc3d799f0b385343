#include "replay/view/reader_sight.h"

#include <string>

#include "replay/view/call_decoder.h"
#include "replay/view/call_hider.h"

namespace sallyport::replay {
namespace {

class ReaderSight final : public EntrySight {
 public:
  ReaderSight(const ReaderRights& rights, StoredDescriptors* descriptors)
      : decoder_(descriptors), hider_(&rights, descriptors) {}

  absl::Status Show(v1::Entry* entry) override {
    decoder_.Learn(*entry);
    hider_.Learn(*entry);
    if (!hider_.hides()) return absl::OkStatus();
    hider_.HideTexts(entry);
    if (!entry->has_frame()) return absl::OkStatus();
    const std::string hidden = hider_.HideMessage(decoder_, entry->mutable_frame());
    return hidden.empty() ? absl::OkStatus() : absl::PermissionDeniedError(hidden);
  }

 private:
  CallDecoder decoder_;
  CallHider hider_;
};

}  // namespace

std::unique_ptr<EntrySight> SightOf(const ReaderRights& rights, StoredDescriptors* descriptors) {
  return std::make_unique<ReaderSight>(rights, descriptors);
}

}  // namespace sallyport::replay
