// A recorded call as its readers see it.
#ifndef SALLYPORT_REPLAY_VIEW_CALL_VIEW_H_
#define SALLYPORT_REPLAY_VIEW_CALL_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "replay/view/call_decoder.h"
#include "replay/view/call_hider.h"
#include "replay/view/reader_rights.h"
#include "replay/view/revealer.h"
#include "replay/view/stored_descriptors.h"
#include "sallyport/v1/audit.pb.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// Makes events of the entries of one call. What a reader sees goes through the same steps in this order: the original
// is put in place of what is sealed to the reader's key, then what the reader may not see is taken away, then what is
// left is decoded; so nothing is decoded that is not shown. Lives while one call is read; not thread-safe.
class CallView {
 public:
  // What is given must outlive it. `revealer` is null where nothing is revealed, `rights` where nothing is hidden.
  CallView(StoredDescriptors* descriptors, v1::EventForm form, policy::JsonStyle style,
           const Revealer* revealer = nullptr, const ReaderRights* rights = nullptr);

  // The next entry of the call; its beginning comes first, where it is read at all. DATA_LOSS as Revealer::Reveal;
  // FAILED_PRECONDITION for EVENT_FORM_RECORD where something of the call is hidden.
  absl::StatusOr<v1::Event> Show(const v1::Entry& entry);

  // An entry that nobody wants to see, in its place.
  void Skip(const v1::Entry& entry);
  // An entry from before those that are shown, of a call that is not read from its beginning: what it says helps to
  // decode them, and counts for nothing else.
  void Learn(const v1::Entry& entry);
  // The beginning of the call, of the entry that says it; for who wants no more.
  v1::CallBeginning Beginning(const v1::Entry& start);

 private:
  // The entry as it is shown: itself, or what is made of it in `*changed`. `*hidden`: why no message is shown.
  absl::StatusOr<const v1::Entry*> Changed(const v1::Entry& entry, v1::Entry* changed, std::string* hidden) const;
  void Fill(const v1::Entry& entry, const std::string& hidden, v1::Event* event) const;
  void FillFrame(const v1::Frame& frame, const std::string& hidden, v1::FrameEvent* event) const;
  // What the message says, or why that is not known.
  void Decode(const v1::Frame& frame, v1::FrameEvent* event) const;
  void FillEnd(const v1::CallEnd& end, v1::EndEvent* event) const;
  v1::MetadataPair Pair(const v1::Metadatum& datum) const;

  CallDecoder decoder_;
  const v1::EventForm form_;
  const policy::JsonStyle style_;
  const Revealer* const revealer_;
  std::optional<CallHider> hider_;  // where something is hidden from the reader
  bool begun_ = false;
  uint64_t start_ns_ = 0;
  uint64_t frames_ = 0;
};

// What is known of a call when it begins, of the entry that says so.
v1::CallBeginning BeginningOf(const v1::Entry& start);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_CALL_VIEW_H_
