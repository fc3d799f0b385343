#include "gateway/api/audit_service.h"

#include <stop_token>
#include <utility>

#include "absl/algorithm/container.h"
#include "gateway/api/audit_answers.h"

namespace sallyport::gateway {
namespace {

using Recorded = ApiCalls::Recorded;

bool SeesCalls(const Reader& reader) { return reader.SeesCalls(); }
bool SeesNumbers(const Reader& reader) { return reader.SeesCalls() || reader.operates(); }
bool Verifies(const Reader& reader) { return reader.auditor() || reader.operates(); }
bool Audits(const Reader& reader) { return reader.auditor(); }
bool Anybody(const Reader& /*reader*/) { return true; }

// The answer, or why there is none.
template <typename Response>
absl::Status Give(absl::StatusOr<Response> found, Response* response) {
  if (!found.ok()) return found.status();
  *response = *std::move(found);
  return absl::OkStatus();
}

constexpr auto kNothingYet = [](ApiCall& /*call*/, const auto& /*asked*/, ShownCalls& /*shown*/) {};

}  // namespace

void AuditService::AddIfSeen(const ApiCall& call, const std::string& id, ShownCalls& shown) {
  v1::GetCallRequest asked;
  asked.set_id(id);
  asked.set_summary_only(true);
  // What is wrong with it, whoever reads it is told.
  if (const absl::StatusOr<v1::Call> found = SourceFor(call)->GetCall(asked); found.ok()) {
    shown.Add(id, found->summary().method());
  }
}

std::unique_ptr<replay::CallSource> AuditService::SourceFor(const ApiCall& call) {
  return sources_->For(call.reader, call.rules->reader_masks);
}

grpc::ServerUnaryReactor* AuditService::SearchCalls(grpc::CallbackServerContext* context,
                                                    const v1::SearchCallsRequest* request,
                                                    v1::SearchCallsResponse* response) {
  return calls_->Answer<v1::SearchCallsRequest, v1::SearchCallsResponse>(
      context, "/sallyport.v1.Audit/SearchCalls", request, response, SeesCalls, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& shown) {
        absl::Status status = Give(SourceFor(call)->SearchCalls(asked), answer);
        for (const v1::CallSummary& each : answer->calls()) shown.Add(each.id(), each.method());
        if (answer->has_count()) shown.AddNumbers();
        return status;
      });
}

grpc::ServerWriteReactor<v1::ScanCallsResponse>* AuditService::ScanCalls(grpc::CallbackServerContext* context,
                                                                         const v1::SearchCallsRequest* request) {
  return calls_->Stream<v1::SearchCallsRequest, v1::ScanCallsResponse>(
      context, "/sallyport.v1.Audit/ScanCalls", request, SeesCalls, kNothingYet,
      [this](ApiCall& call, const auto& asked, auto& writer) {
        return SourceFor(call)->ScanCalls(asked, call.stop.get_token(), [&writer](const v1::ScanCallsResponse& said) {
          if (said.has_call()) writer.Shows(said.call().id(), said.call().method());
          return writer.Write(said);
        });
      });
}

grpc::ServerUnaryReactor* AuditService::GetCall(grpc::CallbackServerContext* context, const v1::GetCallRequest* request,
                                                v1::Call* response) {
  return calls_->Answer<v1::GetCallRequest, v1::Call>(
      context, "/sallyport.v1.Audit/GetCall", request, response, SeesCalls, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& shown) {
        absl::Status status = Give(SourceFor(call)->GetCall(asked), answer);
        shown.Add(answer->summary().id(), answer->summary().method());
        return status;
      });
}

grpc::ServerWriteReactor<v1::Event>* AuditService::ReadCall(grpc::CallbackServerContext* context,
                                                            const v1::ReadCallRequest* request) {
  return calls_->Stream<v1::ReadCallRequest, v1::Event>(
      context, "/sallyport.v1.Audit/ReadCall", request, SeesCalls,
      [this](ApiCall& call, const auto& asked, ShownCalls& shown) { AddIfSeen(call, asked.call(), shown); },
      [this](ApiCall& call, const auto& asked, auto& writer) {
        return SourceFor(call)->ReadCall(asked, [&writer](v1::Event& event) { return writer.Write(event); });
      });
}

