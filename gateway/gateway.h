// The gateway as a whole: everything wired together.
#ifndef SALLYPORT_GATEWAY_GATEWAY_H_
#define SALLYPORT_GATEWAY_GATEWAY_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/admin/admin_server.h"
#include "gateway/admin/metrics.h"
#include "gateway/api/api_server.h"
#include "gateway/api/door/http_door.h"
#include "gateway/configuration.h"
#include "gateway/files/file_watcher.h"
#include "gateway/health/health_service.h"
#include "gateway/listener/call_server.h"
#include "gateway/listener/listener.h"
#include "gateway/listener/memory_budget.h"
#include "gateway/operations/events/event_streams.h"
#include "gateway/operations/lifetime/call_servers.h"
#include "gateway/operations/lifetime/reload_outcomes.h"
#include "gateway/operations/metrics/call_metrics.h"
#include "gateway/operations/metrics/operations_text.h"
#include "gateway/reflection/reflection_service.h"
#include "gateway/reflection/refresher.h"
#include "gateway/relay/call_meter.h"
#include "gateway/relay/call_rules.h"
#include "gateway/relay/legs/misdescribed_methods.h"
#include "gateway/relay/own/own_services.h"
#include "gateway/relay/recording/refusal_flood.h"
#include "gateway/relay/relay_context.h"
#include "gateway/sessions.h"
#include "gateway/settings_watch.h"
#include "gateway/tls/server_tls.h"
#include "gateway/upstream/credentials/token_signer.h"
#include "gateway/upstream/method_catalog.h"
#include "policy/policy_check.h"
#include "recorder/recorder.h"
#include "sallyport/v1/control.pb.h"

namespace sallyport::gateway {

// Where descriptors come from.
struct DescriptorPlan {
  static DescriptorPlan Of(const GatewayOptions& options);

  std::vector<std::string> files;
  std::map<std::string, std::string> places;  // where the configuration names them, for messages
  std::set<std::string> reflection;           // names of upstreams that are asked
  bool answers = false;                       // the gateway answers reflection itself
};

struct DescriptorFiles {
  DescriptorSets::Set set;
  // The path of one of the files, and what of it cannot be used and was left out.
  std::vector<std::pair<std::string, std::string>> left_out;
};

// What is in these files, which must agree among themselves, whatever upstreams tell. INVALID_ARGUMENT, with the place
// of each in `places`, if they do not agree, or cannot be read at all.
absl::StatusOr<DescriptorFiles> ReadDescriptorFiles(const std::vector<std::string>& paths,
                                                    const std::map<std::string, std::string>& places);

// Settings that mean nothing, as far as that can be known without asking upstreams (policy/settings_check.h). Reads the
// files that they name.
absl::StatusOr<std::vector<policy::PolicyWarning>> OddSettings(const GatewayOptions& options);

// Whether some process holds the directory: it would have to end before this one can record there.
bool StoreInUse(const std::string& data_directory);

// How to stop.
struct DrainPlan {
  absl::Duration delay = absl::ZeroDuration();
  absl::Duration timeout = absl::ZeroDuration();
  // Another process accepts from the same sockets: what waits in their queues is left to it.
  bool handed_over = false;
  // Asked again and again; true if there is no reason to stop any more.
  std::function<bool()> called_off;
};

// Serves from Start until Shutdown. One thread starts and shuts it down; calls run on gRPC's threads.
class Gateway {
 public:
  // Opens the data directory, reads the descriptors and listens. Errors say what could not be done and to what.
  // Of sockets that the process was started with, `inherited`, the configuration has to say what they are for.
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(const GatewayOptions& options,
                                                        std::vector<Descriptor> inherited = {});
  // Likewise, in place of another process, which has `handed` over what it listened on.
  static absl::StatusOr<std::unique_ptr<Gateway>> TakeOver(const GatewayOptions& options,
                                                           std::vector<HandedSockets> handed);
  ~Gateway();
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;

  // What is listened on, with real ports in place of port 0.
  const std::vector<std::string>& addresses() const { return listener_->addresses(); }
  // The same of the admin endpoint; empty if there is none.
  std::string admin_address() const { return admin_ == nullptr ? "" : admin_->address(); }

  // Where what is recorded is shown as native gRPC; empty for nowhere.
  std::string api_grpc_address() const { return api_ == nullptr ? "" : api_->grpc_address(); }
  // The same over HTTP.
  std::string api_address() const { return door_ == nullptr ? "" : door_->address(); }

  // How to stop, as the configuration in force says.
  DrainOptions drain() const { return drain_; }

  // Messages of streams that readers have not taken yet. Thread-safe.
  int writes_under_way() const { return open_calls_->writes(); }

