#include "gateway/operations/lifetime/goaways.h"

#include <grpc/grpc.h>
#include <grpcpp/alarm.h>

#include <chrono>
#include <string_view>

#include "absl/synchronization/notification.h"

// grpc_core::Server::SendGoaways, by the name that it has in the library; weak, so that the gateway links and runs
// where it is gone. A grpc_server is a grpc_core::Server.
extern "C" __attribute__((weak)) void SallyportSendGoaways(grpc_server* server) __asm__(
    "_ZN9grpc_core6Server11SendGoawaysEv");

namespace sallyport::gateway {
namespace {

// Of the core library of gRPC 1.51.
constexpr std::string_view kLibrary = "29.0.0";

}  // namespace

bool SendGoaways(grpc::Server& server) {
  if (&SallyportSendGoaways == nullptr || kLibrary != grpc_version_string()) return false;
  // It has to run where the library runs its own work, which is where an alarm's callback runs.
  absl::Notification sent;
  grpc::Alarm alarm;
  alarm.Set(std::chrono::system_clock::now(), [&server, &sent](bool /*expired*/) {
    SallyportSendGoaways(server.c_server());
    sent.Notify();
  });
  sent.WaitForNotification();
  return true;
}

}  // namespace sallyport::gateway