grpc::ServerWriteReactor<v1::FramePart>* AuditService::GetFrame(grpc::CallbackServerContext* context,
                                                                const v1::GetFrameRequest* request) {
  return calls_->Stream<v1::GetFrameRequest, v1::FramePart>(
      context, "/sallyport.v1.Audit/GetFrame", request, SeesCalls,
      [this](ApiCall& call, const auto& asked, ShownCalls& shown) { AddIfSeen(call, asked.call(), shown); },
      [this](ApiCall& call, const auto& asked, auto& writer) {
        return SourceFor(call)->GetFrame(asked, [&writer](const v1::FramePart& part) { return writer.Write(part); });
      });
}

grpc::ServerUnaryReactor* AuditService::SearchSessions(grpc::CallbackServerContext* context,
                                                       const v1::SearchSessionsRequest* request,
                                                       v1::SearchSessionsResponse* response) {
  return calls_->Answer<v1::SearchSessionsRequest, v1::SearchSessionsResponse>(
      context, "/sallyport.v1.Audit/SearchSessions", request, response, SeesCalls, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& shown) {
        shown.AddNumbers();
        return Give(SourceFor(call)->SearchSessions(asked), answer);
      });
}

grpc::ServerWriteReactor<v1::SessionEvent>* AuditService::GetSession(grpc::CallbackServerContext* context,
                                                                     const v1::GetSessionRequest* request) {
  return calls_->Stream<v1::GetSessionRequest, v1::SessionEvent>(
      context, "/sallyport.v1.Audit/GetSession", request, SeesCalls, kNothingYet,
      [this](ApiCall& call, const auto& asked, auto& writer) {
        return SourceFor(call)->GetSession(asked, [&writer](v1::SessionEvent& said) {
          if (said.has_event()) writer.Shows(said.event().call(), said.event().beginning().method());
          return writer.Write(said);
        });
      });
}

grpc::ServerWriteReactor<v1::TailCallsResponse>* AuditService::TailCalls(grpc::CallbackServerContext* context,
                                                                         const v1::TailCallsRequest* request) {
  return calls_->Stream<v1::TailCallsRequest, v1::TailCallsResponse>(
      context, "/sallyport.v1.Audit/TailCalls", request, SeesCalls, kNothingYet,
      [this](ApiCall& call, const auto& asked, auto& writer) {
        return SourceFor(call)->TailCalls(asked, call.stop.get_token(), [&writer](const v1::TailCallsResponse& said) {
          if (said.has_event()) writer.Shows(said.event().event().call(), said.event().method());
          return writer.Write(said);
        });
      });
}

grpc::ServerUnaryReactor* AuditService::GetEvidence(grpc::CallbackServerContext* context,
                                                    const v1::GetEvidenceRequest* request, v1::Evidence* response) {
  return calls_->Answer<v1::GetEvidenceRequest, v1::Evidence>(
      context, "/sallyport.v1.Audit/GetEvidence", request, response, SeesCalls, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& shown) {
        absl::Status status = Give(SourceFor(call)->GetEvidence(asked), answer);
        if (status.ok()) shown.Add(asked.call(), "");
        return status;
      });
}

grpc::ServerUnaryReactor* AuditService::ProveList(grpc::CallbackServerContext* context,
                                                  const v1::ProveListRequest* request, v1::Evidence* response) {
  return calls_->Answer<v1::ProveListRequest, v1::Evidence>(
      context, "/sallyport.v1.Audit/ProveList", request, response, SeesCalls, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& shown) {
        absl::Status status = Give(SourceFor(call)->ProveList(asked), answer);
        if (!status.ok()) return status;
        for (const std::string& each : asked.calls()) shown.Add(each, "");
        return status;
      });
}

grpc::ServerUnaryReactor* AuditService::GetCheckpoints(grpc::CallbackServerContext* context,
                                                       const v1::GetCheckpointsRequest* request,
                                                       v1::GetCheckpointsResponse* response) {
  return calls_->Answer<v1::GetCheckpointsRequest, v1::GetCheckpointsResponse>(
      context, "/sallyport.v1.Audit/GetCheckpoints", request, response, SeesNumbers, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& /*shown*/) {
        return Give(SourceFor(call)->GetCheckpoints(asked), answer);
      });
}

