// A door in front of a service that says what a test tells it to.
#ifndef SALLYPORT_TESTS_GATEWAY_API_DOOR_DOOR_RIG_H_
#define SALLYPORT_TESTS_GATEWAY_API_DOOR_DOOR_RIG_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gateway/api/door/http_door.h"
#include "tests/fakes/raw_connection.h"

namespace sallyport::gateway::testing {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// A call as the service saw it.
struct SeenCall {
  std::string method;
  std::string request;
  std::multimap<std::string, std::string> metadata;
  bool has_deadline = false;
};

// What the service does with a call.
struct Script {
  Pairs leading;
  std::vector<std::string> messages;
  grpc::Status status;
  Pairs trailing;
  bool holds = false;     // behind the messages, until it is cancelled
  bool together = false;  // the last message and the status, as gRPC sends them for a method with one answer
};

// An answer as a client reads it, chunks put together.
struct Got {
  int status = 0;
  std::multimap<std::string, std::string> headers;  // names in lower case
  std::string body;
  bool whole = false;

  std::string Header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};
Got ReadAnswer(const std::string& bytes);

class ScriptedApi : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

  Script script;                                   // set before calls come
  std::function<Script(const SeenCall&)> chooses;  // in its place, where it is there; set before calls come
  absl::Mutex mutex;
  std::vector<SeenCall> seen ABSL_GUARDED_BY(mutex);
  size_t written ABSL_GUARDED_BY(mutex) = 0;    // messages that gRPC took
  size_t cancelled ABSL_GUARDED_BY(mutex) = 0;  // calls

  // False if it does not come to hold within a minute.
  bool Await(const std::function<bool(ScriptedApi&)>& holds);
  SeenCall Last();
};

class DoorRig : public ApiBackend {
 public:
  explicit DoorRig(Script script, HttpDoorOptions options = {}, HttpDoorHandlers handlers = {});
  ~DoorRig() override;

  std::shared_ptr<grpc::Channel> channel() override { return channel_; }
  std::string Announce(ApiVisitor visitor) override;

  // Everything that comes back, from a connection of its own. Host is added, and that the connection ends.
  Got Ask(const std::string& method, const std::string& target, const Pairs& headers, const std::string& body);
  Got Post(const std::string& name, const Pairs& headers, const std::string& body) {
    return Ask("POST", "/sallyport.v1.Audit/" + name, headers, body);
  }
  static std::string Written(const std::string& method, const std::string& target, const Pairs& headers,
                             const std::string& body);

  ScriptedApi& api() { return api_; }
  HttpDoor& door() { return *door_; }
  void CloseDoor() { door_ = nullptr; }
  ApiVisitor LastVisitor();
  // Who made a call.
  ApiVisitor VisitorOf(const SeenCall& call);

 private:
  ScriptedApi api_;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  absl::Mutex mutex_;
  std::vector<ApiVisitor> visitors_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<HttpDoor> door_;
};

}  // namespace sallyport::gateway::testing

#endif  // SALLYPORT_TESTS_GATEWAY_API_DOOR_DOOR_RIG_H_
