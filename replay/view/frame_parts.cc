#include "replay/view/frame_parts.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "replay/view/call_view.h"

namespace sallyport::replay {
namespace {

absl::StatusOr<v1::FrameEvent> FindFrame(CallStore& store, uint64_t id, const v1::GetFrameRequest& request,
                                         const ReaderRights* rights) {
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  CallView view(&store.descriptors(), v1::EVENT_FORM_RAW, policy::JsonStyle::kOneLine, nullptr, rights);
  const absl::Status found = absl::CancelledError("the rest is not wanted");
  std::optional<v1::FrameEvent> frame;
  const absl::Status status = (*reader)->ReadCall(id, [&](const v1::Entry& entry) {
    const bool wanted = entry.has_frame() && entry.frame().direction() == request.direction() &&
                        entry.frame().index() == request.index();
    if (!wanted) {
      view.Skip(entry);
      return absl::OkStatus();
    }
    absl::StatusOr<v1::Event> event = view.Show(entry);
    if (!event.ok()) return event.status();
    frame = std::move(*event->mutable_frame());
    return found;
  });
  if (!status.ok() && status != found) return reader->Checked(status);
  if (frame.has_value()) return *std::move(frame);
  return absl::NotFoundError(absl::StrCat("call ", recorder::FormatId(id), " has no ",
                                          request.direction() == v1::DIRECTION_REQUEST ? "request" : "response",
                                          " frame ", request.index()));
}

}  // namespace

absl::Status TellFrame(CallStore& store, uint64_t id, const v1::GetFrameRequest& request, const ReaderRights* rights,
                       CallSource::FrameReceiver part) {
  if (request.direction() != v1::DIRECTION_REQUEST && request.direction() != v1::DIRECTION_RESPONSE) {
    return absl::InvalidArgumentError("direction: say DIRECTION_REQUEST or DIRECTION_RESPONSE");
  }
  absl::StatusOr<v1::FrameEvent> frame = FindFrame(store, id, request, rights);
  if (!frame.ok()) return frame.status();
  if (!frame->undecoded().empty()) return absl::FailedPreconditionError(frame->undecoded());
  const std::string payload = std::move(*frame->mutable_payload());
  v1::FramePart first;
  *first.mutable_frame() = *std::move(frame);
  first.mutable_frame()->clear_payload();
  if (absl::Status status = part(first); !status.ok()) return status;
  for (size_t begin = 0; begin < payload.size(); begin += kFramePartBytes) {
    v1::FramePart next;
    next.set_data(payload.substr(begin, kFramePartBytes));
    if (absl::Status status = part(next); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace sallyport::replay
