#include "tests/fakes/blocking_client.h"

#include <grpcpp/create_channel.h>

#include <utility>

#include "tests/fakes/scripted_server.h"

namespace sallyport::testing {
namespace {

std::vector<std::string> ValuesOf(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata,
                                  const std::string& key) {
  std::vector<std::string> values;
  auto [begin, end] = metadata.equal_range(key);
  for (auto pair = begin; pair != end; ++pair) values.emplace_back(pair->second.data(), pair->second.size());
  return values;
}

}  // namespace

std::shared_ptr<grpc::Channel> Dial(const std::string& target) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A gateway in this process asks channelz, which must not find events here either (upstream.cc).
  arguments.SetInt(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
}

BlockingCall::BlockingCall(const std::shared_ptr<grpc::Channel>& channel, std::string path)
    : stub_(channel), path_(std::move(path)) {}

BlockingCall::~BlockingCall() {
  if (stream_ != nullptr && !finished_) {
    context_.TryCancel();
    Finish();
  }
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

bool BlockingCall::Next() {
  void* tag = nullptr;
  bool ok = false;
  return queue_.Next(&tag, &ok) && ok;
}

bool BlockingCall::Start() {
  stream_ = stub_.PrepareCall(&context_, path_, &queue_);
  stream_->StartCall(this);
  return Next();
}

bool BlockingCall::Write(const std::string& message, grpc::WriteOptions options) {
  stream_->Write(ToBuffer(message), options, this);
  return Next();
}

bool BlockingCall::HalfClose() {
  stream_->WritesDone(this);
  return Next();
}

std::optional<std::string> BlockingCall::Read() {
  grpc::ByteBuffer message;
  stream_->Read(&message, this);
  if (!Next()) return std::nullopt;
  return ToBytes(message);
}

bool BlockingCall::ReadHeaders() {
  stream_->ReadInitialMetadata(this);
  return Next();
}

grpc::Status BlockingCall::Finish() {
  grpc::Status status;
  stream_->Finish(&status, this);
  Next();
  finished_ = true;
  return status;
}

std::vector<std::string> BlockingCall::Headers(const std::string& key) const {
  return ValuesOf(context_.GetServerInitialMetadata(), key);
}

std::vector<std::string> BlockingCall::Trailers(const std::string& key) const {
  return ValuesOf(context_.GetServerTrailingMetadata(), key);
}

UnaryResult CallUnary(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                      const std::string& request) {
  BlockingCall call(channel, path);
  UnaryResult result;
  call.Start();
  call.Write(request, grpc::WriteOptions().set_last_message());
  if (std::optional<std::string> response = call.Read()) result.response = *response;
  result.status = call.Finish();
  return result;
}

}  // namespace sallyport::testing
