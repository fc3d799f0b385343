#include "gateway/api/legal_hold_requests.h"

#include <memory>

#include "absl/functional/function_ref.h"
#include "recorder/format/call_id.h"
#include "recorder/format/entry_batch.h"
#include "recorder/keys/store_keys.h"
#include "recorder/system/file.h"
#include "recorder/write/legal_holds.h"
#include "replay/view/proto_time.h"

namespace sallyport::gateway {
namespace {

v1::LegalHold MessageOf(const recorder::LegalHold& hold) {
  v1::LegalHold message;
  message.set_id(hold.id);
  if (hold.session_id != 0) message.set_session(recorder::FormatId(hold.session_id));
  message.set_identity(recorder::ValidText(hold.identity));
  message.set_reason(recorder::ValidText(hold.reason));
  replay::SetTime(hold.created, message.mutable_created());
  return message;
}

absl::Status Change(const std::string& directory, const std::optional<recorder::KeySource>& source,
                    absl::FunctionRef<absl::Status(recorder::LegalHoldList& list)> change) {
  const recorder::StoreLayout layout(directory);
  const absl::StatusOr<std::unique_ptr<recorder::FileLock>> lock = recorder::TakeLegalHoldsLock(layout);
  if (!lock.ok()) return lock.status();
  const absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> keys = recorder::StoreKeys::Open(layout, source);
  if (!keys.ok()) return keys.status();
  absl::StatusOr<recorder::LegalHoldList> list = recorder::LegalHoldList::Load(layout, **keys);
  if (!list.ok()) return list.status();
  if (absl::Status status = change(*list); !status.ok()) return status;
  return list->Save(layout, **keys, recorder::RealFileSystem());
}

}  // namespace

absl::StatusOr<v1::ListLegalHoldsResponse> LegalHoldRequests::List() const {
  const recorder::StoreLayout layout(directory_);
  const absl::StatusOr<std::unique_ptr<recorder::StoreKeys>> keys = recorder::StoreKeys::Open(layout, keys_);
  if (!keys.ok()) return keys.status();
  const absl::StatusOr<recorder::LegalHoldList> list = recorder::LegalHoldList::Load(layout, **keys);
  if (!list.ok()) return list.status();
  v1::ListLegalHoldsResponse response;
  for (const recorder::LegalHold& hold : list->holds()) *response.add_holds() = MessageOf(hold);
  return response;
}

absl::StatusOr<v1::LegalHold> LegalHoldRequests::Place(const v1::LegalHold& asked, absl::Time now) const {
  if (asked.id() != 0) return absl::InvalidArgumentError("hold.id: the gateway gives it");
  if (asked.has_created()) return absl::InvalidArgumentError("hold.created: the gateway says that");
  recorder::LegalHold hold;
  hold.identity = asked.identity();
  hold.reason = asked.reason();
  hold.created = now;
  if (!asked.session().empty()) {
    const std::optional<uint64_t> session = recorder::ParseId(asked.session());
    if (!session.has_value() || *session == 0) return absl::InvalidArgumentError("hold.session: is no session's id");
    hold.session_id = *session;
  }
  if (hold.session_id == 0 && hold.identity.empty()) {
    return absl::InvalidArgumentError("hold: name a session, or callers in hold.identity");
  }
  if (hold.session_id != 0 && !hold.identity.empty()) {
    return absl::InvalidArgumentError("hold.identity: not with a session");
  }
  const absl::Status status = Change(directory_, keys_, [&hold](recorder::LegalHoldList& list) {
    const absl::StatusOr<uint64_t> id = list.Add(hold);
    if (id.ok()) hold.id = *id;
    return id.status();
  });
  if (!status.ok()) return status;
  return MessageOf(hold);
}

absl::Status LegalHoldRequests::Release(uint64_t id) const {
  return Change(directory_, keys_, [id](recorder::LegalHoldList& list) { return list.Release(id); });
}

}  // namespace sallyport::gateway
