// Takes away what a reader may not see.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_HIDER_H_
#define SALLYPORT_REPLAY_VIEW_CALL_HIDER_H_

#include <memory>
#include <optional>
#include <string>

#include "policy/descriptors/descriptors.h"
#include "policy/masking/reader_masks.h"
#include "recorder/index/call_search.h"
#include "replay/view/call_decoder.h"
#include "replay/view/reader_rights.h"
#include "replay/view/stored_descriptors.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// What a reader is not shown of one call. Until it has learned how the call began, that is everything that could be
// hidden. Lives while one call is read; not thread-safe.
class CallHider {
 public:
  // Both must outlive it. `rights` has masks.
  CallHider(const ReaderRights* rights, StoredDescriptors* descriptors)
      : rights_(*rights), descriptors_(*descriptors) {}

  // To be called with each entry, before it is hidden.
  void Learn(const v1::Entry& entry);

  // Whether anything at all may be hidden of the call.
  bool hides() const;
  // Whether metadata, status texts or names may be.
  bool hides_texts() const { return !mask_.has_value() || mask_->hides_texts(); }

  // Takes away what is hidden in texts; of frames nothing.
  void HideTexts(v1::Entry* entry) const;
  // Puts the message that may be seen in the frame's place. What it says is why nothing may be; empty otherwise.
  std::string HideMessage(const CallDecoder& decoder, v1::Frame* frame) const;

 private:
  const ReaderRights& rights_;
  StoredDescriptors& descriptors_;
  std::optional<policy::ReaderMask> mask_;  // once it has learned
};

// The name of a session, as it may be seen in a list, of which a call is known.
void HideSessionName(const ReaderRights& rights, const recorder::CallSummary& call, std::string* name);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_HIDER_H_
