#include "replay/view/local_store.h"

#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "recorder/format/call_id.h"
#include "replay/view/call_filter.h"
#include "replay/view/call_hider.h"
#include "replay/view/call_scan.h"
#include "replay/view/call_tail.h"
#include "replay/view/call_view.h"
#include "replay/view/evidence_of.h"
#include "replay/view/frame_parts.h"
#include "replay/view/index_messages.h"
#include "replay/view/local_statistics.h"
#include "replay/view/log_following.h"
#include "replay/view/looks.h"
#include "replay/view/reader_sight.h"
#include "replay/view/session_story.h"
#include "replay/view/store_checks.h"
#include "replay/view/visible_calls.h"

namespace sallyport::replay {
namespace {

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

// What calls said is not looked for among those that somebody has accessed.
absl::Status CheckScan(const v1::Filter& filter) {
  if (filter.accessed_by().empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("filter.accessed_by: it goes without text, where and correlation");
}

// Of sessions that a reader finds: the names that it may not see are not told.
void HideNames(CallStore::Reader& reader, const ReaderRights& rights, std::vector<recorder::SessionSummary>* sessions) {
  for (recorder::SessionSummary& session : *sessions) {
    if (session.name.empty()) continue;
    recorder::CallQuery query;
    query.session_id = session.id;
    query.scope = rights.scope;
    query.order = recorder::CallQuery::Order::kOldestFirst;
    query.limit = 1;
    const absl::StatusOr<std::vector<recorder::CallSummary>> calls = reader->Calls(query);
    if (calls.ok() && !calls->empty()) {
      HideSessionName(rights, calls->front(), &session.name);
    } else {
      session.name.clear();
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<LocalStore>> LocalStore::Open(const std::string& directory,
                                                             const std::optional<recorder::KeySource>& keys) {
  absl::StatusOr<std::unique_ptr<CallStore>> store = CallStore::Open(directory, keys);
  if (!store.ok()) return store.status();
  return std::make_unique<LocalStore>(*std::move(store));
}

std::optional<recorder::CallScope> LocalStore::scope() const {
  if (!rights_.has_value()) return std::nullopt;
  return rights_->scope;
}

ScanOptions LocalStore::Scans() const {
  ScanOptions options;
  options.scope = scope();
  if (rights_.has_value() && rights_->masks != nullptr && !rights_->masks->none()) {
    options.sight = [this] { return SightOf(*rights_, &store_->descriptors()); };
  }
  return options;
}

absl::Status LocalStore::CheckVisible(uint64_t id) {
  if (!rights_.has_value()) return absl::OkStatus();
  absl::StatusOr<CallStore::Reader> reader = store_->Borrow();
  if (!reader.ok()) return reader.status();
  return FindCall(*reader, id, &rights_->scope).status();
}

absl::StatusOr<v1::SearchCallsResponse> LocalStore::SearchAccessed(const recorder::CallQuery& query,
                                                                   const std::string& reader) {
  const absl::StatusOr<AccessedCalls> found = CallsAccessedBy(*store_, reader, query);
  if (!found.ok()) return found.status();
  v1::SearchCallsResponse response;
  for (const recorder::CallSummary& call : found->calls) *response.add_calls() = ToMessage(call);
  if (found->next.has_value()) response.set_next_page_token(recorder::FormatId(*found->next));
  return response;
}

absl::StatusOr<v1::SearchCallsResponse> LocalStore::SearchCalls(const v1::SearchCallsRequest& request) {
  if (NeedsScan(request.filter())) {
    if (absl::Status status = CheckScan(request.filter()); !status.ok()) return status;
    return ScanPage(*store_, request, Scans(), {});
  }
  absl::StatusOr<recorder::CallQuery> query = ToQuery(request);
  if (!query.ok()) return query.status();
  query->scope = scope();
  if (!request.filter().accessed_by().empty()) {
    if (request.count() == v1::COUNT_MODE_NONE) return SearchAccessed(*query, request.filter().accessed_by());
    return absl::InvalidArgumentError("count: calls are not counted by who has accessed them");
  }
  v1::SearchCallsResponse response;
  const absl::Status status = FillPage(
      *store_, *query, &response, [](auto& reader, const auto& wanted) { return reader->Calls(wanted); },
      [](v1::SearchCallsResponse* page) { return page->add_calls(); });
  if (!status.ok()) return status;
  if (absl::Status counted = AddCount(*store_, request, *query, response); !counted.ok()) return counted;
  return response;
}

absl::StatusOr<v1::SearchSessionsResponse> LocalStore::SearchSessions(const v1::SearchSessionsRequest& request) {
  absl::StatusOr<recorder::SessionQuery> query = ToQuery(request);
  if (!query.ok()) return query.status();
  query->scope = scope();
  v1::SearchSessionsResponse response;
  const auto search = [this](CallStore::Reader& reader, const recorder::SessionQuery& wanted) {
    absl::StatusOr<std::vector<recorder::SessionSummary>> found = reader->Sessions(wanted);
    if (found.ok() && rights_.has_value() && rights_->masks != nullptr) HideNames(reader, *rights_, &*found);
    return found;
  };
  const absl::Status status = FillPage(*store_, *query, &response, search,
                                       [](v1::SearchSessionsResponse* page) { return page->add_sessions(); });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<v1::Call> LocalStore::GetCall(const v1::GetCallRequest& request) {
  const absl::StatusOr<uint64_t> id = ReadIdField(request.id(), "id");
  if (!id.ok()) return id.status();
  absl::StatusOr<CallStore::Reader> reader = store_->Borrow();
  if (!reader.ok()) return reader.status();
  const absl::StatusOr<recorder::CallSummary> summary =
      FindCall(*reader, *id, rights_.has_value() ? &rights_->scope : nullptr);
  if (!summary.ok()) return summary.status();
  v1::Call call;
  *call.mutable_summary() = ToMessage(*summary);
  if (request.summary_only() || summary->shredded) return call;
  CallView view(&store_->descriptors(), v1::EVENT_FORM_OUTLINE, policy::JsonStyle::kOneLine, nullptr, rights());
  const absl::Status found = absl::CancelledError("what passed is not wanted");
  const absl::Status status = (*reader)->ReadCall(*id, [&](const v1::Entry& entry) {
    if (entry.has_start()) {
      *call.mutable_beginning() = view.Beginning(entry);
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
  if (absl::Status status = CheckVisible(*id); !status.ok()) return status;
  absl::StatusOr<CallStore::Reader> reader = store_->Borrow();
  if (!reader.ok()) return reader.status();
  CallView view(&store_->descriptors(), request.form(),
                request.indented() ? policy::JsonStyle::kIndented : policy::JsonStyle::kOneLine, nullptr, rights());
  return reader->Checked((*reader)->ReadCall(*id, [&](const v1::Entry& entry) {
    absl::StatusOr<v1::Event> shown = view.Show(entry);
    return shown.ok() ? event(*shown) : shown.status();
  }));
}

absl::Status LocalStore::TailCalls(const v1::TailCallsRequest& request, std::stop_token stop, TailReceiver said) {
  const LogWatch& watch = store_->watch();
  absl::StatusOr<std::unique_ptr<recorder::LogFollower>> follower = FollowLog(*store_);
  if (!follower.ok()) return follower.status();
  const absl::Status stopped = absl::CancelledError("nobody follows any more");
  WriterWatch writer(store_->layout());
  CallTail tail(store_.get());
  tail.Listen({std::make_shared<const TailWish>(request, rights_)});
  while (!stop.stop_requested()) {
    const uint64_t changes = watch.changes();
    if (writer.Look()) {
      v1::TailCallsResponse response;
      response.mutable_following()->set_written(writer.written());
      if (absl::Status status = said(response); !status.ok()) return status;
    }
    bool told = false;
    const absl::StatusOr<int> entries = (*follower)->Poll([&](const v1::Entry& entry) {
      if (stop.stop_requested()) return stopped;
      return tail.Next(entry, [&](const CallTail::Said& event, absl::Span<const uint32_t> /*to*/) {
        told = true;
        return said(*event);
      });
    });
    if (entries.status() == stopped) break;
    if (!entries.ok()) return entries.status();
    // That there was something that may not be seen is nobody's business.
    if (rights_.has_value() ? told : *entries > 0) {
      v1::TailCallsResponse response;
      response.mutable_caught_up();
      if (absl::Status status = said(response); !status.ok()) return status;
    }
    watch.Await(changes, absl::Now() + kBetweenLooksForWriter, stop);
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ListLooksResponse> LocalStore::ListLooks(const v1::ListLooksRequest& request) {
  const absl::StatusOr<uint64_t> id = ReadIdField(request.call(), "call");
  if (!id.ok()) return id.status();
  absl::StatusOr<recorder::CallSummary> call = absl::UnknownError("not looked for");
  {
    absl::StatusOr<CallStore::Reader> reader = store_->Borrow();
    if (!reader.ok()) return reader.status();
    call = FindCall(*reader, *id, rights_.has_value() ? &rights_->scope : nullptr);
  }
  if (!call.ok()) return call.status();
  return LooksAt(*store_, *call, request);
}

absl::Status LocalStore::GetFrame(const v1::GetFrameRequest& request, FrameReceiver part) {
  const absl::StatusOr<uint64_t> id = ReadIdField(request.call(), "call");
  if (!id.ok()) return id.status();
  if (absl::Status status = CheckVisible(*id); !status.ok()) return status;
  return TellFrame(*store_, *id, request, rights(), part);
}

absl::Status LocalStore::GetSession(const v1::GetSessionRequest& request, SessionReceiver event) {
  return TellSession(*store_, request, rights(), event);
}

absl::StatusOr<v1::GetCheckpointsResponse> LocalStore::GetCheckpoints(const v1::GetCheckpointsRequest& request) {
  return CheckpointsOf(*store_, request);
}

absl::Status LocalStore::VerifyStore(const v1::VerifyStoreRequest&, std::stop_token stop, VerifyReceiver said) {
  return VerifyWholeStore(*store_, stop, said);
}

absl::StatusOr<v1::Evidence> LocalStore::GetEvidence(const v1::GetEvidenceRequest& request) {
  const absl::StatusOr<uint64_t> id = ReadIdField(request.call(), "call");
  if (!id.ok()) return id.status();
  if (absl::Status status = CheckVisible(*id); !status.ok()) return status;
  return EvidenceOfCall(*store_, *id);
}

absl::StatusOr<v1::Evidence> LocalStore::ProveList(const v1::ProveListRequest& request) {
  std::vector<uint64_t> ids;
  for (const std::string& text : request.calls()) {
    const absl::StatusOr<uint64_t> id = ReadIdField(text, "calls");
    if (!id.ok()) return id.status();
    if (absl::Status status = CheckVisible(*id); !status.ok()) return status;
    ids.push_back(*id);
  }
  return EvidenceOfAnswer(*store_, ids);
}

absl::Status LocalStore::ScanCalls(const v1::SearchCallsRequest& request, std::stop_token stop, ScanReceiver said) {
  if (absl::Status status = CheckScan(request.filter()); !status.ok()) return status;
  return replay::ScanCalls(*store_, request, Scans(), std::move(stop), said);
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
