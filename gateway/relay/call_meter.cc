#include "gateway/relay/call_meter.h"

#include <google/protobuf/any.pb.h>

#include "absl/status/status.h"
#include "gateway/relay/admission/stages.h"
#include "gateway/upstream/method_catalog.h"
#include "google/rpc/status.pb.h"

namespace sallyport::gateway {
namespace {

CallType TypeOf(const policy::MethodShape& shape) {
  if (shape.client_streaming) return shape.server_streaming ? CallType::kBidiStream : CallType::kClientStream;
  return shape.server_streaming ? CallType::kServerStream : CallType::kUnary;
}

}  // namespace

std::vector<std::string> StageNames() {
  std::vector<std::string> names;
  for (const Stage& stage : kAdmissionStages) names.emplace_back(stage.name);
  for (const Stage& stage : kUpstreamStages) names.emplace_back(stage.name);
  return names;
}

std::optional<CallType> CallMeter::Type() const {
  const policy::Descriptors* descriptors = call_.description.descriptors.get();
  DescriptorSets::Set current;
  if (descriptors == nullptr) {
    // The call was refused before anybody looked.
    const Upstream* upstream = call_.upstream();
    current = shared_.catalog->For(upstream == nullptr ? std::string() : upstream->name());
    descriptors = current.get();
  }
  const policy::MethodShape* shape = descriptors->FindMethod(call_.caller.path());
  if (shape == nullptr) return std::nullopt;
  return TypeOf(*shape);
}

void CallMeter::Admitted() {
  if (shared_.metrics == nullptr) return;
  type_ = Type();
  incoming_ = &shared_.metrics->Incoming(call_.caller.path(), type_);
  incoming_->Start();
}

void CallMeter::UpstreamOpened() {
  if (shared_.metrics == nullptr) return;
  outgoing_ = &shared_.metrics->Outgoing(call_.upstream()->name(), call_.caller.path(), type_);
  outgoing_->Start();
  upstream_opened_ = std::chrono::steady_clock::now();
}

void CallMeter::UpstreamDone(int code, uint64_t sent, uint64_t received) {
  if (outgoing_ == nullptr) return;
  outgoing_->End(code, received, sent, absl::FromChrono(std::chrono::steady_clock::now() - upstream_opened_));
}

void CallMeter::End(const Call::Outcome& outcome, std::string_view details, uint64_t received, uint64_t sent) {
  if (shared_.metrics == nullptr) return;
  // A call that was over before it was admitted.
  if (incoming_ == nullptr) Admitted();
  incoming_->End(outcome.code, received, sent, call_.Elapsed());
  shared_.metrics->AddStages(call_.stage_took);
  for (const std::string_view rule : call_.verdict.shadow) shared_.metrics->shadow().Add(rule);
  if (outcome.reason == EndReason::kRefused) CountRefusal(outcome.code, details);
}

void CallMeter::CountRefusal(int code, std::string_view details) {
  google::rpc::Status status;
  google::rpc::ErrorInfo info;
  const bool told = !details.empty() && status.ParseFromArray(details.data(), static_cast<int>(details.size())) &&
                    status.details_size() > 0 && status.details(0).UnpackTo(&info);
  if (!told) return shared_.metrics->refusals().Add(absl::StatusCodeToString(static_cast<absl::StatusCode>(code)));
  const auto said = [&info](const char* name) -> std::string_view {
    const auto found = info.metadata().find(name);
    return found == info.metadata().end() ? std::string_view() : std::string_view(found->second);
  };
  const std::string_view limit = said("limit");
  shared_.metrics->refusals().Add(info.reason(), limit.empty() ? said("rule") : limit);
  if (!limit.empty()) shared_.metrics->limits().Add(limit);
}

}  // namespace sallyport::gateway
