#include "stream_load.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <latch>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"

namespace sallyport::benchmark {
namespace {

// The first failure of many streams. Thread-safe.
class FirstFailure {
 public:
  void Report(absl::Status status) {
    absl::MutexLock lock(&mutex_);
    if (first_.ok()) first_ = std::move(status);
    ++count_;
  }
  absl::Status Take() {
    absl::MutexLock lock(&mutex_);
    if (count_ == 0) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(count_, " streams failed; the first: ", first_.message()));
  }

 private:
  absl::Mutex mutex_;
  absl::Status first_ ABSL_GUARDED_BY(mutex_);
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

absl::Status Describe(const grpc::Status& status) {
  return absl::UnavailableError(absl::StrCat("gRPC status ", status.error_code(), ": ", status.error_message()));
}

constexpr size_t kShown = 4;  // characters, of which the number is made

// Writes the message's number where the echo can be checked against it.
void SetNumber(uint64_t number, std::string* body) {
  constexpr char kDigits[] = "0123456789abcdef";
  char* at = body->data() + body->size();
  for (size_t i = 0; i < kShown; ++i, number >>= 4) *--at = kDigits[number & 0xF];
}

// One echoing stream. Reads and writes on their own where pipelined; in step where ping-pong. Lives until the latch.
class EchoStream final : public grpc::ClientBidiReactor<Payload, Payload> {
 public:
  EchoStream(const StreamLoad& load, FirstFailure& failures, std::latch& ended)
      : load_(load), failures_(failures), ended_(ended), expected_(AnswerTo(BodyOf(load.size, 0), load.answer)) {
    *outgoing_.mutable_body() = BodyOf(load.size, 0);
  }

  void Start(Echo::Stub& stub) {
    stub.async()->Stream(&context_, this);
    StartRead(&incoming_);
    Write();
    StartCall();
  }

  void OnWriteDone(bool ok) override {
    ++written_;
    if (!ok || written_ == load_.messages) return;
    if (load_.pace == Pace::kPipelined) return Write();
    Step();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;  // OnDone says why
    SetNumber(received_, &expected_);
    if (incoming_.body() != expected_) mixed_up_ = true;
    ++received_;
    StartRead(&incoming_);
    if (load_.pace == Pace::kPingPong && received_ < load_.messages) Step();
  }

  void OnDone(const grpc::Status& status) override {
    if (!status.ok()) {
      failures_.Report(Describe(status));
    } else if (mixed_up_ || received_ != load_.messages) {
      failures_.Report(absl::DataLossError(
          absl::StrCat("got ", received_, " of ", load_.messages, " echoes", mixed_up_ ? ", some of them wrong" : "")));
    }
    ended_.count_down();
  }

 private:
  void Write() {
    SetNumber(next_, outgoing_.mutable_body());
    ++next_;
    if (next_ == load_.messages) return StartWriteLast(&outgoing_, grpc::WriteOptions());
    StartWrite(&outgoing_);
  }

  // The echo can be here before the write's own completion is; the next write needs both, so the second to come does
  // it.
  void Step() {
    if (arrived_.fetch_add(1) == 0) return;
    arrived_ = 0;
    Write();
  }

  const StreamLoad& load_;
  FirstFailure& failures_;
  std::latch& ended_;
  std::string expected_;
  grpc::ClientContext context_;
  Payload outgoing_;
  Payload incoming_;
  std::atomic<int> arrived_{0};
  int next_ = 0;      // number of the next message to write
  int written_ = 0;   // touched by writes' completions only
  int received_ = 0;  // touched by reads' completions only
  bool mixed_up_ = false;
};

// One stream that stays open. Lives as long as the set it belongs to.
class IdleStream final : public grpc::ClientBidiReactor<Payload, Payload> {
 public:
  IdleStream(FirstFailure& failures, std::latch& opened, std::latch& ended)
      : failures_(failures), opened_(opened), ended_(ended) {}

  void Start(Echo::Stub& stub) {
    stub.async()->Idle(&context_, this);
    AddHold();  // for HalfClose, which comes from outside
    StartRead(&incoming_);
    StartCall();
  }
  void HalfClose() {
    StartWritesDone();
    RemoveHold();
  }

  void OnReadInitialMetadataDone(bool ok) override { opened_.count_down(); }
  void OnReadDone(bool ok) override {}
  void OnDone(const grpc::Status& status) override {
    if (!status.ok()) failures_.Report(Describe(status));
    ended_.count_down();
  }

 private:
  FirstFailure& failures_;
  std::latch& opened_;
  std::latch& ended_;
  grpc::ClientContext context_;
  Payload incoming_;
};

class IdleStreamSet final : public IdleStreams {
 public:
  IdleStreamSet(const std::string& target, int streams, int connections)
      : channels_(OpenChannels(target, connections)), opened_(streams), ended_(streams) {
    for (const auto& channel : channels_) stubs_.push_back(Echo::NewStub(channel));
    for (int i = 0; i < streams; ++i) {
      streams_.emplace_back(failures_, opened_, ended_);
      streams_.back().Start(*stubs_[i % stubs_.size()]);
    }
    opened_.wait();
  }
  ~IdleStreamSet() override { Close().IgnoreError(); }

  absl::Status Close() override {
    if (std::exchange(closed_, true)) return absl::OkStatus();
    for (IdleStream& stream : streams_) stream.HalfClose();
    ended_.wait();
    return failures_.Take();
  }

 private:
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<Echo::Stub>> stubs_;
  FirstFailure failures_;
  std::latch opened_;
  std::latch ended_;
  std::deque<IdleStream> streams_;
  bool closed_ = false;
};

}  // namespace

std::string BodyOf(int size, uint64_t number) {
  std::string body(static_cast<size_t>(size) - 2, 'x');
  SetNumber(number, &body);
  return body;
}

std::string AnswerTo(std::string body, Answer answer) {
  if (answer == Answer::kLast4) std::fill(body.begin(), body.end() - kShown, '*');
  return body;
}

std::vector<std::shared_ptr<grpc::Channel>> OpenChannels(const std::string& target, int count) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < count; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetMaxReceiveMessageSize(-1);
    channels.push_back(grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
  }
  return channels;
}

absl::StatusOr<absl::Duration> RunStreams(const std::string& target, const StreamLoad& load) {
  const auto channels = OpenChannels(target, load.connections);
  std::vector<std::unique_ptr<Echo::Stub>> stubs;
  for (const auto& channel : channels) {
    if (!channel->WaitForConnected(absl::ToChronoTime(absl::Now() + absl::Seconds(10)))) {
      return absl::UnavailableError(absl::StrCat("cannot connect to ", target, " within 10 s"));
    }
    stubs.push_back(Echo::NewStub(channel));
  }
  FirstFailure failures;
  std::latch ended(load.streams);
  std::deque<EchoStream> streams;
  for (int i = 0; i < load.streams; ++i) streams.emplace_back(load, failures, ended);
  const absl::Time begin = absl::Now();
  for (int i = 0; i < load.streams; ++i) streams[i].Start(*stubs[i % stubs.size()]);
  ended.wait();
  const absl::Duration took = absl::Now() - begin;
  if (absl::Status status = failures.Take(); !status.ok()) return status;
  return took;
}

absl::StatusOr<std::unique_ptr<IdleStreams>> IdleStreams::Open(const std::string& target, int streams,
                                                               int connections) {
  return std::make_unique<IdleStreamSet>(target, streams, connections);
}

}  // namespace sallyport::benchmark