  // What new calls are measured against; others may charge it. While the gateway serves.
  MemoryBudget& memory() { return *memory_; }

  // Goes on by `options` where they differ from what it was started with: everything but `data`, `checkpoints` and
  // `token_signing`, which are logged and wait for the next start. Files are read again. Calls that are open keep to
  // what they began with. An error says what is wrong; everything then stays as it is. Called by the thread that
  // started it.
  absl::Status Reload(const GatewayOptions& options);
  // The configuration was to be read again and could not be.
  void ReloadFailed(const absl::Status& why) { static_cast<void>(reloads_.Add("configuration", why)); }
  // What Reload would change.
  std::vector<v1::ConfigurationChange> ChangesTo(const GatewayOptions& options);
  // Reads the policy file again, likewise. Thread-safe.
  absl::Status ReloadPolicy();
  // Reads the descriptor files again, likewise. Thread-safe.
  absl::Status ReloadDescriptors();

  // Says that it is about to stop (not ready, not serving); takes calls and connections as before for `delay`; then
  // asks callers to go, takes no connections, and lets open calls end for at most `timeout`. Returns when they have.
  // False if it was called off: everything is as before. Called by the thread that started it.
  bool Drain(const DrainPlan& plan);
  // After Drain: ends what calls are open with UNAVAILABLE, recorded so, and writes the log out.
  absl::Status Stop();
  // Both, with no delay.
  absl::Status Shutdown(absl::Duration grace);
  // Copies of what is listened on, for another process. Thread-safe.
  absl::StatusOr<std::vector<HandedSockets>> HandOut() { return listener_->HandOut(); }
  // Cuts the grace short, if it has not run out yet. Thread-safe; may come before Shutdown.
  void EndGrace() {
    absl::MutexLock lock(&grace_mutex_);
    grace_over_ = true;
  }

 private:
  Gateway() = default;
  absl::Status OpenRecorder(const GatewayOptions& options);
  // The one that was made with these options; null if there is none.
  Upstream* FindUpstream(const UpstreamOptions& options) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  // Makes upstreams that are not there yet.
  absl::Status MakeUpstreams(const GatewayOptions& options) ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  std::shared_ptr<const Routes> MakeRoutes(const GatewayOptions& options) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  absl::Status MakeRules(const GatewayOptions& options) ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  // Traces and lines of the log, of calls (gateway_reports.cc).
  void AddReports(const GatewayOptions& options, CallRules& rules) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  // `rules` with the policy that is in its file now.
  absl::Status AddPolicy(CallRules& rules) ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  // Masks and content rules of `rules`, if its policy has any.
  absl::Status AddMasks(CallRules& rules) ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  void PutInForce(std::shared_ptr<const CallRules> rules) ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  void WatchFiles();
  // Puts into force what is in the files, and what reflection has told so far of upstreams that it may be asked of.
  // Returns how to take that back.
  absl::StatusOr<MethodCatalog::Change> LoadDescriptors(DescriptorPlan plan)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  void AskForReflection(const GatewayOptions& options) ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  std::vector<ReflectionRefresher::Source> ReflectionSources(const GatewayOptions& options) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  void MakeCatalog();
  // What is in force and what is odd about it, to the log, where that was not told before (gateway_settings.cc). On a
  // thread of settings_watch_.
  void LogSettings();
  static absl::StatusOr<std::unique_ptr<Gateway>> Start(const GatewayOptions& options,
                                                        std::vector<Descriptor> inherited,
                                                        std::vector<HandedSockets> handed);
  // Listens; nobody is served before Serve.
  absl::Status Listen(const GatewayOptions& options, std::vector<Descriptor> inherited,
                      std::vector<HandedSockets> handed);
  absl::Status Serve(const GatewayOptions& options);
  // A server with these options; nobody is handed to it yet.
  absl::StatusOr<ServedCallers> MakeServer(const GatewayOptions& options);
  // What a reload changes of how callers and monitoring are let in: made first, then taken up, which cannot fail.
  struct NextListening {
    Listener::Next listener;
    std::optional<ServedCallers> server;  // if there is to be another
    bool other_admin = false;
    std::unique_ptr<AdminServer> admin;
  };
  absl::StatusOr<NextListening> PrepareListening(const GatewayOptions& options);
  void TakeUpListening(const GatewayOptions& options, NextListening next);
  // Why the gateway cannot serve; OK while it can.
  absl::Status Ready() const;
  // False if it was over before.
  bool WaitOrOver(absl::Duration wait);
  bool CalledOff(const DrainPlan& plan);
  void StopServing();
  // Events go to these receivers; an error leaves it as it was.
  absl::Status ApplyEvents(const std::vector<EventReceiverOptions>& receivers)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  // To those of the configuration in force.
  void PutEventsBack() ABSL_EXCLUSIVE_LOCKS_REQUIRED(reload_mutex_);
  absl::Status ServeAdmin(const GatewayOptions& options);
  // The services that show the record (gateway_api.cc); none where nothing is recorded.
  absl::Status ServeApi(const GatewayOptions& options);
  OperationsHooks ApiHooks(const GatewayOptions& options);
  absl::Status ServeDoor(const ApiOptions& options);
  // Reads the files of `api.tls` again. Thread-safe.
  absl::Status ReloadApiTls();
  absl::StatusOr<std::unique_ptr<AdminServer>> StartAdmin(const std::string& address);
  // For monitoring.
  GatewayNumbers Numbers();
  OperationNumbers Operations();

