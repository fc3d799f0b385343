#include "gateway/api/api_calls.h"

#include "gateway/relay/refusal.h"

namespace sallyport::gateway {
namespace {

// How often streams are looked after.
constexpr absl::Duration kLook = absl::Seconds(1);

}  // namespace

ApiCalls::ApiCalls(Visitor visitor, Entrance* entrance, LookRecorder* looks)
    : visitor_(std::move(visitor)), entrance_(entrance), looks_(looks), keeper_([this] { LookAfter(); }) {}

ApiCalls::~ApiCalls() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  keeper_.join();
}

std::shared_ptr<ApiCall> ApiCalls::Arrived(const grpc::CallbackServerContext& context, const char* path, bool unary,
                                           const google::protobuf::Message& request) const {
  auto call = std::make_shared<ApiCall>();
  call->start = absl::Now();
  call->path = path;
  call->unary = unary;
  call->request = request.SerializeAsString();
  if (context.deadline() != std::chrono::system_clock::time_point::max()) {
    call->deadline = absl::FromChrono(context.deadline());
  }
  absl::StatusOr<ApiVisitor> visitor = visitor_(context);
  if (visitor.ok()) {
    call->visitor = *std::move(visitor);
  } else {
    call->visitor.peer = context.peer();
    call->fault = visitor.status();
  }
  return call;
}

grpc::Status ApiCalls::Told(const ApiCall& call, const absl::Status& status) {
  if (call.deadline <= absl::Now() && (absl::IsCancelled(status) || call.stop.stop_requested())) {
    return ApiStatus(absl::DeadlineExceededError("the caller's deadline has passed"));
  }
  if (status.ok() && call.stop.stop_requested()) return ApiStatus(absl::CancelledError("the caller has gone"));
  // What is wrong here is not wrong with the caller's request, and not its business.
  if (absl::IsInternal(status) || absl::IsUnknown(status)) {
    return ApiStatus(absl::UnavailableError("the record cannot be read at present"));
  }
  return ApiStatus(status);
}

bool ApiCalls::TakePlace(const std::string& identity) {
  absl::MutexLock lock(&mutex_);
  if (closing_ || all_streams_ >= kMostStreams) return false;
  size_t& own = streams_[identity];
  if (own >= kMostOfOne) return false;
  ++own;
  ++all_streams_;
  return true;
}

void ApiCalls::LeavePlace(const std::string& identity) {
  absl::MutexLock lock(&mutex_);
  --all_streams_;
  const auto own = streams_.find(identity);
  if (--own->second == 0) streams_.erase(own);
}

void ApiCalls::Add(Lasting* lasting) {
  absl::MutexLock lock(&mutex_);
  lasting_.insert(lasting);
  if (!closing_) return;
  lasting->why = absl::UnavailableError("the gateway is stopping");
  lasting->call->stop.request_stop();
}

void ApiCalls::Remove(Lasting* lasting) {
  absl::MutexLock lock(&mutex_);
  lasting_.erase(lasting);
}

void ApiCalls::Close() {
  absl::MutexLock lock(&mutex_);
  closing_ = true;
  for (Lasting* const lasting : lasting_) {
    lasting->why = absl::UnavailableError("the gateway is stopping");
    lasting->call->stop.request_stop();
  }
}

void ApiCalls::LookAfter() {
  absl::MutexLock lock(&mutex_);
  while (!mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kLook)) {
    const absl::Time now = absl::Now();
    for (Lasting* const lasting : lasting_) LookAfter(*lasting, now);
  }
}

void ApiCalls::LookAfter(Lasting& lasting, absl::Time now) {
  if (!lasting.why.ok()) return;
  if (!entrance_->StillIn(*lasting.call, now)) {
    lasting.why = absl::UnauthenticatedError("the proof has expired, or its roles have changed; ask again");
  } else {
    lasting.why = lasting.look->Keep(now);
  }
  if (!lasting.why.ok()) lasting.call->stop.request_stop();
}

}  // namespace sallyport::gateway
