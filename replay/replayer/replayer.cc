#include "replay/replayer/replayer.h"

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>

#include <algorithm>
#include <limits>
#include <queue>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "protos/message_encoding.h"
#include "replay/replayer/replayed_call.h"

namespace sallyport::replay {
namespace {

// How often a wait looks whether the replay was interrupted.
constexpr absl::Duration kLook = absl::Milliseconds(50);
// The longest wait before a cancel where no speed is set.
constexpr absl::Duration kLongestIdle = absl::Seconds(1);
// A half-close this soon after a frame is sent with it.
constexpr int64_t kAtOnceNs = 1'000'000;
constexpr absl::Duration kBreakShows = absl::Milliseconds(200);
// Response frames beyond the recorded ones that are kept to be shown.
constexpr uint64_t kExtraFrames = 16;
constexpr int kMostMetadataBytes = 1 << 20;
constexpr int kMostMessageBytes = 1 << 30;

// A call that has been started and not ended.
struct OpenCall {
  RecordedCall record;
  std::unique_ptr<ReplayedCall> call;
  size_t next_step = 0;
  int64_t last_step_ns = 0;
  bool half_closed = false;
  bool waited_in_vain = false;  // nothing of it is waited for any more
  std::vector<std::string> notes;

  const Step& step() const { return record.steps[next_step]; }
};

// Runs one replay. Lives for one call of Replay.
class Replayer {
 public:
  Replayer(const ReplayOptions& options, ReplayAudience& audience) : options_(options), audience_(audience) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
    arguments.SetInt(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0);
    arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMostMetadataBytes);
    arguments.SetMaxReceiveMessageSize(kMostMessageBytes);
    arguments.SetMaxSendMessageSize(-1);
    channel_ = grpc::CreateCustomChannel(options_.target, options_.credentials, arguments);
    KeepForever(channel_);
    stub_ = std::make_unique<grpc::GenericStub>(channel_);
  }

  absl::Status Run() {
    absl::Status status = Connect();
    while (status.ok()) {
      if (!next_.has_value() && !no_more_) status = Fetch();
      if (!status.ok()) break;
      const bool start = next_.has_value() && (open_.empty() || next_->start_ns < Earliest()->step().time_ns);
      if (!start && open_.empty()) break;
      status = start ? StartNext() : TakeStep();
    }
    for (const std::unique_ptr<OpenCall>& open : open_) {
      open->call->Cancel();
      open->call->End();
    }
    return status;
  }

 private:
  // When the last channel with callbacks goes, gRPC 1.51 ends the threads that run them, and now and then aborts over a
  // reference that one of them still holds (`prior > 0` in ref_counted.h). A process makes few channels: they stay to
  // its end.
  static void KeepForever(std::shared_ptr<grpc::Channel> channel) {
    static auto* const kept = new std::vector<std::shared_ptr<grpc::Channel>>();
    kept->push_back(std::move(channel));
  }

  bool Interrupted() const { return options_.interrupted != nullptr && options_.interrupted->load(); }

  absl::Status Unreachable() const {
    return absl::UnavailableError(absl::StrCat("cannot connect to ", options_.target, " within ",
                                               absl::FormatDuration(options_.patience),
                                               "; is it running there, and is --tls given or left out as it needs?"));
  }

  // Whether there is a connection, or one can be made in time.
  absl::Status Connect() {
    const absl::Time until = absl::Now() + options_.patience;
    while (!Interrupted()) {
      const absl::Time look = std::min(until, absl::Now() + kLook);
      if (channel_->WaitForConnected(absl::ToChronoTime(look))) return absl::OkStatus();
      if (look == until) return Unreachable();
    }
    return Interruption();
  }

  static absl::Status Interruption() { return absl::CancelledError("the replay was interrupted"); }

  absl::Status Fetch() {
    absl::StatusOr<std::optional<RecordedCall>> next = audience_.NextCall();
    if (!next.ok()) return next.status();
    next_ = *std::move(next);
    no_more_ = !next_.has_value();
    return absl::OkStatus();
  }

  // The open call whose next step is the earliest in the record. Few are open at a time.
  OpenCall* Earliest() const {
    const auto earlier = [](const auto& left, const auto& right) {
      return left->step().time_ns < right->step().time_ns;
    };
    return std::min_element(open_.begin(), open_.end(), earlier)->get();
  }

