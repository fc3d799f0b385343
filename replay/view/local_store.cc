#include "replay/view/local_store.h"

#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "recorder/format/call_id.h"
#include "recorder/system/file.h"
#include "replay/view/call_filter.h"
#include "replay/view/call_scan.h"
#include "replay/view/call_tail.h"
#include "replay/view/call_view.h"
#include "replay/view/evidence_of.h"
#include "replay/view/index_messages.h"

namespace sallyport::replay {
namespace {

using recorder::FileLock;

// That a gateway came or went shows in no file that is watched.
constexpr absl::Duration kBetweenLooksForWriter = absl::Milliseconds(500);

// Asks for one more than the page has, which shows whether there is a next one. `Query` is one of the index's; `search`
// asks it, `add` makes room for an element of the page.
template <typename Query, typename Page, typename Search, typename Add>
absl::Status FillPage(CallStore& store, Query query, Page* page, Search search, Add add) {
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  const auto size = static_cast<size_t>(query.limit);
  ++query.limit;
  auto found = search(*reader, query);
  if (!found.ok()) return reader->Checked(found.status());
  if (found->size() > size) {
    found->resize(size);
    page->set_next_page_token(recorder::FormatId(found->back().id));
  }
  for (const auto& element : *found) *add(page) = ToMessage(element);
  return absl::OkStatus();
}

// What it follows with outlives the reader that made it, as the store's keys do.
absl::StatusOr<std::unique_ptr<recorder::LogFollower>> Follow(CallStore& store) {
  absl::StatusOr<CallStore::Reader> reader = store.Borrow();
  if (!reader.ok()) return reader.status();
  absl::StatusOr<std::unique_ptr<recorder::LogFollower>> follower = (*reader)->Follow();
  if (!follower.ok()) return reader->Checked(follower.status());
  return follower;
}

// Says `following` when it is first asked, and when that has changed.
class WriterWatch {
 public:
  explicit WriterWatch(const recorder::StoreLayout& layout) : layout_(layout) {}

  absl::Status Tell(CallSource::TailReceiver said) {
    const absl::StatusOr<bool> held = FileLock::IsHeld(layout_.OwnerLock());
    // Where that cannot be known it stays as it was; at first, for one that is written.
    const bool written = held.ok() ? *held : written_;
    if (told_ && written == written_) return absl::OkStatus();
    told_ = true;
    written_ = written;
    v1::TailCallsResponse response;
    response.mutable_following()->set_written(written);
    return said(response);
  }

