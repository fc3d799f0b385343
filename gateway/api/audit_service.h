// The service sallyport.v1.Audit.
#ifndef SALLYPORT_GATEWAY_API_AUDIT_SERVICE_H_
#define SALLYPORT_GATEWAY_API_AUDIT_SERVICE_H_

#include "gateway/api/api_calls.h"
#include "gateway/api/sources.h"
#include "sallyport/v1/audit.grpc.pb.h"

namespace sallyport::gateway {

// What it answers comes from Sources, for the reader that asks; protos/sallyport/v1/audit.proto says what. Thread-safe.
class AuditService final : public v1::Audit::CallbackService {
 public:
  // Both outlive it.
  AuditService(ApiCalls* calls, Sources* sources) : calls_(calls), sources_(sources) {}

  grpc::ServerUnaryReactor* SearchCalls(grpc::CallbackServerContext* context, const v1::SearchCallsRequest* request,
                                        v1::SearchCallsResponse* response) override;
  grpc::ServerWriteReactor<v1::ScanCallsResponse>* ScanCalls(grpc::CallbackServerContext* context,
                                                             const v1::SearchCallsRequest* request) override;
  grpc::ServerUnaryReactor* GetCall(grpc::CallbackServerContext* context, const v1::GetCallRequest* request,
                                    v1::Call* response) override;
  grpc::ServerWriteReactor<v1::Event>* ReadCall(grpc::CallbackServerContext* context,
                                                const v1::ReadCallRequest* request) override;
  grpc::ServerWriteReactor<v1::FramePart>* GetFrame(grpc::CallbackServerContext* context,
                                                    const v1::GetFrameRequest* request) override;
  grpc::ServerUnaryReactor* SearchSessions(grpc::CallbackServerContext* context,
                                           const v1::SearchSessionsRequest* request,
                                           v1::SearchSessionsResponse* response) override;
  grpc::ServerWriteReactor<v1::SessionEvent>* GetSession(grpc::CallbackServerContext* context,
                                                         const v1::GetSessionRequest* request) override;
  grpc::ServerWriteReactor<v1::TailCallsResponse>* TailCalls(grpc::CallbackServerContext* context,
                                                             const v1::TailCallsRequest* request) override;
  grpc::ServerUnaryReactor* GetEvidence(grpc::CallbackServerContext* context, const v1::GetEvidenceRequest* request,
                                        v1::Evidence* response) override;
  grpc::ServerUnaryReactor* ProveList(grpc::CallbackServerContext* context, const v1::ProveListRequest* request,
                                      v1::Evidence* response) override;
  grpc::ServerUnaryReactor* GetCheckpoints(grpc::CallbackServerContext* context,
                                           const v1::GetCheckpointsRequest* request,
                                           v1::GetCheckpointsResponse* response) override;
  grpc::ServerWriteReactor<v1::VerifyStoreResponse>* VerifyStore(grpc::CallbackServerContext* context,
                                                                 const v1::VerifyStoreRequest* request) override;
  grpc::ServerUnaryReactor* Statistics(grpc::CallbackServerContext* context, const v1::StatisticsRequest* request,
                                       v1::Statistics* response) override;
  grpc::ServerUnaryReactor* ListMethods(grpc::CallbackServerContext* context, const v1::ListMethodsRequest* request,
                                        v1::ListMethodsResponse* response) override;
  grpc::ServerUnaryReactor* GetGaps(grpc::CallbackServerContext* context, const v1::GetGapsRequest* request,
                                    v1::Gaps* response) override;
  grpc::ServerUnaryReactor* GetDescriptors(grpc::CallbackServerContext* context,
                                           const v1::GetDescriptorsRequest* request,
                                           v1::GetDescriptorsResponse* response) override;
  grpc::ServerUnaryReactor* ListLooks(grpc::CallbackServerContext* context, const v1::ListLooksRequest* request,
                                      v1::ListLooksResponse* response) override;
  grpc::ServerUnaryReactor* Whoami(grpc::CallbackServerContext* context, const v1::WhoamiRequest* request,
                                   v1::WhoamiResponse* response) override;

 private:
  std::unique_ptr<replay::CallSource> SourceFor(const ApiCall& call);
  // The call with that id, where its reader may see it.
  void AddIfSeen(const ApiCall& call, const std::string& id, ShownCalls& shown);

  ApiCalls* const calls_;
  Sources* const sources_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_AUDIT_SERVICE_H_