grpc::ServerWriteReactor<v1::VerifyStoreResponse>* AuditService::VerifyStore(grpc::CallbackServerContext* context,
                                                                             const v1::VerifyStoreRequest* request) {
  return calls_->Stream<v1::VerifyStoreRequest, v1::VerifyStoreResponse>(
      context, "/sallyport.v1.Audit/VerifyStore", request, Verifies,
      [](ApiCall& /*call*/, const auto& /*asked*/, ShownCalls& shown) { shown.AddNumbers(); },
      [this](ApiCall& call, const auto& asked, auto& writer) {
        return SourceFor(call)->VerifyStore(
            asked, call.stop.get_token(),
            [&writer](const v1::VerifyStoreResponse& said) { return writer.Write(said); });
      });
}

grpc::ServerUnaryReactor* AuditService::Statistics(grpc::CallbackServerContext* context,
                                                   const v1::StatisticsRequest* request, v1::Statistics* response) {
  return calls_->Answer<v1::StatisticsRequest, v1::Statistics>(
      context, "/sallyport.v1.Audit/Statistics", request, response, SeesNumbers, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& shown) {
        shown.AddNumbers();
        return Give(SourceFor(call)->GetStatistics(asked), answer);
      });
}

grpc::ServerUnaryReactor* AuditService::ListMethods(grpc::CallbackServerContext* context,
                                                    const v1::ListMethodsRequest* request,
                                                    v1::ListMethodsResponse* response) {
  return calls_->Answer<v1::ListMethodsRequest, v1::ListMethodsResponse>(
      context, "/sallyport.v1.Audit/ListMethods", request, response, SeesNumbers, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& shown) {
        shown.AddNumbers();
        return Give(SourceFor(call)->ListMethods(asked), answer);
      });
}

grpc::ServerUnaryReactor* AuditService::GetGaps(grpc::CallbackServerContext* context, const v1::GetGapsRequest* request,
                                                v1::Gaps* response) {
  return calls_->Answer<v1::GetGapsRequest, v1::Gaps>(
      context, "/sallyport.v1.Audit/GetGaps", request, response, SeesNumbers, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& /*shown*/) {
        return Give(SourceFor(call)->GetGaps(asked), answer);
      });
}

grpc::ServerUnaryReactor* AuditService::GetDescriptors(grpc::CallbackServerContext* context,
                                                       const v1::GetDescriptorsRequest* request,
                                                       v1::GetDescriptorsResponse* response) {
  return calls_->Answer<v1::GetDescriptorsRequest, v1::GetDescriptorsResponse>(
      context, "/sallyport.v1.Audit/GetDescriptors", request, response, SeesCalls, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& /*shown*/) {
        return Give(SourceFor(call)->GetDescriptors(asked), answer);
      });
}

grpc::ServerUnaryReactor* AuditService::ListLooks(grpc::CallbackServerContext* context,
                                                  const v1::ListLooksRequest* request,
                                                  v1::ListLooksResponse* response) {
  return calls_->Answer<v1::ListLooksRequest, v1::ListLooksResponse>(
      context, "/sallyport.v1.Audit/ListLooks", request, response, Audits, Recorded::kYes,
      [this](ApiCall& call, const auto& asked, auto* answer, ShownCalls& shown) {
        absl::Status status = Give(SourceFor(call)->ListLooks(asked), answer);
        for (const v1::CallSummary& each : answer->looks()) shown.Add(each.id(), each.method());
        return status;
      });
}

grpc::ServerUnaryReactor* AuditService::Whoami(grpc::CallbackServerContext* context, const v1::WhoamiRequest* request,
                                               v1::WhoamiResponse* response) {
  return calls_->Answer<v1::WhoamiRequest, v1::WhoamiResponse>(
      context, "/sallyport.v1.Audit/Whoami", request, response, Anybody, Recorded::kRefusedOnly,
      [](ApiCall& call, const auto& /*asked*/, auto* answer, ShownCalls& /*shown*/) {
        *answer = WhoIs(call.reader);
        return absl::OkStatus();
      });
}

}  // namespace sallyport::gateway