 private:
  const recorder::StoreLayout& layout_;
  bool told_ = false;
  bool written_ = true;
};

}  // namespace

absl::StatusOr<std::unique_ptr<LocalStore>> LocalStore::Open(const std::string& directory,
                                                             const std::optional<recorder::KeySource>& keys) {
  absl::StatusOr<std::unique_ptr<CallStore>> store = CallStore::Open(directory, keys);
  if (!store.ok()) return store.status();
  return std::make_unique<LocalStore>(*std::move(store));
}

absl::StatusOr<v1::SearchCallsResponse> LocalStore::SearchCalls(const v1::SearchCallsRequest& request) {
  if (NeedsScan(request.filter())) return ScanPage(*store_, request, {}, {});
  const absl::StatusOr<recorder::CallQuery> query = ToQuery(request);
  if (!query.ok()) return query.status();
  v1::SearchCallsResponse response;
  const absl::Status status = FillPage(
      *store_, *query, &response, [](auto& reader, const auto& wanted) { return reader->Calls(wanted); },
      [](v1::SearchCallsResponse* page) { return page->add_calls(); });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::SearchSessionsResponse> LocalStore::SearchSessions(const v1::SearchSessionsRequest& request) {
  const absl::StatusOr<recorder::SessionQuery> query = ToQuery(request);
  if (!query.ok()) return query.status();
  v1::SearchSessionsResponse response;
  const absl::Status status = FillPage(
      *store_, *query, &response, [](auto& reader, const auto& wanted) { return reader->Sessions(wanted); },
      [](v1::SearchSessionsResponse* page) { return page->add_sessions(); });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::Call> LocalStore::GetCall(const v1::GetCallRequest& request) {
  const absl::StatusOr<uint64_t> id = ReadIdField(request.id(), "id");
  if (!id.ok()) return id.status();
  absl::StatusOr<CallStore::Reader> reader = store_->Borrow();
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<recorder::CallSummary> summary = (*reader)->Call(*id);
  if (!summary.ok()) return reader->Checked(summary.status());
  v1::Call call;
  *call.mutable_summary() = ToMessage(*summary);
  if (request.summary_only() || summary->shredded) return call;
  const absl::Status found = absl::CancelledError("what passed is not wanted");
  const absl::Status status = (*reader)->ReadCall(*id, [&](const v1::Entry& entry) {
    if (entry.has_start()) {
      *call.mutable_beginning() = BeginningOf(entry);
      return absl::OkStatus();
    }
    // It comes before everything that passes.
    if (entry.has_decision()) *call.mutable_decision() = entry.decision();
    return found;
  });
  if (!status.ok() && status != found) return reader->Checked(status);
  return call;
}

absl::Status LocalStore::ReadCall(const v1::ReadCallRequest& request, EventReceiver event) {
  const absl::StatusOr<uint64_t> id = ReadIdField(request.call(), "call");
  if (!id.ok()) return id.status();
  absl::StatusOr<CallStore::Reader> reader = store_->Borrow();
  if (!reader.ok()) return reader.status();
  CallView view(&store_->descriptors(), request.form(),
                request.indented() ? policy::JsonStyle::kIndented : policy::JsonStyle::kOneLine);
  return reader->Checked((*reader)->ReadCall(*id, [&](const v1::Entry& entry) {
    absl::StatusOr<v1::Event> shown = view.Show(entry);
    return shown.ok() ? event(*shown) : shown.status();
  }));
}

absl::Status LocalStore::TailCalls(const v1::TailCallsRequest& request, std::stop_token stop, TailReceiver said) {
  const LogWatch& watch = store_->watch();
  absl::StatusOr<std::unique_ptr<recorder::LogFollower>> follower = Follow(*store_);
  if (!follower.ok()) return follower.status();
  const absl::Status stopped = absl::CancelledError("nobody follows any more");
  WriterWatch writer(store_->layout());
  CallTail tail(store_.get(), request);
  v1::TailCallsResponse response;
  while (!stop.stop_requested()) {
    const uint64_t changes = watch.changes();
    if (absl::Status status = writer.Tell(said); !status.ok()) return status;
    const absl::StatusOr<int> entries = (*follower)->Poll([&](const v1::Entry& entry) {
      if (stop.stop_requested()) return stopped;
      absl::StatusOr<std::optional<v1::TailedEvent>> event = tail.Next(entry);
      if (!event.ok()) return event.status();
      if (!event->has_value()) return absl::OkStatus();
      *response.mutable_event() = **std::move(event);
      return said(response);
    });
    if (entries.status() == stopped) break;
    if (!entries.ok()) return entries.status();
    if (*entries > 0) {
      response.mutable_caught_up();
      if (absl::Status status = said(response); !status.ok()) return status;
    }
    watch.Await(changes, absl::Now() + kBetweenLooksForWriter, stop);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Evidence> LocalStore::GetEvidence(const v1::GetEvidenceRequest& request) {
  const absl::StatusOr<uint64_t> id = ReadIdField(request.call(), "call");
  return id.ok() ? EvidenceOfCall(*store_, *id) : id.status();
}

absl::StatusOr<v1::Evidence> LocalStore::ProveList(const v1::ProveListRequest& request) {
  std::vector<uint64_t> ids;
  for (const std::string& text : request.calls()) {
    const absl::StatusOr<uint64_t> id = ReadIdField(text, "calls");
    if (!id.ok()) return id.status();
    ids.push_back(*id);
  }
  return EvidenceOfAnswer(*store_, ids);
}

absl::Status LocalStore::ScanCalls(const v1::SearchCallsRequest& request, std::stop_token stop, ScanReceiver said) {
  return replay::ScanCalls(*store_, request, {}, std::move(stop), said);
}

absl::StatusOr<v1::Gaps> LocalStore::GetGaps(const v1::GetGapsRequest&) {
  absl::StatusOr<CallStore::Reader> reader = store_->Borrow();
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<recorder::StoreGaps> gaps = (*reader)->Gaps();
  if (!gaps.ok()) return reader->Checked(gaps.status());
  return ToMessage(*gaps, store_->LogHealth());
}

absl::StatusOr<v1::GetDescriptorsResponse> LocalStore::GetDescriptors(const v1::GetDescriptorsRequest& request) {
  absl::StatusOr<CallStore::Reader> reader = store_->Borrow();
  if (!reader.ok()) return reader.status();
  absl::StatusOr<std::string> set = (*reader)->Descriptors(request.version());
  if (!set.ok()) return reader->Checked(set.status());
  v1::GetDescriptorsResponse response;
  response.set_file_descriptor_set(*std::move(set));
  return response;
}

}  // namespace sallyport::replay
