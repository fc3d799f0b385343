// One question to a server, over gRPC.
#ifndef SALLYPORT_REPLAY_CLIENT_REMOTE_EXCHANGE_H_
#define SALLYPORT_REPLAY_CLIENT_REMOTE_EXCHANGE_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "google/protobuf/message_lite.h"
#include "replay/client/remote_source.h"

namespace sallyport::replay {

// Asks the methods of sallyport.v1.Audit of one server. Every call blocks the thread that makes it. Thread-safe.
class RemoteExchange {
 public:
  // The options are checked already.
  RemoteExchange(ServerAddress address, RemoteOptions options);

  struct Question {
    const char* method = nullptr;  // its name in the service
    const google::protobuf::MessageLite* request = nullptr;
    std::optional<absl::Duration> patience;  // until the answer has to be whole; for ever unless given
    std::stop_token stop;                    // ends it: CANCELLED
  };
  // Hands on every message of the answer until `message` returns an error, which is then returned and ends the call.
  // Errors of the server are those of Explained (remote_answers.h).
  absl::Status Ask(const Question& question, absl::FunctionRef<absl::Status(grpc::ByteBuffer&)> message);

  const std::string& server() const { return address_.name; }

 private:
  const ServerAddress address_;
  const RemoteOptions options_;
  std::unique_ptr<grpc::GenericStub> stub_;
};

// DATA_LOSS unless the bytes are the message.
absl::Status ParseAnswer(grpc::ByteBuffer& bytes, google::protobuf::MessageLite* message);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLIENT_REMOTE_EXCHANGE_H_