  absl::Status StartNext() {
    if (absl::Status status = Pace(next_->start_ns); !status.ok()) return status;
    auto open = std::make_unique<OpenCall>();
    open->record = *std::move(next_);
    next_.reset();
    const RecordedCall& record = open->record;
    open->last_step_ns = record.start_ns;
    ReplayedCallOptions call;
    call.method = record.start.method();
    call.authority = !options_.authority.empty()   ? options_.authority
                     : options_.recorded_authority ? record.start.authority()
                                                   : std::string();
    call.metadata = ChooseMetadata(record.start, options_.metadata).sent;
    call.encoding = ParseMessageEncoding(record.start.encoding()).value_or(MessageEncoding::kIdentity);
    if (record.start.has_timeout_ns()) call.timeout = absl::Nanoseconds(record.start.timeout_ns());
    call.most_frames_kept = record.response_frames.size() + kExtraFrames;
    open->call = ReplayedCall::Start(*stub_, call);
    open_.push_back(std::move(open));
    Passed();
    return absl::OkStatus();
  }

  absl::Status TakeStep() {
    OpenCall& open = *Earliest();
    const Step step = open.step();
    absl::Status status;
    switch (step.kind) {
      case StepKind::kRequestFrame:
        status = SendFrameStep(open, step);
        break;
      case StepKind::kHalfClose:
        status = HalfCloseStep(open, step);
        break;
      case StepKind::kResponseHeaders:
        status = AwaitStep(open, step, "the response headers",
                           [&](absl::Time until) { return open.call->AwaitHeaders(until); });
        break;
      case StepKind::kResponseFrame:
        status = AwaitStep(open, step, absl::StrCat("response frame ", step.frame),
                           [&](absl::Time until) { return open.call->AwaitFrames(step.frame + 1, until); });
        break;
      case StepKind::kEnd:
        return EndStep(open, step);
    }
    open.last_step_ns = step.time_ns;
    ++open.next_step;
    return status;
  }

  absl::Status SendFrameStep(OpenCall& open, const Step& step) {
    if (absl::Status status = AwaitTurn(open, step); !status.ok()) return status;
    if (open.call->IsOver()) {
      if (open.notes.empty())
        open.notes.push_back(absl::StrCat("ended before request frame ", step.frame, " could be sent"));
      return absl::OkStatus();
    }
    const Step& next = open.record.steps[open.next_step + 1];  // there is one: the end at least
    const bool at_once = !options_.speed.has_value() || next.time_ns - step.time_ns < kAtOnceNs;
    open.half_closed = next.kind == StepKind::kHalfClose && at_once;
    open.call->Send(open.record.request_frames[step.frame],
                    open.half_closed ? ReplayedCall::Place::kLast : ReplayedCall::Place::kMore);
    Passed();
    return absl::OkStatus();
  }

  absl::Status HalfCloseStep(OpenCall& open, const Step& step) {
    if (open.half_closed) return absl::OkStatus();
    if (absl::Status status = AwaitTurn(open, step); !status.ok()) return status;
    // That a call ended before it was half-closed is no loss: there was nothing more to send.
    open.call->HalfClose();
    Passed();
    return absl::OkStatus();
  }

  // Until the frame before has been written, and the step is due.
  absl::Status AwaitTurn(OpenCall& open, const Step& step) {
    if (absl::Status status = AwaitWritten(open, step); !status.ok()) return status;
    return Pace(step.time_ns);
  }

  // A target that does not read holds writes up; the call is cut off then.
  absl::Status AwaitWritten(OpenCall& open, const Step& step) {
    const absl::Duration limit = Limit(open, step);
    absl::StatusOr<bool> written =
        Await(absl::Now() + limit, [&](absl::Time until) { return open.call->AwaitWritten(until); });
    if (!written.ok()) return written.status();
    if (!*written) {
      open.notes.push_back(absl::StrCat("did not read a request frame within ", absl::FormatDuration(limit),
                                        "; the call was cancelled"));
      open.waited_in_vain = true;
      open.call->Cancel();
      open.call->AwaitOver(absl::InfiniteFuture());
    }
    return absl::OkStatus();
  }

  absl::Status AwaitStep(OpenCall& open, const Step& step, const std::string& what,
                         absl::FunctionRef<bool(absl::Time)> await) {
    if (open.waited_in_vain) return absl::OkStatus();
    const absl::Duration limit = Limit(open, step);
    absl::StatusOr<bool> came = Await(absl::Now() + limit, await);
    if (!came.ok()) return came.status();
    if (!*came) {
      open.waited_in_vain = true;
      open.notes.push_back(
          absl::StrCat(what, " did not come within ", absl::FormatDuration(limit), "; the replay went on without"));
    }
    Passed(step.time_ns);
    return absl::OkStatus();
  }

