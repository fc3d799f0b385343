#include "gateway/health/probe.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "gateway/relay/legs/metadata_rules.h"
#include "gateway/relay/own/own_services.h"
#include "policy/glob.h"

namespace sallyport::gateway {
namespace {

namespace hpb = grpc::health::v1;
using ServingStatus = hpb::HealthCheckResponse::ServingStatus;

grpc::ByteBuffer Encoded(ServingStatus status) {
  hpb::HealthCheckResponse response;
  response.set_status(status);
  grpc::ByteBuffer buffer;
  bool own_buffer = false;
  // It cannot fail: the message has one number.
  static_cast<void>(
      grpc::GenericSerialize<grpc::ProtoBufferWriter, hpb::HealthCheckResponse>(response, &buffer, &own_buffer));
  return buffer;
}

}  // namespace

HealthProbe::HealthProbe(HealthService* service, std::shared_ptr<const CallRules> rules,
                         grpc::GenericCallbackServerContext* context)
    : service_(service), rules_(std::move(rules)), context_(context), asker_(this) {
  StartRead(&question_);
}

void HealthProbe::OnReadDone(bool ok) {
  hpb::HealthCheckRequest request;
  grpc::ByteBuffer copy = question_;
  if (!ok || !grpc::GenericDeserialize<grpc::ProtoBufferReader, hpb::HealthCheckRequest>(&copy, &request).ok()) {
    return Finish({grpc::StatusCode::INVALID_ARGUMENT, "one HealthCheckRequest is expected"});
  }
  AnswerAbout(request.service());
}

void HealthProbe::AnswerAbout(const std::string& service) {
  if (!service.empty()) {
    upstream_ = FindUpstream(service);
    if (upstream_ != nullptr && upstream_->name() != kOwnUpstream) return ObtainCredentials();
    unknown_ = upstream_ == nullptr;
  }
  if (watching()) {
    service_->Add(this);
    return SendStatus();
  }
  if (unknown_) return Finish({grpc::StatusCode::NOT_FOUND, "no route leads to a service of that name"});
  FinishCheck(service_->Serving() ? hpb::HealthCheckResponse::SERVING : hpb::HealthCheckResponse::NOT_SERVING);
}

void HealthProbe::FinishCheck(ServingStatus status) {
  answer_ = Encoded(status);
  StartWriteAndFinish(&answer_, grpc::WriteOptions(), grpc::Status::OK);
}

Upstream* HealthProbe::FindUpstream(const std::string& service) const {
  const RouteRule* const rule =
      rules_->routes->FindService(service, context_->host(), [this](std::string_view name, std::string_view glob) {
        const auto [first, last] = context_->client_metadata().equal_range(grpc::string_ref(name.data(), name.size()));
        return std::any_of(first, last,
                           [glob](const auto& pair) { return policy::GlobMatches(glob, View(pair.second)); });
      });
  return rule == nullptr ? nullptr : rule->upstream;
}

void HealthProbe::SendStatus() {
  enum class Step { kNothing, kWrite, kFinish } step = Step::kNothing;
  const ServingStatus now = unknown_              ? hpb::HealthCheckResponse::SERVICE_UNKNOWN
                            : service_->Serving() ? hpb::HealthCheckResponse::SERVING
                                                  : hpb::HealthCheckResponse::NOT_SERVING;
  const bool draining = service_->Draining();
  {
    absl::MutexLock lock(&mutex_);
    if (finished_ || writing_) return;
    if (!cancelled_ && told_ != now) {
      step = Step::kWrite;
      writing_ = true;
      told_ = now;
      answer_ = Encoded(now);
    } else if (cancelled_ || draining) {
      step = Step::kFinish;
      finished_ = true;
    }
  }
  // Nobody else does either before this is done: the flags say so.
  if (step == Step::kWrite) StartWrite(&answer_);
  if (step == Step::kFinish) Finish({grpc::StatusCode::UNAVAILABLE, "the gateway is stopping"});
}

void HealthProbe::OnWriteDone(bool ok) {
  if (upstream_ != nullptr && upstream_->name() != kOwnUpstream) {
    if (ok) return asker_.StartRead(&answer_);
    client_.TryCancel();
    return asker_.RemoveHold();
  }
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) cancelled_ = true;
  }
  if (watching()) SendStatus();
}

void HealthProbe::OnCancel() {
  client_.TryCancel();
  {
    absl::MutexLock lock(&mutex_);
    cancelled_ = true;
    // Before its first answer nothing is watched.
    if (told_ < 0) return;
  }
  SendStatus();
}

void HealthProbe::OnDone() {
  service_->Remove(this);
  DropReference();
}

void HealthProbe::ObtainCredentials() {
  AddReference();  // of the upstream's side
  UpstreamCredentials* const credentials = upstream_->credentials();
  if (credentials == nullptr) return Ask(UpstreamCredentials::Shown());
  std::optional<absl::StatusOr<UpstreamCredentials::Shown>> shown = credentials->Get(
      CallerView(), absl::Now(), [this](absl::StatusOr<UpstreamCredentials::Shown> later) { Ask(std::move(later)); });
  if (shown.has_value()) Ask(*std::move(shown));
}

void HealthProbe::Ask(absl::StatusOr<UpstreamCredentials::Shown> shown) {
  if (!shown.ok()) {
    Finish({grpc::StatusCode::UNAVAILABLE, "the gateway cannot obtain its credentials for the upstream"});
    return DropReference();
  }
  credentials_ = *std::move(shown);
  client_.set_deadline(context_->raw_deadline());
  const std::string host = context_->host();
  if (const std::string_view authority = upstream_->AuthorityFor(host); !authority.empty()) {
    client_.set_authority(std::string(authority));
  }
  if (credentials_ != nullptr) {
    for (const ShownCredentials::Pair& pair : credentials_->pairs()) {
      client_.AddMetadata(*pair.name, std::string(pair.credential.value->view()));
    }
  }
  lease_ = upstream_->Own();
  lease_.stub().PrepareBidiStreamingCall(&client_, context_->method(), grpc::StubOptions(), &asker_);
  asker_.AddHold();
  asker_.StartWriteLast(&question_, grpc::WriteOptions());
  asker_.StartRead(&answer_);
  asker_.StartCall();
}

void HealthProbe::Asker::OnReadDone(bool ok) {
  if (ok) return owner_->StartWrite(&owner_->answer_);
  RemoveHold();
}

void HealthProbe::Asker::OnDone(const grpc::Status& status) {
  const bool repeated = owner_->credentials_ != nullptr && owner_->credentials_->RepeatedIn(status.error_message());
  owner_->Finish({status.error_code(), repeated ? "" : status.error_message()});
  owner_->DropReference();
}

}  // namespace sallyport::gateway
