// A gateway that shows its record to readers, each with a key.
#ifndef SALLYPORT_TESTS_GATEWAY_API_API_RIG_H_
#define SALLYPORT_TESTS_GATEWAY_API_API_RIG_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>
#include <vector>

#include "recorder/index/call_search.h"
#include "sallyport/v1/audit.grpc.pb.h"
#include "tests/gateway/rig.h"
#include "tests/gateway/temporary_directory.h"

namespace sallyport::testing {

// Anna is an auditor, Carl a caller, Otto an operator, Ivy investigates test.v1.Echo/Unary; Sven has no role.
class ApiRig {
 public:
  ApiRig();

  Rig& rig() { return *rig_; }
  v1::Audit::Stub& audit() { return *audit_; }
  // Over the UNIX socket.
  const std::shared_ptr<grpc::Channel>& local() const { return local_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // The context of a call that shows the key of this reader; of nobody's if it is empty.
  std::unique_ptr<grpc::ClientContext> As(const std::string& reader) const;
  // Calls test.v1.Echo/Unary through the gateway, so often.
  void CallThrough(const std::string& reader, int times);
  // Asks until the index knows that many calls of test.v1.Echo.
  std::vector<v1::CallSummary> AwaitCalls(size_t calls);

  // Stops the gateway and hands on the calls of sallyport.v1.Audit, oldest first.
  std::vector<recorder::CallSummary> Looks();

 private:
  TemporaryDirectory directory_;
  std::map<std::string, std::string> keys_;
  std::unique_ptr<Rig> rig_;
  std::shared_ptr<grpc::Channel> channel_;
  std::shared_ptr<grpc::Channel> local_;
  std::unique_ptr<v1::Audit::Stub> audit_;
};

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_GATEWAY_API_API_RIG_H_
