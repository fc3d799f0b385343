#include "replay/view/session_story.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <queue>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "replay/view/call_filter.h"
#include "replay/view/call_view.h"
#include "replay/view/index_messages.h"

namespace sallyport::replay {
namespace {

using recorder::CallQuery;
using recorder::CallSummary;

constexpr int kCallsAtOnce = 1000;
constexpr uint64_t kFarthestApartNs = 10'000'000'000;
constexpr size_t kMostBytesHeld = 8 << 20;

// Puts entries in order. Lives while one story is told.
class InOrder {
 public:
  using Receiver = absl::FunctionRef<absl::Status(const v1::Entry& entry)>;
  explicit InOrder(Receiver receiver) : receiver_(receiver) {}

  absl::Status Add(const v1::Entry& entry) {
    // A clock that was set back does not change the order within a call.
    uint64_t& last = last_[entry.call_id()];
    last = std::max(last, entry.time_ns());
    newest_ = std::max(newest_, last);
    Held held = {last, number_++, std::make_unique<v1::Entry>(entry)};
    bytes_ += entry.ByteSizeLong();
    if (entry.has_end()) last_.erase(entry.call_id());
    held_.push(std::move(held));
    while (!held_.empty() && (bytes_ > kMostBytesHeld || newest_ - held_.top().time_ns > kFarthestApartNs)) {
      if (absl::Status status = HandOn(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }
  absl::Status Finish() {
    while (!held_.empty()) {
      if (absl::Status status = HandOn(); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  struct Held {
    uint64_t time_ns = 0;
    uint64_t number = 0;  // in the log
    std::unique_ptr<const v1::Entry> entry;
    // What comes later has less to say in a priority queue.
    bool operator<(const Held& other) const {
      return std::pair(time_ns, number) > std::pair(other.time_ns, other.number);
    }
  };

  absl::Status HandOn() {
    // The queue gives nothing away; the element is dropped at once.
    const std::unique_ptr<const v1::Entry> entry = std::move(const_cast<Held&>(held_.top()).entry);
    held_.pop();
    bytes_ -= entry->ByteSizeLong();
    return receiver_(*entry);
  }

  const Receiver receiver_;
  std::priority_queue<Held> held_;
  absl::flat_hash_map<uint64_t, uint64_t> last_;  // of the calls that have not ended
  uint64_t newest_ = 0;
  uint64_t number_ = 0;
  size_t bytes_ = 0;
};

// Lives while one story is told.
class Story {
 public:
  Story(CallStore* store, v1::EventForm form, const ReaderRights* rights, CallSource::SessionReceiver event)
      : store_(*store), form_(form), rights_(rights), event_(event) {}

  absl::Status Tell(uint64_t session);

 private:
  absl::Status FindCalls(CallStore::Reader& reader, uint64_t session);
  absl::Status TellSummary(CallStore::Reader& reader, uint64_t session);
  absl::StatusOr<std::vector<recorder::Position>> FindBlocks(CallStore::Reader& reader);
  absl::Status TellEntry(const v1::Entry& entry);
  std::unique_ptr<CallView> View() const {
    return std::make_unique<CallView>(&store_.descriptors(), form_, policy::JsonStyle::kOneLine, nullptr, rights_);
  }

  CallStore& store_;
  const v1::EventForm form_;
  const ReaderRights* const rights_;
  const CallSource::SessionReceiver event_;
  CallSummary first_;
  CallSummary last_;
  // The calls that are to be told of; with a view while they are.
  absl::flat_hash_map<uint64_t, std::unique_ptr<CallView>> calls_;
};

absl::Status Story::Tell(uint64_t session) {
  absl::StatusOr<CallStore::Reader> reader = store_.Borrow();
  if (!reader.ok()) return reader.status();
  if (absl::Status status = FindCalls(*reader, session); !status.ok()) return status;
  if (absl::Status status = TellSummary(*reader, session); !status.ok()) return status;
  const absl::StatusOr<std::vector<recorder::Position>> blocks = FindBlocks(*reader);
  if (!blocks.ok()) return blocks.status();
  const auto tell = [this](const v1::Entry& entry) { return TellEntry(entry); };
  InOrder in_order(tell);
  const auto is_told = [this](uint64_t id) { return calls_.contains(id); };
  const absl::Status status =
      (*reader)->ReadBlocks(*blocks, is_told, [&](const v1::Entry& entry) { return in_order.Add(entry); });
  return reader->Checked(status.ok() ? in_order.Finish() : status);
}

absl::Status Story::FindCalls(CallStore::Reader& reader, uint64_t session) {
  CallQuery query;
  query.session_id = session;
  if (rights_ != nullptr) query.scope = rights_->scope;
  query.order = CallQuery::Order::kOldestFirst;
  query.limit = kCallsAtOnce;
  while (session != 0) {
    const absl::StatusOr<std::vector<CallSummary>> found = reader->Calls(query);
    if (!found.ok()) return reader.Checked(found.status());
    for (const CallSummary& call : *found) {
      if (calls_.empty()) first_ = call;
      last_ = call;
      calls_[call.id];
    }
    if (calls_.size() > kMostCallsOfSession) {
      return absl::ResourceExhaustedError(absl::StrCat("session ", recorder::FormatId(session), " has more than ",
                                                       kMostCallsOfSession, " calls: search them with filter.session"));
    }
    if (found->size() < static_cast<size_t>(kCallsAtOnce)) break;
    query.after = found->back().id;
  }
  if (!calls_.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("there is no session ", recorder::FormatId(session), " in this store"));
}

absl::Status Story::TellSummary(CallStore::Reader& reader, uint64_t session) {
  recorder::SessionSummary summary;
  summary.id = session;
  summary.identity = first_.identity;
  summary.peer = first_.peer;
  summary.first_start = first_.start;
  summary.last_start = last_.start;
  summary.calls = calls_.size();
  v1::SessionEvent said;
  *said.mutable_session() = ToMessage(summary);
  const absl::Status found = absl::CancelledError("no more is wanted of it");
  const absl::Status status = reader->ReadCall(first_.id, [&](const v1::Entry& entry) {
    if (!entry.has_start()) return absl::OkStatus();
    const v1::CallBeginning beginning = View()->Beginning(entry);
    said.mutable_session()->set_name(beginning.session_name());
    const auto exact = beginning.exact().find("session_name");
    if (exact != beginning.exact().end()) (*said.mutable_session()->mutable_exact())["name"] = exact->second;
    return found;
  });
  // What cannot be read of the call is told when it is its turn.
  if (absl::IsUnavailable(status)) return status;
  return event_(said);
}

absl::StatusOr<std::vector<recorder::Position>> Story::FindBlocks(CallStore::Reader& reader) {
  std::vector<recorder::Position> blocks;
  for (const auto& [id, view] : calls_) {
    const absl::StatusOr<std::vector<recorder::Position>> of_call = reader->CallBlocks(id);
    // Destroyed since it was found.
    if (absl::IsNotFound(of_call.status()) || absl::IsFailedPrecondition(of_call.status())) continue;
    if (!of_call.ok()) return reader.Checked(of_call.status());
    blocks.insert(blocks.end(), of_call->begin(), of_call->end());
  }
  std::sort(blocks.begin(), blocks.end());
  blocks.erase(std::unique(blocks.begin(), blocks.end()), blocks.end());
  return blocks;
}

absl::Status Story::TellEntry(const v1::Entry& entry) {
  const auto place = calls_.find(entry.call_id());
  if (place == calls_.end()) return absl::OkStatus();
  if (place->second == nullptr) place->second = View();
  absl::StatusOr<v1::Event> shown = place->second->Show(entry);
  if (!shown.ok()) return shown.status();
  if (entry.has_end()) place->second = nullptr;
  v1::SessionEvent said;
  *said.mutable_event() = *std::move(shown);
  return event_(said);
}

}  // namespace

absl::Status TellSession(CallStore& store, const v1::GetSessionRequest& request, const ReaderRights* rights,
                         CallSource::SessionReceiver event) {
  const absl::StatusOr<uint64_t> id = ReadIdField(request.id(), "id");
  if (!id.ok()) return id.status();
  return Story(&store, request.form(), rights, event).Tell(*id);
}

}  // namespace sallyport::replay
