// A gateway between a scripted upstream and a client, all in one process, with a store of its own.
#ifndef SALLYPORT_TESTS_GATEWAY_RIG_H_
#define SALLYPORT_TESTS_GATEWAY_RIG_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/gateway.h"
#include "recorder/record_reader.h"
#include "tests/fakes/blocking_client.h"
#include "tests/fakes/scripted_server.h"
#include "tests/gateway/temporary_directory.h"

namespace sallyport::testing {

// Whether the gateway has descriptors for test.v1.Echo.
enum class Methods { kKnown, kUnknown };

class Rig {
 public:
  using Adjust = std::function<void(gateway::GatewayOptions&)>;

  Rig(std::map<std::string, ScriptedServer::Script> scripts, Methods methods, Adjust adjust = {});

  ScriptedServer& upstream() { return *upstream_; }
  gateway::Gateway& gateway() { return *gateway_; }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  const std::string& address() const { return gateway_->addresses().front(); }
  const std::string& data() const { return data_; }

  // Stops the gateway and hands on the record, oldest call first.
  std::vector<recorder::CallSummary> Calls();
  std::vector<v1::Entry> Entries(uint64_t call_id);

 private:
  recorder::RecordReader& Reader();

  TemporaryDirectory directory_;
  std::string data_;
  std::unique_ptr<ScriptedServer> upstream_;
  std::unique_ptr<gateway::Gateway> gateway_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<recorder::RecordReader> reader_;
};

// Options as the quick flags would make them.
gateway::GatewayOptions OptionsFor(const std::string& target, const std::string& data);

// Paths of test.v1.Echo, whose descriptors the rig knows.
inline constexpr char kUnary[] = "/test.v1.Echo/Unary";
inline constexpr char kClientStream[] = "/test.v1.Echo/ClientStream";
inline constexpr char kServerStream[] = "/test.v1.Echo/ServerStream";
inline constexpr char kBidi[] = "/test.v1.Echo/Bidi";

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_GATEWAY_RIG_H_