  // Destroyed from the last to the first: calls before what they use.
  std::unique_ptr<recorder::Recorder> recorder_;
  std::unique_ptr<EventStreams> events_;  // null where nothing is recorded
  std::unique_ptr<TokenSigner> token_signer_;
  absl::Mutex reload_mutex_;
  // Those of former configurations included: calls may be open, and gRPC 1.51 is safer off with channels that stay.
  std::vector<std::unique_ptr<Upstream>> upstreams_ ABSL_GUARDED_BY(reload_mutex_);
  std::vector<Upstream*> upstreams_in_force_ ABSL_GUARDED_BY(reload_mutex_);
  v1::Config config_ ABSL_GUARDED_BY(reload_mutex_);                            // that is in force
  std::vector<EventReceiverOptions> receivers_ ABSL_GUARDED_BY(reload_mutex_);  // of events, in force
  std::string config_file_ ABSL_GUARDED_BY(reload_mutex_);
  KeyLines config_lines_ ABSL_GUARDED_BY(reload_mutex_);                              // its
  std::vector<ConfigurationProblem> config_warnings_ ABSL_GUARDED_BY(reload_mutex_);  // found when it was checked
  std::vector<std::pair<std::string, std::string>> left_out_ ABSL_GUARDED_BY(reload_mutex_);  // of descriptors in force
  std::string policy_file_ ABSL_GUARDED_BY(reload_mutex_);
  DescriptorPlan descriptor_plan_ ABSL_GUARDED_BY(reload_mutex_);  // that is in force
  policy::MaskKey mask_key_ = {};
  const std::unique_ptr<CallMetrics> call_metrics_ = std::make_unique<CallMetrics>(StageNames());
  const std::shared_ptr<policy::DetectionCounts> detections_ = std::make_shared<policy::DetectionCounts>();
  std::optional<recorder::RevealKey> reveal_key_;
  std::unique_ptr<CurrentRules> rules_;
  std::unique_ptr<HealthService> health_;
  std::unique_ptr<ReflectionService> reflection_;
  std::unique_ptr<OwnServices> own_;
  std::unique_ptr<MethodCatalog> catalog_;
  std::unique_ptr<ReflectionRefresher> refresher_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<RefusalFlood> refusals_;
  std::unique_ptr<HeadersTimer> headers_timer_;
  std::unique_ptr<CallTimer> timer_;
  std::unique_ptr<MemoryBudget> memory_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<OpenCalls> open_calls_;
  MisdescribedMethods misdescribed_;
  std::string data_directory_;
  std::atomic<uint32_t> window_{0};  // of streams, in bytes
  RelayContext context_;             // of calls; what servers fix is filled in for each
  std::string server_made_;          // what the current server was made for
  std::string admin_made_;           // the same of the admin endpoint
  std::unique_ptr<FileWatcher> file_watcher_;
  std::atomic<size_t> odd_settings_{0};
  std::set<std::string> told_settings_;  // of settings_watch_'s thread
  std::unique_ptr<SettingsWatch> settings_watch_;
  CallServers servers_;
  std::unique_ptr<AdminServer> admin_;
  absl::Mutex shown_mutex_;
  // Versions of the policy in force and since when, the newest first; a bounded number.
  std::vector<std::pair<std::string, absl::Time>> policies_ ABSL_GUARDED_BY(shown_mutex_);
  std::vector<std::string> odd_texts_ ABSL_GUARDED_BY(shown_mutex_);  // what LogSettings found last
  std::unique_ptr<ApiServer> api_;
  std::optional<ServerTlsOptions> door_tls_;  // constant once it is served
  std::unique_ptr<HttpDoor> door_;            // stands on api_
  DrainOptions drain_;                        // of the thread that starts and stops it
  ReloadOutcomes reloads_;
  std::atomic<bool> draining_{false};
  absl::Mutex grace_mutex_;
  bool grace_over_ ABSL_GUARDED_BY(grace_mutex_) = false;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_GATEWAY_H_
