// One call being replayed.
#ifndef SALLYPORT_REPLAY_REPLAYER_REPLAYED_CALL_H_
#define SALLYPORT_REPLAY_REPLAYER_REPLAYED_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/client_callback.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "protos/message_encoding.h"
#include "replay/replayer/outgoing_metadata.h"
#include "replay/replayer/recorded_call.h"
#include "replay/replayer/replayed_response.h"

namespace sallyport::replay {

struct ReplayedCallOptions {
  std::string method;
  std::string authority;  // the channel's own if empty
  std::vector<MetadataPair> metadata;
  MessageEncoding encoding = MessageEncoding::kIdentity;
  std::optional<absl::Duration> timeout;
  uint64_t most_frames_kept = 0;  // of the response; those beyond are only counted
};

// Drives one call with gRPC's callback API. One thread, the owner's, calls the public methods; gRPC's threads call the
// reactions. The owner calls End exactly once and only then destroys it, on its own thread: gRPC objects that are let
// go of by gRPC's threads may outlive the channel.
class ReplayedCall final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  // Sends the request headers at once.
  static std::unique_ptr<ReplayedCall> Start(grpc::GenericStub& stub, const ReplayedCallOptions& options);
  ~ReplayedCall() override;

  // Waits until the response headers came, or `count` response frames, or the frame written last has been taken by the
  // transport, or the response is over; true as well if the response is over. False at `until`.
  bool AwaitHeaders(absl::Time until);
  bool AwaitFrames(uint64_t count, absl::Time until);
  bool AwaitWritten(absl::Time until);
  bool AwaitOver(absl::Time until);
  // Whether nothing more will come: the call has ended, only its status is to be fetched with End.
  bool IsOver();

  // Start to send. Not while the frame before is still being written, nor after the response is over (nothing is done
  // then).
  // kLast half-closes with the frame, as callers do that know it to be their last.
  enum class Place { kMore, kLast };
  void Send(const CallFrame& frame, Place place);
  void HalfClose();

  void Cancel() { context_.TryCancel(); }

  // Lets go of the sending side and waits for the status, which comes soon if the response is over or the call was
  // cancelled. No other method may be called after it.
  ReplayedResponse End();

 private:
  explicit ReplayedCall(const ReplayedCallOptions& options);

  void OnReadInitialMetadataDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  bool AwaitUntil(absl::FunctionRef<bool()> condition, absl::Time until);

  const ReplayedCallOptions options_;
  const absl::Time started_;
  grpc::ClientContext context_;
  grpc::ByteBuffer outgoing_;  // the owner's until written
  grpc::ByteBuffer incoming_;  // gRPC's

  absl::Mutex mutex_;
  bool headers_settled_ ABSL_GUARDED_BY(mutex_) = false;  // they came, or it is known that none will
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  ReplayedResponse response_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_REPLAYED_CALL_H_
