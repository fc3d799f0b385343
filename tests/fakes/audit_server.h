// An audit service that answers from a CallSource, for tests of its clients.
#ifndef SALLYPORT_TESTS_FAKES_AUDIT_SERVER_H_
#define SALLYPORT_TESTS_FAKES_AUDIT_SERVER_H_

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "replay/view/call_source.h"
#include "tests/fakes/scripted_server.h"

namespace sallyport::testing {

// Serves every method of sallyport.v1.Audit on a free port of 127.0.0.1 from a source, which must outlive it, to
// anybody. Knows neither roles nor masks. Other scripts may stand in place of some methods, by their name in the
// service.
class AuditServer {
 public:
  using Scripts = std::map<std::string, ScriptedServer::Script>;
  explicit AuditServer(replay::CallSource& source, const Scripts& in_place = {});
  ~AuditServer();
  AuditServer(const AuditServer&) = delete;
  AuditServer& operator=(const AuditServer&) = delete;

  const std::string& address() const { return server_->address(); }
  // Ends tails, cuts all connections and stops listening.
  void Kill();

  // The values of `authorization` that came with calls, in order; "" for a call without.
  std::vector<std::string> authorizations() const;
  // The names of the methods that were called, in order.
  std::vector<std::string> methods() const;

 private:
  ScriptedServer::Script Noting(const std::string& name, ScriptedServer::Script script);

  std::stop_source stop_;  // of tails
  mutable std::mutex mutex_;
  std::vector<std::string> authorizations_;
  std::vector<std::string> methods_;
  std::unique_ptr<ScriptedServer> server_;
};

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_FAKES_AUDIT_SERVER_H_
