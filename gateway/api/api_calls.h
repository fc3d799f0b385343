// What calls of all services go through.
#ifndef SALLYPORT_GATEWAY_API_API_CALLS_H_
#define SALLYPORT_GATEWAY_API_API_CALLS_H_

#include <google/protobuf/message.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "gateway/api/api_call.h"
#include "gateway/api/api_status.h"
#include "gateway/api/entrance.h"
#include "gateway/api/looks/look_recorder.h"

namespace sallyport::gateway {

// One stream of answers, written by one thread that waits for each to be taken.
template <typename Response>
class StreamReactor final : public grpc::ServerWriteReactor<Response> {
 public:
  // A caller that takes nothing for so long is given up.
  static constexpr absl::Duration kMostWait = absl::Seconds(60);

  StreamReactor(grpc::CallbackServerContext* context, std::shared_ptr<ApiCall> call)
      : context_(context), call_(std::move(call)) {}

  // Returns when it is on its way: that is the backpressure. CANCELLED once the caller is gone.
  absl::Status Write(const Response& response) {
    if (call_->stop.stop_requested()) return absl::CancelledError("the caller has gone");
    message_ = response;
    {
      absl::MutexLock lock(&mutex_);
      writing_ = true;
    }
    this->StartWrite(&message_);
    const auto written = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !writing_; };
    bool stuck = false;
    {
      absl::MutexLock lock(&mutex_);
      stuck = !mutex_.AwaitWithTimeout(absl::Condition(&written), kMostWait);
    }
    if (stuck) context_->TryCancel();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&written));
    return written_ ? absl::OkStatus() : absl::CancelledError("the caller has gone");
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    written_ = ok;
  }
  void OnCancel() override { call_->stop.request_stop(); }
  void OnDone() override { delete this; }

 private:
  grpc::CallbackServerContext* const context_;
  const std::shared_ptr<ApiCall> call_;
  Response message_;
  absl::Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool written_ ABSL_GUARDED_BY(mutex_) = true;
};

// One answer.
class AnswerReactor final : public grpc::ServerUnaryReactor {
 public:
  explicit AnswerReactor(std::shared_ptr<ApiCall> call) : call_(std::move(call)) {}
  void OnCancel() override { call_->stop.request_stop(); }
  void OnDone() override { delete this; }

 private:
  const std::shared_ptr<ApiCall> call_;
};

// Lets callers in, runs what answers them on threads of the door's own, and records the looks. Calls with one answer
// share the pool; each stream has a thread, for it waits for its caller: kMostStreams of them at once, kMostOfOne of
// one reader. Thread-safe; outlives the calls.
class ApiCalls {
 public:
  static constexpr size_t kMostStreams = 1280;
  static constexpr size_t kMostOfOne = 1100;

  // Says who comes with a call.
  using Visitor = std::function<absl::StatusOr<ApiVisitor>(const grpc::CallbackServerContext&)>;

  // All outlive it.
  ApiCalls(Visitor visitor, Entrance* entrance, LookRecorder* looks);
  // After the calls.
  ~ApiCalls();
  ApiCalls(const ApiCalls&) = delete;
  ApiCalls& operator=(const ApiCalls&) = delete;

  // How a look is recorded.
  enum class Recorded {
    kYes,
    kRefusedOnly,  // it shows nothing of the record
  };

  // Answers `request` with what `answer` makes of it, which is given the call and says what it shows. What is told
  // instead, where that is not OK, has no part of the answer.
  template <typename Request, typename Response>
  grpc::ServerUnaryReactor* Answer(
      grpc::CallbackServerContext* context, const char* path, const Request* request, Response* response,
      Entrance::May may, Recorded recorded,
      std::function<absl::Status(ApiCall& call, const Request& request, Response* response, ShownCalls& shown)> answer);

  // The same of a stream: `stream` says what is written, each part with the calls that it shows.
  template <typename Response>
  class Writer {
   public:
    Writer(StreamReactor<Response>* reactor, LookInHand* look) : reactor_(reactor), look_(look) {}
    absl::Status Write(const Response& response) { return reactor_->Write(response); }
    void Shows(std::string_view id, std::string_view method) { look_->Show(id, method); }

   private:
    StreamReactor<Response>* const reactor_;
    LookInHand* const look_;
  };
  // `shown`: what it is known to show before it begins.
  template <typename Request, typename Response>
  grpc::ServerWriteReactor<Response>* Stream(
      grpc::CallbackServerContext* context, const char* path, const Request* request, Entrance::May may,
      std::function<void(ApiCall& call, const Request& request, ShownCalls& shown)> shown,
      std::function<absl::Status(ApiCall& call, const Request& request, Writer<Response>& writer)> stream);

