#include "gateway/health/health_service.h"

#include <utility>

#include "gateway/health/probe.h"

namespace sallyport::gateway {
namespace {

constexpr absl::Duration kLookInterval = absl::Seconds(1);

}  // namespace

HealthService::HealthService(const CurrentRules* rules, bool open, std::function<absl::Status()> ready)
    : rules_(rules), open_(open), ready_(std::move(ready)), teller_([this] { Run(); }) {}

HealthService::~HealthService() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  teller_.join();
}

bool HealthService::Answers(std::string_view path) const {
  return path == "/grpc.health.v1.Health/Check" || path == "/grpc.health.v1.Health/Watch";
}

void HealthService::AddOwnFile(google::protobuf::FileDescriptorSet& files) {
  grpc::health::v1::HealthCheckRequest::descriptor()->file()->CopyTo(files.add_file());
}

grpc::ServerGenericBidiReactor* HealthService::Answer(grpc::GenericCallbackServerContext* context,
                                                      OwnCaller /*caller*/) {
  return new HealthProbe(this, rules_->Get(), context);
}

bool HealthService::Serving() {
  absl::MutexLock lock(&ready_mutex_);
  return !draining_ && ready_().ok();
}

bool HealthService::Draining() {
  absl::MutexLock lock(&ready_mutex_);
  return draining_;
}

void HealthService::Add(HealthProbe* watch) {
  absl::MutexLock lock(&mutex_);
  watches_.insert(watch);
}

void HealthService::Remove(HealthProbe* watch) {
  absl::MutexLock lock(&mutex_);
  watches_.erase(watch);
}

void HealthService::Drain() {
  {
    absl::MutexLock lock(&ready_mutex_);
    draining_ = true;
  }
  TellWatches();
}

void HealthService::Resume() {
  absl::MutexLock lock(&ready_mutex_);
  draining_ = false;
}

void HealthService::TellWatches() {
  std::vector<HealthProbe*> watches;
  {
    absl::MutexLock lock(&mutex_);
    watches.assign(watches_.begin(), watches_.end());
    for (HealthProbe* watch : watches) watch->AddReference();
  }
  // Without the lock: what is told may end a watch, on this thread.
  for (HealthProbe* watch : watches) {
    watch->SendStatus();
    watch->DropReference();
  }
}

void HealthService::Run() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](HealthService* self)
               ABSL_NO_THREAD_SAFETY_ANALYSIS { return self->stopping_ || !self->watches_.empty(); },
          this));
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kLookInterval)) return;
    }
    TellWatches();
  }
}

}  // namespace sallyport::gateway
