// One call that came through the door, on its way to the service and back.
#ifndef SALLYPORT_GATEWAY_API_DOOR_DOOR_CALL_H_
#define SALLYPORT_GATEWAY_API_DOOR_DOOR_CALL_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include <memory>
#include <optional>
#include <string>

#include "gateway/api/door/answer_forms.h"
#include "gateway/api/door/call_request.h"
#include "gateway/api/door/door_workers.h"
#include "gateway/api/door/stream_counts.h"
#include "gateway/http/http_server.h"

namespace sallyport::gateway {

// What a call needs besides its request. A value.
struct DoorCallParts {
  std::shared_ptr<grpc::Channel> channel;
  std::string visit;               // for ApiBackend::kVisitKey
  DoorWorkers* workers = nullptr;  // outlive the call
  std::unique_ptr<StreamCounts::Place> place;
  std::shared_ptr<HttpExchange> exchange;
};

// Makes the call, and answers the exchange with what comes of it. A message is read only when the client has taken the
// one before; when the client goes, the call is cancelled. gRPC's reactions and the workers' steps come one after the
// other. Lives until the call has ended.
class DoorCall : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                 public std::enable_shared_from_this<DoorCall> {
 public:
  // Never blocks.
  static void Start(CallRequest request, DoorCallParts parts);

  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  class Written;
  DoorCall(CallRequest request, DoorCallParts parts);

  void Begin();
  void ReadNext();
  // No more is going to be read.
  void StopReading();
  // A message that has been read goes on; on a worker.
  void HandOn();
  void OnWritten(bool taken);
  // What the door itself found wrong ends the call, and is what the client is told.
  void Fail(const absl::Status& status, const char* reason);
  // On a worker.
  void Finish(const grpc::Status& status);
  void FinishWhole(const std::optional<DoorError>& error, const AnswerMetadata& metadata);
  void Answer(HttpAnswer answer);

  const CallRequest request_;
  const std::unique_ptr<StreamCounts::Place> place_;
  DoorWorkers& workers_;
  std::shared_ptr<HttpExchange> exchange_;
  grpc::ClientContext context_;
  grpc::GenericStub stub_;
  grpc::ByteBuffer request_bytes_;
  std::shared_ptr<DoorCall> self_;  // until the call has ended

  grpc::ByteBuffer read_;
  std::optional<std::string> message_;  // of a call whose answer is no stream
  bool begun_ = false;                  // the stream's headers have been sent
  std::optional<DoorError> own_error_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_DOOR_DOOR_CALL_H_
