#include "replay/view/reading.h"

#include <algorithm>
#include <utility>

#include "recorder/format/call_id.h"
#include "replay/view/call_filter.h"
#include "replay/view/call_view.h"

namespace sallyport::replay {
namespace {

constexpr int kPage = 500;

// The pages of a list, up to `limit` of its elements. `list` takes them out of an answer.
template <typename Request, typename Search, typename List, typename Receiver>
absl::StatusOr<bool> ForEach(Request request, int limit, Search search, List list, Receiver receive) {
  int left = limit;
  while (true) {
    request.set_page_size(limit == 0 ? kPage : std::min(kPage, left));
    const auto page = search(request);
    if (!page.ok()) return page.status();
    for (const auto& element : list(*page)) {
      if (absl::Status status = receive(element); !status.ok()) return status;
      --left;
    }
    if (page->next_page_token().empty()) return false;
    if (limit != 0 && left <= 0) return true;
    request.clear_after();
    request.set_page_token(page->next_page_token());
  }
}

}  // namespace

absl::StatusOr<bool> ForEachCall(CallSource& source, v1::SearchCallsRequest request, int limit,
                                 absl::FunctionRef<absl::Status(const v1::CallSummary&)> call) {
  return ForEach(
      std::move(request), limit, [&](const v1::SearchCallsRequest& page) { return source.SearchCalls(page); },
      [](const v1::SearchCallsResponse& page) -> auto& { return page.calls(); }, call);
}

absl::StatusOr<bool> ForEachSession(CallSource& source, v1::SearchSessionsRequest request, int limit,
                                    absl::FunctionRef<absl::Status(const v1::SessionSummary&)> session) {
  return ForEach(
      std::move(request), limit, [&](const v1::SearchSessionsRequest& page) { return source.SearchSessions(page); },
      [](const v1::SearchSessionsResponse& page) -> auto& { return page.sessions(); }, session);
}

absl::StatusOr<bool> AnyCall(CallSource& source, const v1::Filter& filter) {
  v1::SearchCallsRequest request;
  *request.mutable_filter() = filter;
  request.set_page_size(1);
  const absl::StatusOr<v1::SearchCallsResponse> page = source.SearchCalls(request);
  if (!page.ok()) return page.status();
  return page->calls_size() > 0;
}

absl::StatusOr<v1::CallSummary> FindSummary(CallSource& source, uint64_t id) {
  v1::GetCallRequest request;
  request.set_id(recorder::FormatId(id));
  request.set_summary_only(true);
  absl::StatusOr<v1::Call> call = source.GetCall(request);
  if (!call.ok()) return call.status();
  return std::move(*call->mutable_summary());
}

absl::Status ReadRevealed(CallSource& source, const v1::ReadCallRequest& request, const Revealer* revealer,
                          CallSource::EventReceiver event) {
  if (revealer == nullptr) return source.ReadCall(request, event);
  StoredDescriptors descriptors = DescriptorsOf(source);
  CallView view(&descriptors, request.form(),
                request.indented() ? policy::JsonStyle::kIndented : policy::JsonStyle::kOneLine, revealer);
  v1::ReadCallRequest recorded = request;
  recorded.set_form(v1::EVENT_FORM_RECORD);
  return source.ReadCall(recorded, [&](v1::Event& as_recorded) {
    absl::StatusOr<v1::Event> shown = view.Show(as_recorded.record());
    return shown.ok() ? event(*shown) : shown.status();
  });
}

absl::Status ReadRecord(CallSource& source, uint64_t id, absl::FunctionRef<absl::Status(const v1::Entry&)> entry) {
  v1::ReadCallRequest request;
  request.set_call(recorder::FormatId(id));
  request.set_form(v1::EVENT_FORM_RECORD);
  return source.ReadCall(request, [&](v1::Event& event) { return entry(event.record()); });
}

StoredDescriptors DescriptorsOf(CallSource& source) {
  return StoredDescriptors([&source](const std::string& version) -> absl::StatusOr<std::string> {
    v1::GetDescriptorsRequest request;
    request.set_version(version);
    absl::StatusOr<v1::GetDescriptorsResponse> response = source.GetDescriptors(request);
    if (!response.ok()) return response.status();
    return std::move(*response->mutable_file_descriptor_set());
  });
}

}  // namespace sallyport::replay
