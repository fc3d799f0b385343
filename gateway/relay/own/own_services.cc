#include "gateway/relay/own/own_services.h"

#include <grpcpp/server_builder.h>

#include <algorithm>
#include <charconv>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace sallyport::gateway {
namespace {

// Ends a call at once.
class Farewell final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Farewell(grpc::Status status) { Finish(std::move(status)); }
  void OnDone() override { delete this; }
};

}  // namespace

absl::StatusOr<std::unique_ptr<OwnServices>> OwnServices::Start() {
  std::unique_ptr<OwnServices> services(new OwnServices);
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(services.get());
  builder.SetMaxReceiveMessageSize(-1);
  builder.SetMaxSendMessageSize(-1);
  services->server_ = builder.BuildAndStart();
  if (services->server_ == nullptr) {
    return absl::InternalError("gRPC could not make the server of the gateway's own services");
  }
  services->upstream_ = Upstream::InProcess(kOwnUpstream, services->server_.get());
  return services;
}

OwnServices::~OwnServices() {
  // Its calls are over: they belonged to calls of the gateway's.
  if (server_ != nullptr) server_->Shutdown(absl::ToChronoTime(absl::Now()));
}

void OwnServices::Add(OwnService* service) {
  services_.push_back(service);
  some_open_ = some_open_ || service->open();
}

bool OwnServices::IsOpen(std::string_view path) const {
  if (!some_open_) return false;
  return std::any_of(services_.begin(), services_.end(),
                     [path](const OwnService* service) { return service->open() && service->Answers(path); });
}

OwnServices::Announcement OwnServices::Announce(OwnCaller caller) {
  auto kept = std::make_unique<OwnCaller>(std::move(caller));
  absl::MutexLock lock(&mutex_);
  const uint64_t number = ++last_;
  announced_.emplace(number, std::move(kept));
  return {this, number};
}

void OwnServices::Withdraw(uint64_t number) {
  absl::MutexLock lock(&mutex_);
  announced_.erase(number);
}

std::unique_ptr<OwnCaller> OwnServices::TakeAnnounced(const grpc::GenericCallbackServerContext& context) {
  const auto found = context.client_metadata().find(kAnnouncementKey);
  if (found == context.client_metadata().end()) return nullptr;
  uint64_t number = 0;
  std::from_chars(found->second.begin(), found->second.end(), number);
  absl::MutexLock lock(&mutex_);
  const auto announced = announced_.find(number);
  if (announced == announced_.end()) return nullptr;
  std::unique_ptr<OwnCaller> caller = std::move(announced->second);
  announced_.erase(announced);
  return caller;
}

grpc::ServerGenericBidiReactor* OwnServices::CreateReactor(grpc::GenericCallbackServerContext* context) {
  const auto service = std::find_if(services_.begin(), services_.end(),
                                    [context](const OwnService* each) { return each->Answers(context->method()); });
  if (service == services_.end()) {
    return new Farewell({grpc::StatusCode::UNIMPLEMENTED, "none of the gateway's own services has this method"});
  }
  const std::unique_ptr<OwnCaller> caller = TakeAnnounced(*context);
  if (caller == nullptr) return new Farewell({grpc::StatusCode::CANCELLED, "the call is over"});
  return (*service)->Answer(context, std::move(*caller));
}

}  // namespace sallyport::gateway
