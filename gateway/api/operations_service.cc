#include "gateway/api/operations_service.h"

#include <utility>

#include "absl/time/clock.h"
#include "gateway/api/legal_hold_requests.h"
#include "policy/changes/shown_configuration.h"
#include "recorder/control/control_socket.h"
#include "recorder/format/entry_batch.h"
#include "replay/view/proto_time.h"

namespace sallyport::gateway {
namespace {

using Recorded = ApiCalls::Recorded;

// How long the gateway may take to read everything again.
constexpr absl::Duration kReloadTakes = absl::Minutes(1);

bool Operates(const Reader& reader) { return reader.operates(); }
bool OperatesOrAudits(const Reader& reader) { return reader.operates() || reader.auditor(); }

}  // namespace

grpc::ServerUnaryReactor* OperationsService::GetHealth(grpc::CallbackServerContext* context,
                                                       const v1::GetHealthRequest* request,
                                                       v1::GetHealthResponse* response) {
  return calls_->Answer<v1::GetHealthRequest, v1::GetHealthResponse>(
      context, "/sallyport.v1.Operations/GetHealth", request, response, Operates, Recorded::kRefusedOnly,
      [this](ApiCall& /*call*/, const auto& /*asked*/, auto* answer, ShownCalls& /*shown*/) {
        const absl::Status ready = hooks_.ready();
        answer->set_ready(ready.ok());
        if (!ready.ok()) answer->add_problems(recorder::ValidText(std::string(ready.message())));
        answer->set_version(hooks_.version);
        replay::SetTime(hooks_.started, answer->mutable_started());
        answer->set_calls_open(hooks_.calls_open());
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* OperationsService::GetConfiguration(grpc::CallbackServerContext* context,
                                                              const v1::GetConfigurationRequest* request,
                                                              v1::GetConfigurationResponse* response) {
  return calls_->Answer<v1::GetConfigurationRequest, v1::GetConfigurationResponse>(
      context, "/sallyport.v1.Operations/GetConfiguration", request, response, Operates, Recorded::kYes,
      [this](ApiCall& /*call*/, const auto& /*asked*/, auto* answer, ShownCalls& /*shown*/) {
        answer->set_text(recorder::ValidText(policy::ShownConfiguration(hooks_.configuration())));
        for (const std::string& warning : hooks_.warnings()) answer->add_warnings(recorder::ValidText(warning));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* OperationsService::ListLegalHolds(grpc::CallbackServerContext* context,
                                                            const v1::ListLegalHoldsRequest* request,
                                                            v1::ListLegalHoldsResponse* response) {
  return calls_->Answer<v1::ListLegalHoldsRequest, v1::ListLegalHoldsResponse>(
      context, "/sallyport.v1.Operations/ListLegalHolds", request, response, OperatesOrAudits, Recorded::kYes,
      [this](ApiCall& call, const auto& /*asked*/, auto* answer, ShownCalls& /*shown*/) {
        absl::StatusOr<v1::ListLegalHoldsResponse> holds = LegalHoldRequests(hooks_.data_directory, hooks_.keys).List();
        if (!holds.ok()) return holds.status();
        *answer = *std::move(holds);
        // Whose data is held, and why, is for auditors: operators see that there are holds, and release none by name.
        if (!call.reader.auditor()) {
          for (v1::LegalHold& hold : *answer->mutable_holds()) {
            hold.clear_identity();
            hold.clear_session();
            hold.clear_reason();
          }
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* OperationsService::PlaceLegalHold(grpc::CallbackServerContext* context,
                                                            const v1::PlaceLegalHoldRequest* request,
                                                            v1::LegalHold* response) {
  return calls_->Answer<v1::PlaceLegalHoldRequest, v1::LegalHold>(
      context, "/sallyport.v1.Operations/PlaceLegalHold", request, response, OperatesOrAudits, Recorded::kYes,
      [this](ApiCall& /*call*/, const auto& asked, auto* answer, ShownCalls& /*shown*/) {
        absl::StatusOr<v1::LegalHold> placed =
            LegalHoldRequests(hooks_.data_directory, hooks_.keys).Place(asked.hold(), absl::Now());
        if (!placed.ok()) return placed.status();
        *answer = *std::move(placed);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* OperationsService::ReleaseLegalHold(grpc::CallbackServerContext* context,
                                                              const v1::ReleaseLegalHoldRequest* request,
                                                              v1::ReleaseLegalHoldResponse* response) {
  return calls_->Answer<v1::ReleaseLegalHoldRequest, v1::ReleaseLegalHoldResponse>(
      context, "/sallyport.v1.Operations/ReleaseLegalHold", request, response, OperatesOrAudits, Recorded::kYes,
      [this](ApiCall& /*call*/, const auto& asked, auto* /*answer*/, ShownCalls& /*shown*/) {
        return LegalHoldRequests(hooks_.data_directory, hooks_.keys).Release(asked.id());
      });
}

grpc::ServerUnaryReactor* OperationsService::Reload(grpc::CallbackServerContext* context,
                                                    const v1::ReloadRequest* request, v1::ReloadResponse* response) {
  return calls_->Answer<v1::ReloadRequest, v1::ReloadResponse>(
      context, "/sallyport.v1.Operations/Reload", request, response, Operates, Recorded::kYes,
      [this](ApiCall& /*call*/, const auto& asked, auto* answer, ShownCalls& /*shown*/) {
        return AskToReload(asked, answer);
      });
}

// The way that `sallyport reload` goes: only the gateway's main thread may do it.
absl::Status OperationsService::AskToReload(const v1::ReloadRequest& request, v1::ReloadResponse* response) const {
  v1::ControlRequest order;
  if (request.check()) {
    const std::string file = hooks_.configuration_file();
    if (file.empty()) return absl::FailedPreconditionError("the gateway was started with flags, and reads no file");
    order.set_check(file);
  } else {
    order.set_reload(true);
  }
  absl::StatusOr<recorder::ControlConnection> connection = recorder::ControlConnection::Connect(hooks_.data_directory);
  if (!connection.ok()) return absl::UnavailableError("the gateway cannot be told to reload at present");
  if (absl::Status status = connection->Send(order); !status.ok()) return status;
  const absl::StatusOr<v1::ControlAnswer> answer = connection->ReceiveAnswer(kReloadTakes);
  if (!answer.ok()) return answer.status();
  if (!answer->error().empty()) return absl::FailedPreconditionError(answer->error());
  *response->mutable_changes() = answer->changes();
  *response->mutable_warnings() = answer->warnings();
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
