#include "replay/client/remote_source.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/format/call_id.h"
#include "recorder/verify/evidence_check.h"
#include "replay/client/answer_check.h"
#include "replay/client/remote_answers.h"
#include "replay/client/remote_exchange.h"
#include "replay/view/printable.h"

namespace sallyport::replay {
namespace {

// Where there is no message to be checked.
absl::Status CutShort() { return absl::UnavailableError("it ended before it was through: ask again"); }

absl::Status CheckOf(const std::string& id, const std::string& asked) {
  if (recorder::ParseId(id) == recorder::ParseId(asked)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("it is of call ", id, ", which nobody asked for"));
}

// Evidence that holds may be of something else than was asked for.
absl::Status CheckAbout(const recorder::ProvenEvidence& proven, uint64_t id) {
  const auto* call = std::get_if<recorder::ProvenCall>(&proven.about);
  if (call != nullptr && call->stated.id() == id) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("it proves something else than call ", recorder::FormatId(id)));
}

absl::Status CheckAbout(const recorder::ProvenEvidence& proven, std::vector<uint64_t> ids) {
  const auto* answer = std::get_if<recorder::ProvenAnswer>(&proven.about);
  if (answer == nullptr) return absl::DataLossError("it proves no list");
  std::vector<uint64_t> listed = answer->listed;
  std::sort(listed.begin(), listed.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  // A call that is shredded, or has left the log, is proved by nothing.
  if (std::includes(ids.begin(), ids.end(), listed.begin(), listed.end())) return absl::OkStatus();
  return absl::DataLossError("it lists calls that were not asked for");
}

}  // namespace

absl::StatusOr<std::unique_ptr<RemoteSource>> RemoteSource::Create(RemoteOptions options) {
  absl::StatusOr<ServerAddress> address = ServerAddress::Parse(options.server);
  if (!address.ok()) return address.status();
  if (options.tls && options.plaintext) {
    return absl::InvalidArgumentError("a server is asked with TLS or in plain text, not both");
  }
  if (!options.tls && !options.plaintext && !address->local) {
    return absl::InvalidArgumentError(absl::StrCat(
        address->name, " is not on this machine, and is asked with TLS unless --plaintext says otherwise"));
  }
  const absl::Duration patience = options.patience;
  const absl::Duration long_patience = options.long_patience;
  auto exchange = std::make_unique<RemoteExchange>(*std::move(address), std::move(options));
  return std::unique_ptr<RemoteSource>(new RemoteSource(std::move(exchange), patience, long_patience));
}

RemoteSource::RemoteSource(std::unique_ptr<RemoteExchange> exchange, absl::Duration patience,
                           absl::Duration long_patience)
    : exchange_(std::move(exchange)), patience_(patience), long_patience_(long_patience) {}

RemoteSource::~RemoteSource() = default;

absl::Status RemoteSource::Wrong(const char* method, const absl::Status& status) const {
  return InAnswer(status, exchange_->server(), method);
}

template <typename Response>
absl::StatusOr<Response> RemoteSource::One(const char* method, const google::protobuf::MessageLite& request,
                                           absl::Duration patience) {
  std::optional<Response> response;
  const absl::Status status = exchange_->Ask({method, &request, patience, {}}, [&](grpc::ByteBuffer& bytes) {
    if (response.has_value()) return Wrong(method, absl::DataLossError("there are two messages where one belongs"));
    return Wrong(method, ParseAnswer(bytes, &response.emplace()));
  });
  if (!status.ok()) return status;
  if (!response.has_value()) return Wrong(method, absl::DataLossError("there is nothing in it"));
  return *std::move(response);
}

template <typename Response>
absl::Status RemoteSource::Each(const char* method, const google::protobuf::MessageLite& request,
                                const std::stop_token& stop, absl::FunctionRef<absl::Status(Response&)> receive) {
  return exchange_->Ask({method, &request, std::nullopt, stop}, [&](grpc::ByteBuffer& bytes) {
    Response response;
    absl::Status status = ParseAnswer(bytes, &response);
    if constexpr (!std::is_same_v<Response, v1::VerifyStoreResponse>) {
      if (status.ok()) status = CheckAnswer(response);
    }
    return status.ok() ? receive(response) : Wrong(method, status);
  });
}

absl::StatusOr<v1::SearchCallsResponse> RemoteSource::SearchCalls(const v1::SearchCallsRequest& request) {
  absl::StatusOr<v1::SearchCallsResponse> page = One<v1::SearchCallsResponse>("SearchCalls", request, long_patience_);
  if (!page.ok()) return page;
  if (absl::Status status = Wrong("SearchCalls", CheckAnswer(*page, request.page_size())); !status.ok()) return status;
  return page;
}

absl::StatusOr<v1::SearchSessionsResponse> RemoteSource::SearchSessions(const v1::SearchSessionsRequest& request) {
  absl::StatusOr<v1::SearchSessionsResponse> page =
      One<v1::SearchSessionsResponse>("SearchSessions", request, long_patience_);
  if (!page.ok()) return page;
  if (absl::Status status = Wrong("SearchSessions", CheckAnswer(*page, request.page_size())); !status.ok())
    return status;
  return page;
}

absl::StatusOr<v1::Call> RemoteSource::GetCall(const v1::GetCallRequest& request) {
  absl::StatusOr<v1::Call> call = One<v1::Call>("GetCall", request, patience_);
  if (!call.ok()) return call;
  absl::Status status = CheckAnswer(*call);
  if (status.ok()) status = CheckOf(call->summary().id(), request.id());
  if (!status.ok()) return Wrong("GetCall", status);
  return call;
}

absl::Status RemoteSource::ReadCall(const v1::ReadCallRequest& request, EventReceiver event) {
  return Each<v1::Event>("ReadCall", request, {}, [&](v1::Event& each) {
    absl::Status status = CheckOf(each.call(), request.call());
    if (status.ok() && each.has_record() && recorder::ParseId(request.call()) != each.record().call_id()) {
      status = absl::DataLossError("it has an entry of another call");
    }
    return status.ok() ? event(each) : Wrong("ReadCall", status);
  });
}

absl::Status RemoteSource::TailCalls(const v1::TailCallsRequest& request, std::stop_token stop, TailReceiver said) {
  const absl::Status status =
      Each<v1::TailCallsResponse>("TailCalls", request, stop, [&](v1::TailCallsResponse& each) { return said(each); });
  if (stop.stop_requested()) return absl::OkStatus();
  return status.ok() ? Wrong("TailCalls", CutShort()) : status;
}

absl::Status RemoteSource::ScanCalls(const v1::SearchCallsRequest& request, std::stop_token stop, ScanReceiver said) {
  bool done = false;
  const absl::Status status = Each<v1::ScanCallsResponse>("ScanCalls", request, stop, [&](v1::ScanCallsResponse& each) {
    done = each.progress().done();
    return said(each);
  });
  return status.ok() && !done ? Wrong("ScanCalls", CutShort()) : status;
}

absl::Status RemoteSource::VerifyStore(const v1::VerifyStoreRequest& request, std::stop_token stop,
                                       VerifyReceiver said) {
  bool done = false;
  const absl::Status status =
      Each<v1::VerifyStoreResponse>("VerifyStore", request, stop, [&](v1::VerifyStoreResponse& each) {
        done = each.has_result();
        return said(each);
      });
  return status.ok() && !done ? Wrong("VerifyStore", CutShort()) : status;
}

absl::StatusOr<v1::Statistics> RemoteSource::GetStatistics(const v1::StatisticsRequest& request) {
  return One<v1::Statistics>("Statistics", request, long_patience_);
}

absl::StatusOr<v1::ListMethodsResponse> RemoteSource::ListMethods(const v1::ListMethodsRequest& request) {
  return One<v1::ListMethodsResponse>("ListMethods", request, patience_);
}

absl::StatusOr<v1::ListLooksResponse> RemoteSource::ListLooks(const v1::ListLooksRequest& request) {
  absl::StatusOr<v1::ListLooksResponse> page = One<v1::ListLooksResponse>("ListLooks", request, patience_);
  if (!page.ok()) return page;
  if (absl::Status status = Wrong("ListLooks", CheckAnswer(*page)); !status.ok()) return status;
  return page;
}

absl::Status RemoteSource::GetFrame(const v1::GetFrameRequest& request, FrameReceiver part) {
  return Each<v1::FramePart>("GetFrame", request, {}, [&](v1::FramePart& each) { return part(each); });
}

absl::Status RemoteSource::GetSession(const v1::GetSessionRequest& request, SessionReceiver event) {
  return Each<v1::SessionEvent>("GetSession", request, {}, event);
}

absl::StatusOr<v1::GetCheckpointsResponse> RemoteSource::GetCheckpoints(const v1::GetCheckpointsRequest& request) {
  return One<v1::GetCheckpointsResponse>("GetCheckpoints", request, patience_);
}

absl::StatusOr<recorder::VerifierKey> RemoteSource::LogKey() {
  const absl::StatusOr<v1::GetCheckpointsResponse> checkpoints = GetCheckpoints({});
  if (!checkpoints.ok()) return checkpoints.status();
  absl::StatusOr<recorder::VerifierKey> key = recorder::VerifierKey::Parse(checkpoints->key());
  if (!key.ok()) return Wrong("GetCheckpoints", absl::DataLossError(Printable(std::string(key.status().message()))));
  return key;
}

absl::StatusOr<v1::Evidence> RemoteSource::GetEvidence(const v1::GetEvidenceRequest& request) {
  const std::optional<uint64_t> id = recorder::ParseId(request.call());
  if (!id.has_value()) return absl::InvalidArgumentError("call: it is no id");
  absl::StatusOr<v1::Evidence> evidence = One<v1::Evidence>("GetEvidence", request, long_patience_);
  if (!evidence.ok()) return evidence;
  const absl::StatusOr<recorder::VerifierKey> key = LogKey();
  if (!key.ok()) return key.status();
  const absl::StatusOr<recorder::ProvenEvidence> proven = recorder::VerifyEvidence(*evidence, *key);
  absl::Status status = proven.ok() ? CheckAbout(*proven, *id) : absl::DataLossError(proven.status().message());
  if (!status.ok()) return Wrong("GetEvidence", status);
  return evidence;
}

absl::StatusOr<v1::Evidence> RemoteSource::ProveList(const v1::ProveListRequest& request) {
  std::vector<uint64_t> ids;
  for (const std::string& text : request.calls()) {
    const std::optional<uint64_t> id = recorder::ParseId(text);
    if (!id.has_value()) return absl::InvalidArgumentError("calls: one is no id");
    ids.push_back(*id);
  }
  absl::StatusOr<v1::Evidence> evidence = One<v1::Evidence>("ProveList", request, long_patience_);
  if (!evidence.ok()) return evidence;
  const absl::StatusOr<recorder::VerifierKey> key = LogKey();
  if (!key.ok()) return key.status();
  const absl::StatusOr<recorder::ProvenEvidence> proven = recorder::VerifyEvidence(*evidence, *key);
  absl::Status status =
      proven.ok() ? CheckAbout(*proven, std::move(ids)) : absl::DataLossError(proven.status().message());
  if (!status.ok()) return Wrong("ProveList", status);
  return evidence;
}

absl::StatusOr<v1::Gaps> RemoteSource::GetGaps(const v1::GetGapsRequest& request) {
  return One<v1::Gaps>("GetGaps", request, patience_);
}

absl::StatusOr<v1::GetDescriptorsResponse> RemoteSource::GetDescriptors(const v1::GetDescriptorsRequest& request) {
  return One<v1::GetDescriptorsResponse>("GetDescriptors", request, patience_);
}

}  // namespace sallyport::replay
