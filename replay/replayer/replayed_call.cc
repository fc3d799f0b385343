#include "replay/replayer/replayed_call.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/time/clock.h"
#include "replay/replayer/grpc_frame.h"

namespace sallyport::replay {
namespace {

// What a deadline may be at most: beyond it, gRPC's clock arithmetic is not to be trusted.
constexpr absl::Duration kLongestTimeout = absl::Hours(24 * 365);

std::vector<MetadataPair> ToPairs(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  std::vector<MetadataPair> pairs;
  pairs.reserve(metadata.size());
  for (const auto& [name, value] : metadata) {
    pairs.push_back({std::string(name.data(), name.size()), std::string(value.data(), value.size())});
  }
  return pairs;
}

}  // namespace

std::unique_ptr<ReplayedCall> ReplayedCall::Start(grpc::GenericStub& stub, const ReplayedCallOptions& options) {
  std::unique_ptr<ReplayedCall> call(new ReplayedCall(options));
  stub.PrepareBidiStreamingCall(&call->context_, call->options_.method, grpc::StubOptions(), call.get());
  // Sending starts outside of reactions: without the hold, gRPC could be done before.
  call->AddHold();
  call->StartRead(&call->incoming_);
  call->StartCall();
  return call;
}

ReplayedCall::ReplayedCall(const ReplayedCallOptions& options) : options_(options), started_(absl::Now()) {
  for (const MetadataPair& pair : options_.metadata) context_.AddMetadata(pair.name, pair.value);
  if (!options_.authority.empty()) context_.set_authority(options_.authority);
  if (options_.timeout.has_value()) {
    context_.set_deadline(absl::ToChronoTime(started_ + std::min(*options_.timeout, kLongestTimeout)));
  }
  context_.set_compression_algorithm(ToGrpc(options_.encoding));
}

ReplayedCall::~ReplayedCall() {
  // OnDone may still be letting go of the mutex.
  absl::MutexLock lock(&mutex_);
}

bool ReplayedCall::AwaitUntil(absl::FunctionRef<bool()> condition, absl::Time until) {
  mutex_.AssertHeld();
  const auto met = [&] { return condition(); };
  return mutex_.AwaitWithDeadline(absl::Condition(&met), until);
}

bool ReplayedCall::AwaitHeaders(absl::Time until) {
  absl::MutexLock lock(&mutex_);
  return AwaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return over_ || headers_settled_; }, until);
}

bool ReplayedCall::AwaitFrames(uint64_t count, absl::Time until) {
  absl::MutexLock lock(&mutex_);
  return AwaitUntil([this, count]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return over_ || response_.frame_count >= count; },
                    until);
}

bool ReplayedCall::AwaitWritten(absl::Time until) {
  absl::MutexLock lock(&mutex_);
  return AwaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return over_ || !writing_; }, until);
}

bool ReplayedCall::AwaitOver(absl::Time until) {
  absl::MutexLock lock(&mutex_);
  return AwaitUntil([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return over_; }, until);
}

bool ReplayedCall::IsOver() {
  absl::MutexLock lock(&mutex_);
  return over_;
}

void ReplayedCall::Send(const CallFrame& frame, Place place) {
  {
    absl::MutexLock lock(&mutex_);
    if (over_ || writing_) return;
    writing_ = true;
  }
  outgoing_ = ToByteBuffer(frame, options_.encoding);
  // The bytes are as recorded: compressed already, or meant not to be.
  const grpc::WriteOptions options = grpc::WriteOptions().set_no_compression();
  if (place == Place::kLast) {
    StartWriteLast(&outgoing_, options);
  } else {
    StartWrite(&outgoing_, options);
  }
}

void ReplayedCall::HalfClose() {
  {
    absl::MutexLock lock(&mutex_);
    if (over_ || writing_) return;
  }
  StartWritesDone();
}

ReplayedResponse ReplayedCall::End() {
  RemoveHold();
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&done_));
  return std::move(response_);
}

void ReplayedCall::OnReadInitialMetadataDone(bool ok) {
  absl::MutexLock lock(&mutex_);
  headers_settled_ = true;
  response_.headers_came = ok;
  if (ok) response_.headers = ToPairs(context_.GetServerInitialMetadata());
}

void ReplayedCall::OnReadDone(bool ok) {
  {
    absl::MutexLock lock(&mutex_);
    if (!ok) {
      over_ = true;
      return;
    }
    if (response_.frames.size() < options_.most_frames_kept) {
      response_.frames.push_back(FromByteBuffer(incoming_));
      if (response_.frames.back().compressed) response_.encoding = EncodingOf(incoming_);
    }
    ++response_.frame_count;
  }
  incoming_.Clear();
  StartRead(&incoming_);
}

void ReplayedCall::OnWriteDone(bool ok) {
  // A write that failed needs no mark of its own: the response is over then, and that is about to be told.
  absl::MutexLock lock(&mutex_);
  writing_ = false;
}

void ReplayedCall::OnDone(const grpc::Status& status) {
  absl::MutexLock lock(&mutex_);
  over_ = true;
  response_.duration = absl::Now() - started_;
  response_.status_code = status.error_code();
  response_.status_message = status.error_message();
  response_.trailers = ToPairs(context_.GetServerTrailingMetadata());
  done_ = true;
}

}  // namespace sallyport::replay