  // Open streams are ended with UNAVAILABLE, and no others begin.
  void Close();

 private:
  struct Lasting {
    ApiCall* call = nullptr;
    LookInHand* look = nullptr;
    absl::Status why;  // it was stopped by the door
  };

  std::shared_ptr<ApiCall> Arrived(const grpc::CallbackServerContext& context, const char* path, bool unary,
                                   const google::protobuf::Message& request) const;
  // What the caller is told of how it came out.
  static grpc::Status Told(const ApiCall& call, const absl::Status& status);
  // Room for one more stream of that reader; false if there is none.
  bool TakePlace(const std::string& identity) ABSL_LOCKS_EXCLUDED(mutex_);
  void LeavePlace(const std::string& identity) ABSL_LOCKS_EXCLUDED(mutex_);
  // While it lasts it is looked after: what it shows is recorded, and it ends when its reader may see it no more.
  void Add(Lasting* lasting) ABSL_LOCKS_EXCLUDED(mutex_);
  void Remove(Lasting* lasting) ABSL_LOCKS_EXCLUDED(mutex_);
  void LookAfter();
  void LookAfter(Lasting& lasting, absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Visitor visitor_;
  Entrance* const entrance_;
  LookRecorder* const looks_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, size_t> streams_ ABSL_GUARDED_BY(mutex_);  // by reader
  size_t all_streams_ ABSL_GUARDED_BY(mutex_) = 0;
  std::set<Lasting*> lasting_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread keeper_;
};

template <typename Request, typename Response>
grpc::ServerUnaryReactor* ApiCalls::Answer(
    grpc::CallbackServerContext* context, const char* path, const Request* request, Response* response,
    Entrance::May may, Recorded recorded,
    std::function<absl::Status(ApiCall& call, const Request& request, Response* response, ShownCalls& shown)> answer) {
  const std::shared_ptr<ApiCall> call = Arrived(*context, path, true, *request);
  auto* const reactor = new AnswerReactor(call);
  entrance_->Enter(call, may,
                   [this, call, reactor, request, response, recorded, answer = std::move(answer)](grpc::Status in) {
                     if (!in.ok()) return reactor->Finish(std::move(in));
                     ShownCalls shown;
                     grpc::Status told = Told(*call, answer(*call, *request, response, shown));
                     // What was not answered was not shown.
                     if (!told.ok()) shown = ShownCalls();
                     if (recorded == Recorded::kYes) {
                       if (const absl::Status kept = looks_->Record(*call, told, shown); !kept.ok()) {
                         told = ApiStatus(kept, "LOOK_NOT_RECORDED");
                       }
                     }
                     call->rules.reset();
                     reactor->Finish(std::move(told));
                   });
  return reactor;
}

template <typename Request, typename Response>
grpc::ServerWriteReactor<Response>* ApiCalls::Stream(
    grpc::CallbackServerContext* context, const char* path, const Request* request, Entrance::May may,
    std::function<void(ApiCall& call, const Request& request, ShownCalls& shown)> shown,
    std::function<absl::Status(ApiCall& call, const Request& request, Writer<Response>& writer)> stream) {
  const std::shared_ptr<ApiCall> call = Arrived(*context, path, false, *request);
  auto* const reactor = new StreamReactor<Response>(context, call);
  const auto run = [this, call, reactor, request, shown = std::move(shown), stream = std::move(stream)] {
    ShownCalls first;
    shown(*call, *request, first);
    absl::StatusOr<std::unique_ptr<LookInHand>> look = looks_->Begin(*call, first);
    grpc::Status told;
    if (look.ok()) {
      Lasting lasting{call.get(), look->get(), absl::OkStatus()};
      Add(&lasting);
      Writer<Response> writer(reactor, look->get());
      const absl::Status status = stream(*call, *request, writer);
      Remove(&lasting);
      told = Told(*call, lasting.why.ok() ? status : lasting.why);
      if (const absl::Status kept = (*look)->End(told); !kept.ok()) told = ApiStatus(kept, "LOOK_NOT_RECORDED");
    } else {
      told = ApiStatus(look.status(), "LOOK_NOT_RECORDED");
    }
    // Nothing of the gateway's is touched behind Finish.
    LeavePlace(call->reader.identity);
    call->rules.reset();
    reactor->Finish(std::move(told));
  };
  entrance_->Enter(call, may, [this, call, reactor, run](grpc::Status in) {
    if (!in.ok()) return reactor->Finish(std::move(in));
    if (!TakePlace(call->reader.identity)) {
      return reactor->Finish(ApiStatus(absl::ResourceExhaustedError("too many streams are open; end one first")));
    }
    std::thread(run).detach();
  });
  return reactor;
}

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_API_CALLS_H_