  absl::Status EndStep(OpenCall& open, const Step& step) {
    if (absl::Status status = AwaitWritten(open, step); !status.ok()) return status;
    if (open.record.end.reason() == v1::END_REASON_CANCELLED) {
      if (absl::Status status = AwaitCancelTime(open, step); !status.ok()) return status;
      open.call->Cancel();
    } else {
      if (absl::Status status =
              AwaitStep(open, step, "the end", [&](absl::Time until) { return open.call->AwaitOver(until); });
          !status.ok()) {
        return status;
      }
      if (!open.call->IsOver()) open.call->Cancel();
    }
    ReplayedResponse response = open.call->End();
    response.notes = std::move(open.notes);
    const auto masked = std::count_if(open.record.response_frames.begin(), open.record.response_frames.end(),
                                      [](const CallFrame& frame) { return frame.masked; });
    if (masked > 0) {
      response.notes.push_back(
          absl::StrCat(masked, " response frames were masked before they were recorded and are not compared"));
    }
    auto place = std::find_if(open_.begin(), open_.end(), [&](const auto& other) { return other.get() == &open; });
    const std::unique_ptr<OpenCall> ended = std::move(*place);
    open_.erase(place);
    Passed(step.time_ns);
    if (absl::Status status = CheckConnection(ended->record, response); !status.ok()) return status;
    return audience_.OnReplayed(ended->record, std::move(response));
  }

  // The caller's patience ended here; it is part of the record.
  absl::Status AwaitCancelTime(OpenCall& open, const Step& step) {
    absl::Duration idle = absl::Nanoseconds(step.time_ns - open.last_step_ns);
    idle = options_.speed.has_value() ? idle / *options_.speed : std::min(idle, kLongestIdle);
    return Await(absl::Now() + idle, [&](absl::Time until) { return open.call->AwaitOver(until); }).status();
  }

  // UNAVAILABLE may be the target's answer or its absence. Where the record says something else and there is no
  // connection to be had, it is the latter.
  absl::Status CheckConnection(const RecordedCall& record, const ReplayedResponse& response) {
    if (response.status_code != grpc::StatusCode::UNAVAILABLE || record.end.status_code() == response.status_code) {
      return absl::OkStatus();
    }
    // That a connection broke shows at the channel a little later than at the call.
    channel_->WaitForStateChange(GRPC_CHANNEL_READY, absl::ToChronoTime(absl::Now() + kBreakShows));
    return Connect();
  }

  // How long a step may take: as long as it took in the record since the call's start, and `patience` more.
  absl::Duration Limit(const OpenCall& open, const Step& step) const {
    return options_.patience + absl::Nanoseconds(step.time_ns - open.record.start_ns);
  }

  absl::StatusOr<bool> Await(absl::Time until, absl::FunctionRef<bool(absl::Time)> await) const {
    while (!Interrupted()) {
      const absl::Time look = std::min(until, absl::Now() + kLook);
      if (await(look)) return true;
      if (look == until) return false;
    }
    return Interruption();
  }

  // Waits until what happened at `recorded_ns` is due. The clock of the replay is set anew by whatever comes late.
  absl::Status Pace(int64_t recorded_ns) {
    if (!options_.speed.has_value() || !passed_.has_value()) {
      paced_ns_ = recorded_ns;
      return Interrupted() ? Interruption() : absl::OkStatus();
    }
    const absl::Time due = DueTime(recorded_ns);
    paced_ns_ = recorded_ns;
    return Await(due,
                 [](absl::Time until) {
                   absl::SleepFor(until - absl::Now());
                   return false;
                 })
        .status();
  }

  absl::Time DueTime(int64_t recorded_ns) const {
    return *passed_ + absl::Nanoseconds(recorded_ns - passed_ns_) / *options_.speed;
  }

  void Passed() { Passed(paced_ns_); }
  void Passed(int64_t recorded_ns) {
    const absl::Time now = absl::Now();
    if (options_.speed.has_value()) passed_ = passed_.has_value() ? std::max(now, DueTime(recorded_ns)) : now;
    passed_ns_ = recorded_ns;
  }

  const ReplayOptions& options_;
  ReplayAudience& audience_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<grpc::GenericStub> stub_;
  std::vector<std::unique_ptr<OpenCall>> open_;  // in the order of their starts
  std::optional<RecordedCall> next_;             // fetched, not started
  bool no_more_ = false;
  // The pace: what the record did at passed_ns_, the replay did at passed_.
  std::optional<absl::Time> passed_;
  int64_t passed_ns_ = 0;
  int64_t paced_ns_ = 0;
};

}  // namespace

absl::Status Replay(const ReplayOptions& options, ReplayAudience& audience) {
  return Replayer(options, audience).Run();
}

}  // namespace sallyport::replay
