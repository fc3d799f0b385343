#include "tests/gateway/api/door/door_rig.h"

#include <grpcpp/server_builder.h>

#include <catch2/catch.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace sallyport::gateway::testing {
namespace {

constexpr absl::Duration kLong = absl::Seconds(60);

std::string Text(grpc::string_ref text) { return {text.data(), text.size()}; }

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  static_cast<void>(buffer.Dump(&slices));
  std::string bytes;
  for (const grpc::Slice& slice : slices) bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return bytes;
}

// Reads one message, says what the script says, and is gone.
class ScriptedReactor : public grpc::ServerGenericBidiReactor {
 public:
  ScriptedReactor(ScriptedApi& api, grpc::GenericCallbackServerContext& context)
      : api_(api), context_(context), script_(api.script) {
    StartRead(&read_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::INTERNAL, "no request"));
    SeenCall call{context_.method(), BytesOf(read_), {}, false};
    call.has_deadline = context_.deadline() < std::chrono::system_clock::now() + std::chrono::hours(1);
    for (const auto& [name, value] : context_.client_metadata()) call.metadata.emplace(Text(name), Text(value));
    if (api_.chooses != nullptr) script_ = api_.chooses(call);
    {
      const absl::MutexLock lock(&api_.mutex);
      api_.seen.push_back(std::move(call));
    }
    for (const auto& [name, value] : script_.leading) context_.AddInitialMetadata(name, value);
    for (const auto& [name, value] : script_.trailing) context_.AddTrailingMetadata(name, value);
    WriteNext();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) return End();
    {
      const absl::MutexLock lock(&api_.mutex);
      ++api_.written;
    }
    WriteNext();
  }

  void OnCancel() override {
    {
      const absl::MutexLock lock(&api_.mutex);
      ++api_.cancelled;
    }
    if (waits_.exchange(false)) End();
  }

  void OnDone() override { delete this; }

 private:
  void WriteNext() {
    if (next_ < script_.messages.size()) {
      const grpc::Slice slice(script_.messages[next_++]);
      write_ = grpc::ByteBuffer(&slice, 1);
      if (!script_.together || next_ < script_.messages.size()) return StartWrite(&write_);
      ended_ = true;
      return StartWriteAndFinish(&write_, {}, script_.status);
    }
    if (!script_.holds) return End();
    if (script_.messages.empty()) StartSendInitialMetadata();
    waits_ = true;
    if (context_.IsCancelled() && waits_.exchange(false)) End();
  }
  void End() {
    if (!ended_.exchange(true)) Finish(script_.status);
  }

  ScriptedApi& api_;
  grpc::GenericCallbackServerContext& context_;
  Script script_;
  grpc::ByteBuffer read_;
  grpc::ByteBuffer write_;
  size_t next_ = 0;
  std::atomic<bool> waits_ = false;
  std::atomic<bool> ended_ = false;
};

}  // namespace

grpc::ServerGenericBidiReactor* ScriptedApi::CreateReactor(grpc::GenericCallbackServerContext* context) {
  return new ScriptedReactor(*this, *context);
}

bool ScriptedApi::Await(const std::function<bool(ScriptedApi&)>& holds) {
  const absl::MutexLock lock(&mutex);
  const auto asked = [this, &holds] { return holds(*this); };
  return mutex.AwaitWithTimeout(absl::Condition(&asked), kLong);
}

SeenCall ScriptedApi::Last() {
  const absl::MutexLock lock(&mutex);
  REQUIRE(!seen.empty());
  return seen.back();
}

DoorRig::DoorRig(Script script, HttpDoorOptions options, HttpDoorHandlers handlers) {
  api_.script = std::move(script);
  grpc::ServerBuilder builder;
  builder.RegisterCallbackGenericService(&api_);
  server_ = builder.BuildAndStart();
  channel_ = server_->InProcessChannel({});
  if (options.address.empty()) options.address = "127.0.0.1:0";
  absl::StatusOr<std::unique_ptr<HttpDoor>> door = HttpDoor::Start(std::move(options), this, std::move(handlers));
  INFO(door.status());
  REQUIRE(door.ok());
  door_ = *std::move(door);
}

DoorRig::~DoorRig() {
  door_ = nullptr;
  channel_ = nullptr;
  server_->Shutdown();
}

std::string DoorRig::Announce(ApiVisitor visitor) {
  const absl::MutexLock lock(&mutex_);
  visitors_.push_back(std::move(visitor));
  return absl::StrCat("visit-", visitors_.size());
}

ApiVisitor DoorRig::LastVisitor() {
  const absl::MutexLock lock(&mutex_);
  REQUIRE(!visitors_.empty());
  return visitors_.back();
}

ApiVisitor DoorRig::VisitorOf(const SeenCall& call) {
  size_t number = 0;
  const auto visit = call.metadata.find(kVisitKey);
  const absl::MutexLock lock(&mutex_);
  if (visit == call.metadata.end() || !absl::SimpleAtoi(visit->second.substr(sizeof("visit-") - 1), &number) ||
      number == 0 || number > visitors_.size()) {
    return {};
  }
  return visitors_[number - 1];
}

std::string DoorRig::Written(const std::string& method, const std::string& target, const Pairs& headers,
                             const std::string& body) {
  bool host = false;
  std::string request = absl::StrCat(method, " ", target, " HTTP/1.1\r\n");
  for (const auto& [name, value] : headers) {
    absl::StrAppend(&request, name, ": ", value, "\r\n");
    host = host || absl::EqualsIgnoreCase(name, "host");
  }
  if (!host) absl::StrAppend(&request, "Host: localhost\r\n");
  absl::StrAppend(&request, "Connection: close\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
  return request;
}

Got DoorRig::Ask(const std::string& method, const std::string& target, const Pairs& headers, const std::string& body) {
  sallyport::testing::RawConnection connection(door_->address());
  connection.Send(Written(method, target, headers, body));
  return ReadAnswer(connection.ReadAll());
}

Got ReadAnswer(const std::string& bytes) {
  Got got;
  const size_t end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return got;
  const std::vector<std::string> lines = absl::StrSplit(bytes.substr(0, end), "\r\n");
  static_cast<void>(absl::SimpleAtoi(lines[0].substr(9, 3), &got.status));
  for (size_t i = 1; i < lines.size(); ++i) {
    const size_t colon = lines[i].find(": ");
    got.headers.emplace(absl::AsciiStrToLower(lines[i].substr(0, colon)), lines[i].substr(colon + 2));
  }
  std::string rest = bytes.substr(end + 4);
  if (got.Header("transfer-encoding") != "chunked") {
    got.body = std::move(rest);
    got.whole = true;
    return got;
  }
  while (!rest.empty()) {
    const size_t line = rest.find("\r\n");
    const auto size = static_cast<size_t>(std::strtoul(rest.c_str(), nullptr, 16));
    if (line == std::string::npos || rest.size() < line + size + 4) break;
    got.whole = size == 0;
    got.body += rest.substr(line + 2, size);
    rest.erase(0, line + size + 4);
  }
  return got;
}

}  // namespace sallyport::gateway::testing
