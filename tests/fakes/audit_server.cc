#include "tests/fakes/audit_server.h"

#include <optional>
#include <utility>

namespace sallyport::testing {
namespace {

using replay::CallSource;
using Script = ScriptedServer::Script;

grpc::Status ToGrpc(const absl::Status& status) {
  return {static_cast<grpc::StatusCode>(status.code()), std::string(status.message())};
}

template <typename Request>
std::optional<Request> ReadRequest(ScriptedCall& call) {
  const std::optional<std::string> bytes = call.Read();
  Request request;
  if (!bytes.has_value() || !request.ParseFromString(*bytes)) return std::nullopt;
  return request;
}

// One question, one answer.
template <typename Request, typename Response>
Script Unary(absl::StatusOr<Response> (CallSource::*method)(const Request&), CallSource& source) {
  return [&source, method](ScriptedCall& call) {
    const std::optional<Request> request = ReadRequest<Request>(call);
    if (!request.has_value()) return grpc::Status(grpc::StatusCode::INTERNAL, "no request");
    const absl::StatusOr<Response> response = (source.*method)(*request);
    if (!response.ok()) return ToGrpc(response.status());
    call.Write(response->SerializeAsString());
    return grpc::Status::OK;
  };
}

// One question, many answers. `ask(request, write)`.
template <typename Request, typename Ask>
Script Streamed(Ask ask) {
  return [ask](ScriptedCall& call) {
    const std::optional<Request> request = ReadRequest<Request>(call);
    if (!request.has_value()) return grpc::Status(grpc::StatusCode::INTERNAL, "no request");
    const auto write = [&call](const google::protobuf::MessageLite& message) {
      return call.Write(message.SerializeAsString()) ? absl::OkStatus() : absl::CancelledError("the caller has gone");
    };
    return ToGrpc(ask(*request, write));
  };
}

// A tail goes on until it is told to stop, or a write fails.
Script Tail(CallSource& source, const std::stop_token& stop) {
  return [&source, stop](ScriptedCall& call) {
    const std::optional<v1::TailCallsRequest> request = ReadRequest<v1::TailCallsRequest>(call);
    if (!request.has_value()) return grpc::Status(grpc::StatusCode::INTERNAL, "no request");
    return ToGrpc(source.TailCalls(*request, stop, [&](const v1::TailCallsResponse& said) {
      return call.Write(said.SerializeAsString()) ? absl::OkStatus() : absl::CancelledError("the caller has gone");
    }));
  };
}

std::map<std::string, Script> ScriptsOf(CallSource& source, const std::stop_token& stop) {
  return {
      {"SearchCalls", Unary(&CallSource::SearchCalls, source)},
      {"SearchSessions", Unary(&CallSource::SearchSessions, source)},
      {"GetCall", Unary(&CallSource::GetCall, source)},
      {"GetEvidence", Unary(&CallSource::GetEvidence, source)},
      {"ProveList", Unary(&CallSource::ProveList, source)},
      {"Statistics", Unary(&CallSource::GetStatistics, source)},
      {"ListMethods", Unary(&CallSource::ListMethods, source)},
      {"ListLooks", Unary(&CallSource::ListLooks, source)},
      {"GetCheckpoints", Unary(&CallSource::GetCheckpoints, source)},
      {"GetGaps", Unary(&CallSource::GetGaps, source)},
      {"GetDescriptors", Unary(&CallSource::GetDescriptors, source)},
      {"TailCalls", Tail(source, stop)},
      {"ReadCall", Streamed<v1::ReadCallRequest>([&source](const v1::ReadCallRequest& request, auto write) {
         return source.ReadCall(request, [&](v1::Event& event) { return write(event); });
       })},
      {"ScanCalls", Streamed<v1::SearchCallsRequest>([&source](const v1::SearchCallsRequest& request, auto write) {
         return source.ScanCalls(request, {}, [&](const v1::ScanCallsResponse& said) { return write(said); });
       })},
      {"GetFrame", Streamed<v1::GetFrameRequest>([&source](const v1::GetFrameRequest& request, auto write) {
         return source.GetFrame(request, [&](const v1::FramePart& part) { return write(part); });
       })},
      {"GetSession", Streamed<v1::GetSessionRequest>([&source](const v1::GetSessionRequest& request, auto write) {
         return source.GetSession(request, [&](v1::SessionEvent& event) { return write(event); });
       })},
      {"VerifyStore", Streamed<v1::VerifyStoreRequest>([&source](const v1::VerifyStoreRequest& request, auto write) {
         return source.VerifyStore(request, {}, [&](const v1::VerifyStoreResponse& said) { return write(said); });
       })}};
}

}  // namespace

AuditServer::AuditServer(CallSource& source, const Scripts& in_place) {
  std::map<std::string, Script> scripts = ScriptsOf(source, stop_.get_token());
  for (const auto& [name, script] : in_place) scripts[name] = script;
  std::map<std::string, Script> by_path;
  for (auto& [name, script] : scripts) by_path["/sallyport.v1.Audit/" + name] = Noting(name, std::move(script));
  server_ = std::make_unique<ScriptedServer>(std::move(by_path));
}

AuditServer::~AuditServer() { Kill(); }

void AuditServer::Kill() {
  stop_.request_stop();
  server_->Kill();
}

Script AuditServer::Noting(const std::string& name, Script script) {
  return [this, name, script = std::move(script)](ScriptedCall& call) {
    const std::vector<std::string> values = call.Metadata("authorization");
    {
      const std::lock_guard lock(mutex_);
      methods_.push_back(name);
      authorizations_.push_back(values.empty() ? "" : values.front());
    }
    return script(call);
  };
}

std::vector<std::string> AuditServer::authorizations() const {
  const std::lock_guard lock(mutex_);
  return authorizations_;
}

std::vector<std::string> AuditServer::methods() const {
  const std::lock_guard lock(mutex_);
  return methods_;
}

}  // namespace sallyport::testing
