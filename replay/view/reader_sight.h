// What a reader's scan sees of a call.
#ifndef SALLYPORT_REPLAY_VIEW_READER_SIGHT_H_
#define SALLYPORT_REPLAY_VIEW_READER_SIGHT_H_

#include "replay/view/call_decoder.h"
#include "replay/view/call_hider.h"
#include "replay/view/call_scan.h"
#include "replay/view/reader_rights.h"
#include "replay/view/stored_descriptors.h"

namespace sallyport::replay {

// Takes away what masks hide from a reader, before anything is looked for: what is found tells of what it may see
// only. A call of which something may not be shown at all counts as unreadable. Used by one thread, for one call.
class ReaderSight final : public EntrySight {
 public:
  // Both must outlive it. `rights` has masks.
  ReaderSight(const ReaderRights* rights, StoredDescriptors* descriptors)
      : hider_(rights, descriptors), decoder_(descriptors) {}

  absl::Status Show(v1::Entry* entry) override;

 private:
  CallHider hider_;
  CallDecoder decoder_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_READER_SIGHT_H_
