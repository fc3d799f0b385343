#include "tests/fakes/scripted_server.h"

#include <grpcpp/server_builder.h>

#include <cassert>
#include <chrono>
#include <utility>

namespace sallyport::testing {

grpc::ByteBuffer ToBuffer(const std::string& bytes) {
  grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

std::string ToBytes(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!buffer.Dump(&slices).ok()) return bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

std::vector<std::string> ScriptedCall::Metadata(const std::string& key) const {
  std::vector<std::string> values;
  auto [begin, end] = context_.client_metadata().equal_range(key);
  for (auto pair = begin; pair != end; ++pair) values.emplace_back(pair->second.data(), pair->second.size());
  return values;
}

bool ScriptedCall::Next(void* tag) {
  void* got = nullptr;
  bool ok = false;
  while (queue_.Next(&got, &ok)) {
    if (got == &done_) done_ = true;
    if (got == tag) return ok;
  }
  return false;
}

std::optional<std::string> ScriptedCall::Read() {
  grpc::ByteBuffer message;
  stream_.Read(&message, this);
  if (!Next(this)) return std::nullopt;
  return ToBytes(message);
}

bool ScriptedCall::Write(const std::string& message) {
  stream_.Write(ToBuffer(message), this);
  return Next(this);
}

bool ScriptedCall::SendHeaders() {
  stream_.SendInitialMetadata(this);
  return Next(this);
}

void ScriptedCall::AwaitCancel() {
  if (!done_) Next(&done_);
}

ScriptedServer::ScriptedServer(std::map<std::string, Script> scripts)
    : ScriptedServer(std::move(scripts), grpc::InsecureServerCredentials(), {"127.0.0.1"}) {}

ScriptedServer::ScriptedServer(std::map<std::string, Script> scripts,
                               const std::shared_ptr<grpc::ServerCredentials>& credentials,
                               const std::vector<std::string>& hosts)
    : scripts_(std::move(scripts)) {
  grpc::ServerBuilder builder;
  std::vector<int> ports(hosts.size(), 0);
  for (size_t i = 0; i < hosts.size(); ++i) builder.AddListeningPort(hosts[i] + ":0", credentials, &ports[i]);
  builder.RegisterAsyncGenericService(&service_);
  builder.SetMaxReceiveMessageSize(-1);
  builder.SetMaxSendMessageSize(-1);
  queue_ = builder.AddCompletionQueue();
  server_ = builder.BuildAndStart();
  assert(server_ != nullptr);
  for (size_t i = 0; i < hosts.size(); ++i) addresses_.push_back(hosts[i] + ":" + std::to_string(ports[i]));
  RequestCall();
  acceptor_ = std::thread([this] { Run(); });
}

void ScriptedServer::RequestCall() {
  next_ = std::make_unique<ScriptedCall>();
  next_->context_.AsyncNotifyWhenDone(&next_->done_);
  service_.RequestCall(&next_->context_, &next_->stream_, &next_->queue_, queue_.get(), this);
}

void ScriptedServer::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_->Next(&tag, &ok)) {
    if (!ok) continue;
    std::unique_ptr<ScriptedCall> call = std::move(next_);
    RequestCall();
    std::lock_guard lock(mutex_);
    calls_.emplace_back([this, call = std::move(call)]() mutable { Serve(std::move(call)); });
  }
}

void ScriptedServer::Serve(std::unique_ptr<ScriptedCall> call) {
  auto script = scripts_.find(call->context_.method());
  grpc::Status status(grpc::StatusCode::UNIMPLEMENTED, "no script");
  if (script != scripts_.end()) status = script->second(*call);
  call->stream_.Finish(status, call.get());
  call->Next(call.get());
  call->queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (call->queue_.Next(&tag, &ok)) {
  }
}

void ScriptedServer::Kill() {
  if (killed_) return;
  killed_ = true;
  server_->Shutdown(std::chrono::system_clock::now());
  queue_->Shutdown();
  acceptor_.join();
  std::vector<std::thread> calls;
  {
    std::lock_guard lock(mutex_);
    calls.swap(calls_);
  }
  for (std::thread& call : calls) call.join();
  if (next_ != nullptr) {
    next_->queue_.Shutdown();
    void* tag = nullptr;
    bool ok = false;
    while (next_->queue_.Next(&tag, &ok)) {
    }
  }
}

ScriptedServer::~ScriptedServer() { Kill(); }

}  // namespace sallyport::testing
