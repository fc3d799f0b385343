// A gRPC server whose calls run scripts, for playing upstreams.
#ifndef SALLYPORT_TESTS_FAKES_SCRIPTED_SERVER_H_
#define SALLYPORT_TESTS_FAKES_SCRIPTED_SERVER_H_

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace sallyport::testing {

grpc::ByteBuffer ToBuffer(const std::string& bytes);
std::string ToBytes(const grpc::ByteBuffer& buffer);

// One call, as its script sees it. Every operation blocks until it is done.
class ScriptedCall {
 public:
  grpc::GenericServerContext& context() { return context_; }
  // Values of a metadata key, in order.
  std::vector<std::string> Metadata(const std::string& key) const;

  std::optional<std::string> Read();  // nothing at the half-close
  bool Write(const std::string& message);
  bool SendHeaders();
  // True once the caller cancelled or its deadline passed; waits for that.
  void AwaitCancel();
  bool cancelled() const { return context_.IsCancelled(); }

 private:
  friend class ScriptedServer;
  bool Next(void* tag);

  grpc::CompletionQueue queue_;
  grpc::GenericServerContext context_;
  grpc::GenericServerAsyncReaderWriter stream_{&context_};
  bool done_ = false;  // the call is over, as AsyncNotifyWhenDone tells
};

// Listens on a free port of 127.0.0.1, or elsewhere. Each call runs the script of its method on a thread of its own.
class ScriptedServer {
 public:
  using Script = std::function<grpc::Status(ScriptedCall&)>;

  // `scripts` are by path ("/package.Service/Method"); other methods are answered with UNIMPLEMENTED.
  explicit ScriptedServer(std::map<std::string, Script> scripts);
  ScriptedServer(std::map<std::string, Script> scripts, const std::shared_ptr<grpc::ServerCredentials>& credentials,
                 const std::vector<std::string>& hosts);
  ~ScriptedServer();

  const std::string& address() const { return addresses_.front(); }
  const std::vector<std::string>& addresses() const { return addresses_; }  // in the order of the hosts
  // Cuts all connections and stops listening.
  void Kill();

 private:
  struct Accept;
  void Run();
  void RequestCall();
  void Serve(std::unique_ptr<ScriptedCall> call);

  const std::map<std::string, Script> scripts_;
  grpc::AsyncGenericService service_;
  std::unique_ptr<grpc::ServerCompletionQueue> queue_;
  std::unique_ptr<grpc::Server> server_;
  std::vector<std::string> addresses_;
  std::thread acceptor_;
  std::mutex mutex_;
  std::vector<std::thread> calls_;
  std::unique_ptr<ScriptedCall> next_;
  bool killed_ = false;
};

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_FAKES_SCRIPTED_SERVER_H_
