#include "replay/client/remote_exchange.h"

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "replay/client/remote_answers.h"

namespace sallyport::replay {
namespace {

constexpr char kService[] = "/sallyport.v1.Audit/";
// Servers that allow no more end connections that ask more often than every five minutes whether they are alive.
constexpr int kKeepaliveMs = 6 * 60 * 1000;
constexpr int kKeepaliveTimeoutMs = 20 * 1000;

std::shared_ptr<grpc::ChannelCredentials> CredentialsOf(const RemoteOptions& options) {
  if (!options.tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions texts;
  texts.pem_root_certs = options.authorities;
  texts.pem_cert_chain = options.certificates;
  texts.pem_private_key = std::string(options.private_key.view());
  return grpc::SslCredentials(texts);
}

grpc::ChannelArguments ArgumentsOf(const ServerAddress& address, const RemoteOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.most_message_bytes);
  arguments.SetMaxSendMessageSize(-1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  if (!options.tls) arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, address.authority);
  // What stays on this machine must not be led off it by an http_proxy.
  if (address.local) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return arguments;
}

// The operations of one call, one after the other. Lives on the stack of whoever asks, within its context's life.
class Stream {
 public:
  Stream(grpc::GenericStub& stub, const std::string& path, grpc::ClientContext* context)
      : stream_(stub.PrepareCall(context, path, &queue_)) {}
  ~Stream() {
    queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (queue_.Next(&tag, &ok)) {
    }
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  // False if the call is over; Finish says why.
  bool Send(const std::string& request) {
    stream_->StartCall(this);
    if (!Done()) return false;
    const grpc::Slice slice(request);
    stream_->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), this);
    return Done();
  }
  bool Read(grpc::ByteBuffer* message) {
    message->Clear();
    stream_->Read(message, this);
    return Done();
  }
  grpc::Status Finish() {
    grpc::Status status;
    stream_->Finish(&status, this);
    static_cast<void>(Done());  // it always succeeds
    return status;
  }

 private:
  bool Done() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::CompletionQueue queue_;
  const std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

}  // namespace

RemoteExchange::RemoteExchange(ServerAddress address, RemoteOptions options)
    : address_(std::move(address)), options_(std::move(options)) {
  stub_ = std::make_unique<grpc::GenericStub>(
      grpc::CreateCustomChannel(address_.target, CredentialsOf(options_), ArgumentsOf(address_, options_)));
}

absl::Status RemoteExchange::Ask(const Question& question, absl::FunctionRef<absl::Status(grpc::ByteBuffer&)> message) {
  grpc::ClientContext context;
  if (!options_.token.view().empty()) {
    context.AddMetadata("authorization", "Bearer " + std::string(options_.token.view()));
  }
  if (question.patience.has_value()) context.set_deadline(absl::ToChronoTime(absl::Now() + *question.patience));
  const std::stop_callback cancel(question.stop, [&context] { context.TryCancel(); });
  Stream stream(*stub_, absl::StrCat(kService, question.method), &context);
  absl::Status handed = absl::OkStatus();
  if (stream.Send(question.request->SerializeAsString())) {
    grpc::ByteBuffer bytes;
    while (handed.ok() && stream.Read(&bytes)) handed = message(bytes);
  }
  if (!handed.ok()) context.TryCancel();
  const grpc::Status status = stream.Finish();
  if (!handed.ok()) return handed;
  if (question.stop.stop_requested()) return absl::CancelledError("it was stopped");
  return Explained(status, {address_.name, question.method, question.patience, options_.most_message_bytes});
}

absl::Status ParseAnswer(grpc::ByteBuffer& bytes, google::protobuf::MessageLite* message) {
  grpc::ProtoBufferReader reader(&bytes);
  if (reader.status().ok() && message->ParseFromZeroCopyStream(&reader)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("it is no ", message->GetTypeName()));
}

}  // namespace sallyport::replay
