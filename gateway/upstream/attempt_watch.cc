#include "gateway/upstream/attempt_watch.h"

#include <grpc/grpc.h>

#include <atomic>
#include <cstdint>
#include <string_view>
#include <utility>

#include "absl/status/status.h"

// The library's, as its sources declare it; weak, so that the gateway links and runs where it is gone.
enum grpc_context_index : unsigned { GRPC_CONTEXT_CALL_TRACER = 2 };
__attribute__((weak)) void grpc_call_context_set(grpc_call* call, grpc_context_index index, void* value,
                                                 void (*destroy)(void* value));

namespace sallyport::gateway {
namespace {

// Of the core library of gRPC 1.51.
constexpr std::string_view kLibrary = "29.0.0";

// What the library's classes look like to it: the same virtual functions in the same order.
namespace library {

struct OneWayStats {
  uint64_t framing_bytes;
  uint64_t data_bytes;
  uint64_t header_bytes;
};

struct StreamStats {
  OneWayStats incoming;
  OneWayStats outgoing;
};

class CallAttemptTracer {
 public:
  virtual ~CallAttemptTracer() = default;
  virtual void RecordSendInitialMetadata(void* metadata) = 0;
  virtual void RecordOnDoneSendInitialMetadata(intptr_t* peer) = 0;
  virtual void RecordSendTrailingMetadata(void* metadata) = 0;
  virtual void RecordSendMessage(const void* message) = 0;
  virtual void RecordReceivedInitialMetadata(void* metadata, uint32_t flags) = 0;
  virtual void RecordReceivedMessage(const void* message) = 0;
  virtual void RecordReceivedTrailingMetadata(absl::Status status, void* metadata, const StreamStats* stats) = 0;
  virtual void RecordCancel(absl::Status error) = 0;
  virtual void RecordEnd(const gpr_timespec& latency) = 0;
};

class CallTracer {
 public:
  virtual ~CallTracer() = default;
  virtual CallAttemptTracer* StartNewAttempt(bool is_transparent_retry) = 0;
};

}  // namespace library

// What the transport makes up; a stream's error has no other trace of it. 7 is REFUSED_STREAM.
bool IsOfUnprocessed(std::string_view message) {
  return message == "GOAWAY received" || message == "Received RST_STREAM with error code 7";
}

}  // namespace

// Belongs to the watch and to the call, which the library destroys whenever it is done with it.
class AttemptWatch::Tracer final : public library::CallTracer, public library::CallAttemptTracer {
 public:
  enum class Seen { kUnknown, kNothingSent, kNothingCame, kAnswer };

  // Of a call that is over.
  Seen seen() const {
    const Seen seen = seen_.load(std::memory_order_acquire);
    // A call for which no connection was found has the counts of one that was not sent.
    const bool reached = reached_connection_.load(std::memory_order_acquire);
    return seen == Seen::kNothingSent && !reached ? Seen::kUnknown : seen;
  }
  void Drop() {
    if (owners_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }
  // As the library keeps it, and gives it back.
  void* AsContext() { return static_cast<library::CallTracer*>(this); }
  static void DropContext(void* context) { static_cast<Tracer*>(static_cast<library::CallTracer*>(context))->Drop(); }

  library::CallAttemptTracer* StartNewAttempt(bool /*is_transparent_retry*/) override { return this; }
  void RecordReceivedTrailingMetadata(absl::Status /*status*/, void* /*metadata*/,
                                      const library::StreamStats* stats) override {
    if (stats == nullptr) return;
    Seen seen = Seen::kNothingCame;
    if (stats->incoming.data_bytes > 0 || stats->incoming.header_bytes > 0) {
      seen = Seen::kAnswer;
    } else if (stats->outgoing.data_bytes == 0 && stats->outgoing.header_bytes == 0) {
      seen = Seen::kNothingSent;
    }
    seen_.store(seen, std::memory_order_release);
  }
  void RecordSendInitialMetadata(void* /*metadata*/) override {}
  void RecordOnDoneSendInitialMetadata(intptr_t* peer) override {
    // A connection says where it goes to as soon as it has the call.
    if (peer != nullptr && __atomic_load_n(peer, __ATOMIC_ACQUIRE) != 0) {
      reached_connection_.store(true, std::memory_order_release);
    }
  }
  void RecordSendTrailingMetadata(void* /*metadata*/) override {}
  void RecordSendMessage(const void* /*message*/) override {}
  void RecordReceivedInitialMetadata(void* /*metadata*/, uint32_t /*flags*/) override {}
  void RecordReceivedMessage(const void* /*message*/) override {}
  void RecordCancel(absl::Status /*error*/) override {}
  void RecordEnd(const gpr_timespec& /*latency*/) override {}

 private:
  std::atomic<bool> reached_connection_{false};
  std::atomic<Seen> seen_{Seen::kUnknown};
  std::atomic<int> owners_{2};
};

AttemptWatch::~AttemptWatch() {
  if (tracer_ != nullptr) tracer_->Drop();
}

bool AttemptWatch::Supported() {
  static const bool kSupported = &grpc_call_context_set != nullptr && kLibrary == grpc_version_string();
  return kSupported;
}

void AttemptWatch::Begin(grpc_call* call) {
  if (tracer_ != nullptr) std::exchange(tracer_, nullptr)->Drop();
  if (!Supported()) return;
  tracer_ = new Tracer;
  grpc_call_context_set(call, GRPC_CONTEXT_CALL_TRACER, tracer_->AsContext(), &Tracer::DropContext);
}

bool AttemptWatch::Unprocessed(const grpc::Status& status) const {
  if (tracer_ == nullptr || status.error_code() != grpc::StatusCode::UNAVAILABLE) return false;
  switch (tracer_->seen()) {
    case Tracer::Seen::kNothingSent:
      return true;
    case Tracer::Seen::kNothingCame:
      return IsOfUnprocessed(status.error_message());
    case Tracer::Seen::kUnknown:
    case Tracer::Seen::kAnswer:
      return false;
  }
  return false;
}

}  // namespace sallyport::gateway
