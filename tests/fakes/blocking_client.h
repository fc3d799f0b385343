// A gRPC client for calls of any method, every operation of which blocks until it is done.
#ifndef SALLYPORT_TESTS_FAKES_BLOCKING_CLIENT_H_
#define SALLYPORT_TESTS_FAKES_BLOCKING_CLIENT_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sallyport::testing {

// A channel of its own connection, without a limit on messages.
std::shared_ptr<grpc::Channel> Dial(const std::string& target);

// One call. Set the context up, Start, then read and write in any order that does not overlap.
class BlockingCall {
 public:
  BlockingCall(const std::shared_ptr<grpc::Channel>& channel, std::string path);
  ~BlockingCall();

  grpc::ClientContext& context() { return context_; }
  bool Start();
  bool Write(const std::string& message, grpc::WriteOptions options = {});
  bool HalfClose();
  std::optional<std::string> Read();
  bool ReadHeaders();
  grpc::Status Finish();

  std::vector<std::string> Headers(const std::string& key) const;
  std::vector<std::string> Trailers(const std::string& key) const;

 private:
  bool Next();

  grpc::ClientContext context_;
  grpc::GenericStub stub_;
  std::string path_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
  bool finished_ = false;
};

// A whole unary call.
struct UnaryResult {
  grpc::Status status;
  std::string response;
};
UnaryResult CallUnary(const std::shared_ptr<grpc::Channel>& channel, const std::string& path,
                      const std::string& request);

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_FAKES_BLOCKING_CLIENT_H_
