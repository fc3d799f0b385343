#include "gateway/api/door/door_call.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gateway/api/api_backend.h"
#include "gateway/api/door/origin_rules.h"

namespace sallyport::gateway {
namespace {

// Longer than anybody waits, and short enough to be added to any time.
constexpr absl::Duration kMostTimeout = absl::Hours(24 * 365);

DoorMetadata PairsOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  DoorMetadata pairs;
  for (const auto& [name, value] : metadata) {
    pairs.emplace_back(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  return pairs;
}

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  // Fails for a buffer without bytes only.
  if (!buffer.Dump(&slices).ok()) return "";
  std::string bytes;
  bytes.reserve(buffer.Length());
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

std::optional<DoorError> ErrorOf(const grpc::Status& status) {
  if (status.ok()) return std::nullopt;
  return DoorError{static_cast<int>(status.error_code()), status.error_message(), status.error_details()};
}

}  // namespace

// What becomes of a part. Dropped uncalled, as a server that ends may do, it says that the part was not taken.
class DoorCall::Written {
 public:
  explicit Written(std::shared_ptr<DoorCall> call) : call_(std::move(call)) {}
  ~Written() { Tell(false); }
  Written(Written&&) = default;
  Written& operator=(Written&&) = delete;

  void Tell(bool taken) {
    if (const std::shared_ptr<DoorCall> call = std::exchange(call_, nullptr); call != nullptr) call->OnWritten(taken);
  }

 private:
  std::shared_ptr<DoorCall> call_;
};

DoorCall::DoorCall(CallRequest request, DoorCallParts parts)
    : request_(std::move(request)),
      place_(std::move(parts.place)),
      workers_(*parts.workers),
      exchange_(std::move(parts.exchange)),
      stub_(std::move(parts.channel)) {
  context_.AddMetadata(ApiBackend::kVisitKey, parts.visit);
  for (const auto& [name, value] : request_.metadata) context_.AddMetadata(name, value);
  if (request_.timeout.has_value()) {
    context_.set_deadline(std::chrono::system_clock::now() +
                          absl::ToChronoNanoseconds(std::min(*request_.timeout, kMostTimeout)));
  }
  const grpc::Slice slice(request_.message);
  request_bytes_ = grpc::ByteBuffer(&slice, 1);
}

void DoorCall::Start(CallRequest request, DoorCallParts parts) {
  const std::shared_ptr<DoorCall> call(new DoorCall(std::move(request), std::move(parts)));
  call->self_ = call;
  const std::weak_ptr<DoorCall> weak = call;
  call->exchange_->OnGone([weak] {
    if (const std::shared_ptr<DoorCall> there = weak.lock(); there != nullptr) there->context_.TryCancel();
  });
  call->stub_.PrepareBidiStreamingCall(&call->context_, call->request_.method->path, {}, call.get());
  // Reads follow from what becomes of others, outside of reactions.
  call->AddHold();
  // In this process gRPC drops a message that its status came with, unless somebody was reading when they came. That is
  // how one answer is sent; a stream's messages are taken before its status is sent.
  if (!call->request_.method->streams) call->StartRead(&call->read_);
  call->StartWriteLast(&call->request_bytes_, grpc::WriteOptions());
  call->StartCall();
}

void DoorCall::OnReadInitialMetadataDone(bool ok) {
  // An answer's message is being read already, and that says how it goes on.
  if (!request_.method->streams) return;
  if (!ok) return StopReading();
  Begin();
  ReadNext();
}

void DoorCall::Begin() {
  HttpHeaders headers = StreamHeaders(request_.form, PairsOf(context_.GetServerInitialMetadata()));
  OriginRules::Permit(exchange_->request(), headers);
  begun_ = true;
  exchange_->Begin(200, std::move(headers));
}

void DoorCall::ReadNext() {
  read_.Clear();
  StartRead(&read_);
}

void DoorCall::StopReading() { RemoveHold(); }

void DoorCall::OnReadDone(bool ok) {
  if (!ok) return StopReading();
  workers_.Run([self = shared_from_this()] { self->HandOn(); });
}

void DoorCall::HandOn() {
  std::string message = BytesOf(read_);
  if (!request_.method->streams) {
    if (message_.has_value()) return Fail(absl::InternalError("the service sent more than one message"), "BAD_ANSWER");
    message_ = std::move(message);
    // Trailers come behind it only when that has been looked for.
    return ReadNext();
  }
  absl::StatusOr<std::string> part = StreamPart(request_.form, *request_.method, std::move(message));
  if (!part.ok()) return Fail(part.status(), "BAD_ANSWER");
  exchange_->Write(*std::move(part),
                   [written = Written(shared_from_this())](bool taken) mutable { written.Tell(taken); });
}

void DoorCall::OnWritten(bool taken) {
  if (taken) return ReadNext();
  context_.TryCancel();
  StopReading();
}

void DoorCall::Fail(const absl::Status& status, const char* reason) {
  own_error_ = OwnError(status, reason);
  context_.TryCancel();
  StopReading();
}

void DoorCall::OnDone(const grpc::Status& status) {
  workers_.Run([self = std::move(self_), status] { self->Finish(status); });
}

void DoorCall::Finish(const grpc::Status& status) {
  const std::optional<DoorError> error = own_error_.has_value() ? own_error_ : ErrorOf(status);
  AnswerMetadata metadata{PairsOf(context_.GetServerInitialMetadata()), PairsOf(context_.GetServerTrailingMetadata())};
  if (begun_) {
    exchange_->Write(StreamEnd(request_.form, error, metadata.trailing), nullptr);
    exchange_->End();
  } else {
    FinishWhole(error, metadata);
  }
  exchange_ = nullptr;
}

void DoorCall::FinishWhole(const std::optional<DoorError>& error, const AnswerMetadata& metadata) {
  if (error.has_value()) return Answer(ErrorAnswer(request_.form, *error, metadata));
  if (!message_.has_value()) {
    const absl::Status none = absl::InternalError("the service sent no message");
    return Answer(ErrorAnswer(request_.form, OwnError(none, "BAD_ANSWER"), metadata));
  }
  absl::StatusOr<HttpAnswer> answer = UnaryAnswer(request_.form, *request_.method, *std::move(message_), metadata);
  Answer(answer.ok() ? *std::move(answer) : ErrorAnswer(request_.form, OwnError(answer.status(), "BAD_ANSWER"), {}));
}

void DoorCall::Answer(HttpAnswer answer) {
  OriginRules::Permit(exchange_->request(), answer.headers);
  exchange_->Answer(std::move(answer));
}

}  // namespace sallyport::gateway
