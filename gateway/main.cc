// sallyportd: the gateway.
#include <absl/synchronization/mutex.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/admin/ask_health.h"
#include "gateway/configuration.h"
#include "gateway/files/changed_file.h"
#include "gateway/gateway.h"
#include "gateway/listener/memory_budget.h"
#include "gateway/memory_bursts.h"
#include "gateway/operations/lifetime/control_server.h"
#include "gateway/operations/lifetime/take_over.h"
#include "gateway/operations/log/log_lines.h"
#include "policy/changes/configuration_changes.h"
#include "policy/settings_check.h"

#ifdef SALLYPORT_MIMALLOC
#include <mimalloc.h>
#endif

namespace {

namespace v1 = sallyport::v1;

constexpr int kNotReady = 1;
constexpr int kUsage = 2;
constexpr int kFailed = 3;

struct Flags {
  std::string config;
  std::vector<std::string> listen;
  bool insecure_listen = false;
  std::string upstream;
  std::string data = "./data";
  std::string keys;
  std::vector<std::string> descriptors;
  std::string policy;
  std::string api_keys;
  std::string durability = "commit";
  std::string log_level = "info";
  std::optional<double> grace_seconds;  // else as the configuration says
  bool take_over = false;
  bool check = false;
  std::string health;
};

// What the quick flags stand for.
absl::StatusOr<sallyport::gateway::GatewayOptions> FromFlags(const Flags& flags) {
  v1::Config config;
  for (const std::string& address : flags.listen) config.mutable_listen()->add_addresses(address);
  if (flags.listen.empty()) config.mutable_listen()->add_addresses("127.0.0.1:50050");
  config.mutable_listen()->set_insecure(flags.insecure_listen);
  // Whoever listens in the open by hand, and asks for no keys, lets everybody in.
  if (flags.insecure_listen && flags.api_keys.empty()) config.mutable_identity()->set_anonymous(true);
  config.set_policy(flags.policy);
  if (!flags.api_keys.empty()) config.mutable_identity()->mutable_api_keys()->set_file(flags.api_keys);
  config.mutable_data()->set_directory(flags.data);
  config.mutable_data()->set_keys(flags.keys);
  v1::Durability durability = v1::commit;
  v1::Durability_Parse(flags.durability, &durability);
  config.mutable_data()->set_durability(durability);
  (*config.mutable_upstreams())["upstream"].set_target(flags.upstream);
  for (const std::string& file : flags.descriptors) config.add_descriptors()->set_file(file);
  auto options = sallyport::gateway::CheckConfiguration(config, "flags", {});
  // Nobody said where descriptors are: upstream reflection is worth asking for.
  if (options.ok() && flags.descriptors.empty()) {
    options->reflection.push_back({"upstream", absl::Minutes(5), true});
  }
  return options;
}

// What a container's health check exits with.
int TellHealth(const std::string& address) {
  const absl::Status status = sallyport::gateway::AskHealth(address, absl::Seconds(3));
  if (status.ok()) return 0;
  std::cerr << "sallyportd: " << status.message() << "\n";
  return absl::IsInvalidArgument(status) ? kUsage : kNotReady;
}

// What to exit with once something was said on stdout: what nobody can read was not said.
int Written() {
  if (std::cout.flush()) return 0;
  std::cerr << "sallyportd: the output could not be written\n";
  return kFailed;
}

void AddFlags(CLI::App& app, Flags& flags) {
  CLI::Option* config = app.add_option("--config", flags.config, "Configuration file (YAML)");
  CLI::Option* check = app.add_flag("--check", flags.check, "Only check the configuration");
  check->needs(config);
  app.add_option("--health", flags.health,
                 "Only ask the gateway whose admin endpoint is at this host:port whether it is ready: 0 if so, else 1")
      ->excludes(config);
  std::vector<CLI::Option*> quick = {
      app.add_option("--listen", flags.listen,
                     "Where to listen: host:port or unix:/path, several allowed (127.0.0.1:50050)"),
      app.add_flag("--insecure-listen", flags.insecure_listen,
                   "Listen also where other machines can reach it, although without TLS"),
      app.add_option("--upstream", flags.upstream, "Where calls go: host:port or any other gRPC target"),
      app.add_option("--data", flags.data, "Directory for what is recorded")->capture_default_str(),
      app.add_option(
          "--keys", flags.keys,
          "Where its keys come from: file:PATH, env:NAME or exec:COMMAND (else DATA.keyring, made if need be)"),
      app.add_option("--descriptors", flags.descriptors,
                     "Descriptor-set files with imports, several allowed (else the upstream's reflection is asked)"),
      app.add_option("--policy", flags.policy, "Policy file: who may call what"),
      app.add_option("--api-keys", flags.api_keys,
                     "Callers need one of the keys in this file (made by `sallyport keys issue-api-key`)"),
      app.add_option("--durability", flags.durability, "When a call may go on, as far as the log is concerned")
          ->check(CLI::IsMember({"commit", "write_ahead", "relaxed", "off"}))
          ->capture_default_str()};
  for (CLI::Option* option : quick) option->group("For a first try, in place of --config")->excludes(config);
  app.add_option("--grace", flags.grace_seconds,
                 "Seconds that open calls get to end after SIGTERM or SIGINT, whatever the configuration says (10); a "
                 "second one ends them at once")
      ->check(CLI::Range(0.0, 86400.0));
  app.add_flag("--take-over", flags.take_over,
               "Take over from the gateway that serves on the same data directory, without a connection lost")
      ->excludes(check);
  app.add_option("--log-level", flags.log_level, "trace, debug, info, warn or error")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}))
      ->capture_default_str();
}

// At once, or lazily (memory_bursts.h).
void GiveFreedMemoryBack([[maybe_unused]] bool at_once) {
#ifdef SALLYPORT_MIMALLOC
  // Milliseconds, when the thread that freed it frees again.
  mi_option_set(mi_option_decommit_delay, at_once ? 0 : 1000);
  mi_option_set(mi_option_segment_decommit_delay, at_once ? 0 : 1000);
#endif
}

// Once what was read and replaced is large: descriptor sets. By the thread that did it.
void GiveBackAll() {
#ifdef SALLYPORT_MIMALLOC
  mi_collect(true);
#else
  malloc_trim(0);
#endif
}

// The next signal; SIGHUP also when the configuration file is to be read again. Looks after memory while it waits.
int NextSignal(const sigset_t& signals, const sallyport::gateway::Gateway& gateway,
               sallyport::gateway::MemoryBursts& bursts, sallyport::gateway::ChangedFile* config) {
  const timespec look = absl::ToTimespec(sallyport::gateway::MemoryBursts::kLookEvery);
  while (true) {
    const int signal = sigtimedwait(&signals, nullptr, &look);
    if (signal > 0) return signal;
    if (config != nullptr && config->Look(absl::Now())) return SIGHUP;
    timespec used = {};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    GiveFreedMemoryBack(bursts.Look(sallyport::gateway::ResidentBytes(), absl::DurationFromTimespec(used),
                                    gateway.writes_under_way() > 0));
  }
}

using Reread = std::function<absl::StatusOr<sallyport::gateway::GatewayOptions>()>;

// What the program was told, beside the configuration.
struct Orders {
  std::string config_file;                            // empty for flags
  sallyport::gateway::ChangedFile* config = nullptr;  // that file, for the main thread; null for flags
  Reread reread;
  std::optional<absl::Duration> grace;
  bool take_over = false;
  std::string log_level;  // given by hand, it goes before what is in the file; else empty
};

// Drains and stops. A second SIGTERM or SIGINT ends the waiting. Nothing if it was called off.
std::optional<absl::Status> ShutDown(sallyport::gateway::Gateway& gateway, const sallyport::gateway::DrainPlan& plan,
                                     const sigset_t& signals) {
  std::atomic<bool> over = false;
  std::thread impatience([&] {
    int signal = 0;
    while (sigwait(&signals, &signal) == 0 && !over) {
      if (signal == SIGHUP || signal == SIGUSR1) continue;
      spdlog::info("stopping at once");
      gateway.EndGrace();
    }
  });
  std::optional<absl::Status> status;
  if (gateway.Drain(plan)) status = gateway.Stop();
  over = true;
  pthread_kill(impatience.native_handle(), SIGHUP);  // wakes it
  impatience.join();
  return status;
}

// What a configuration would change, for whoever asks over the control socket.
v1::ControlAnswer AnswerOf(sallyport::gateway::Gateway& gateway, const Orders& orders,
                           const absl::StatusOr<sallyport::gateway::GatewayOptions>& options) {
  v1::ControlAnswer answer;
  answer.set_process(getpid());
  answer.set_config_file(orders.config_file);
  if (!options.ok()) {
    answer.set_error(std::string(options.status().message()));
    return answer;
  }
  for (const v1::ConfigurationChange& change : gateway.ChangesTo(*options)) *answer.add_changes() = change;
  const auto odd = sallyport::gateway::OddSettings(*options);
  if (!odd.ok()) answer.set_error(std::string(odd.status().message()));
  if (odd.ok()) {
    for (const auto& warning : *odd) answer.add_warnings(sallyport::policy::WarningText(warning));
  }
  return answer;
}

void ReadAgain(sallyport::gateway::Gateway& gateway, const Orders& orders, sallyport::gateway::ControlServer* control,
               sallyport::gateway::ProcessLog& log) {
  if (orders.config != nullptr) orders.config->Reading();
  auto changed = orders.reread();
  v1::ControlAnswer answer = AnswerOf(gateway, orders, changed);
  absl::Status status = changed.ok() ? gateway.Reload(*changed) : changed.status();
  if (!changed.ok()) gateway.ReloadFailed(status);
  if (status.ok()) {
    log.Apply(changed->log, orders.log_level);
    spdlog::info("the configuration was read again");
  } else {
    if (orders.config != nullptr) orders.config->Refused(absl::Now());
    spdlog::error("the configuration was read again, and nothing of it is taken up: {}", std::string(status.message()));
  }
  answer.set_error(std::string(status.message()));
  if (control != nullptr) control->Reloaded(answer);
  GiveBackAll();
}

// Null where there is no directory for its socket, as with durability off, or it cannot be had.
std::unique_ptr<sallyport::gateway::ControlServer> ServeControl(sallyport::gateway::Gateway& gateway,
                                                                const Orders& orders, const std::string& directory) {
  sallyport::gateway::ControlServer::Handlers handlers;
  handlers.check = [&gateway, &orders](const std::string& path) {
    return AnswerOf(gateway, orders, path.empty() ? orders.reread() : sallyport::gateway::LoadConfiguration(path));
  };
  handlers.hand_out = [&gateway] { return gateway.HandOut(); };
  handlers.wake = [] { kill(getpid(), SIGUSR1); };
  auto control = sallyport::gateway::ControlServer::Start(directory, std::move(handlers));
  if (control.ok()) return *std::move(control);
  spdlog::warn("no control socket, so that `sallyport reload` and --take-over do not find this gateway: {}",
               std::string(control.status().message()));
  return nullptr;
}

// The gateway in place of the one that runs, once that has ended. Connections wait in the sockets' queues meanwhile.
absl::StatusOr<std::unique_ptr<sallyport::gateway::Gateway>> TakeOver(const sallyport::gateway::GatewayOptions& options,
                                                                      const sigset_t& signals) {
  auto other = sallyport::gateway::TakeOver::Begin(options.data_directory);
  if (!other.ok()) return other.status();
  // All that can be found wrong without the store is, before the other one stops.
  if (const auto odd = sallyport::gateway::OddSettings(options); !odd.ok()) return odd.status();
  spdlog::info("taking over from process {}: waiting for its calls to end", other->process());
  const absl::Status ended = other->AwaitEnd([&signals] {
    const timespec now = {};
    const int signal = sigtimedwait(&signals, nullptr, &now);
    return signal == SIGTERM || signal == SIGINT;
  });
  if (!ended.ok()) return ended;
  // A process that was killed gives its lock back a moment after its connections.
  constexpr absl::Duration kLockPatience = absl::Seconds(10);
  const absl::Time until = absl::Now() + kLockPatience;
  std::vector<sallyport::gateway::HandedSockets> sockets = other->TakeSockets();
  while (sallyport::gateway::StoreInUse(options.data_directory) && absl::Now() < until) {
    absl::SleepFor(absl::Milliseconds(10));
  }
  return sallyport::gateway::Gateway::TakeOver(options, std::move(sockets));
}

// False once the gateway has ended; `*status` then says how.
bool GoOn(sallyport::gateway::Gateway& gateway, const sallyport::gateway::DrainPlan& plan, const sigset_t& signals,
          absl::Status* status) {
  sallyport::gateway::NotifyServiceManager("STOPPING=1");
  spdlog::info("stopping: open calls get {} to end, or until the next signal", absl::FormatDuration(plan.timeout));
  const std::optional<absl::Status> ended = ShutDown(gateway, plan, signals);
  if (!ended.has_value()) {
    sallyport::gateway::NotifyServiceManager("READY=1");
    return true;
  }
  *status = *ended;
  return false;
}

sallyport::gateway::DrainPlan PlanOf(const sallyport::gateway::Gateway& gateway, const Orders& orders) {
  sallyport::gateway::DrainPlan plan;
  plan.delay = gateway.drain().delay;
  plan.timeout = orders.grace.value_or(gateway.drain().timeout);
  return plan;
}

int Serve(const sallyport::gateway::GatewayOptions& options, const Orders& orders, const sigset_t& signals,
          sallyport::gateway::ProcessLog& log) {
  auto gateway = orders.take_over ? TakeOver(options, signals)
                                  : sallyport::gateway::Gateway::Start(options, sallyport::gateway::InheritedSockets());
  if (!gateway.ok()) {
    spdlog::error("{}", std::string(gateway.status().message()));
    return kFailed;
  }
  for (const std::string& address : (*gateway)->addresses()) spdlog::info("listening on {}", address);
  if (const std::string admin = (*gateway)->admin_address(); !admin.empty())
    spdlog::info("admin endpoint on {}", admin);
  std::unique_ptr<sallyport::gateway::ControlServer> control = ServeControl(**gateway, orders, options.data_directory);
  sallyport::gateway::NotifyServiceManager(absl::StrCat("MAINPID=", getpid(), "\nREADY=1"));
  GiveBackAll();
  sallyport::gateway::MemoryBursts bursts(sallyport::gateway::ResidentBytes());
  absl::Status status;
  while (true) {
    const int signal = NextSignal(signals, **gateway, bursts, orders.config);
    sallyport::gateway::DrainPlan plan = PlanOf(**gateway, orders);
    if (signal == SIGUSR1 && control != nullptr && control->being_taken_over()) {
      spdlog::info("another process takes over");
      plan.delay = absl::ZeroDuration();
      plan.handed_over = true;
      plan.called_off = [&control] { return !control->being_taken_over(); };
    } else if (signal == SIGHUP || signal == SIGUSR1) {
      if (signal == SIGHUP || (control != nullptr && control->reload_wanted())) {
        ReadAgain(**gateway, orders, control.get(), log);
      }
      continue;
    }
    if (!GoOn(**gateway, plan, signals, &status)) break;
  }
  // Who takes over waits for this.
  control = nullptr;
  if (!status.ok()) {
    spdlog::error("the log could not be written out: {}", std::string(status.message()));
    return kFailed;
  }
  spdlog::info("stopped");
  // Everything is written and nobody is served. gRPC 1.51 may abort when the last channel with callbacks is destroyed,
  // so that is left to the end of the process.
  log.Close();
  std::_Exit(0);
}

}  // namespace

// What nobody catches ends the process, as it should.
int main(int argc, char** argv) {  // NOLINT(bugprone-exception-escape)
  // Debian builds Abseil with deadlock detection, which costs a tenth of every call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  GiveFreedMemoryBack(false);
  // Every thread inherits the mask, so that only sigwait below sees these.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGHUP);
  sigaddset(&signals, SIGUSR1);  // from this process itself: see ServeControl
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // A file that may not grow any more is an error of the write, told as such.
  std::signal(SIGXFSZ, SIG_IGN);

  CLI::App app("Sallyport's gateway: relays gRPC calls and records them.", "sallyportd");
  app.set_version_flag("--version", "sallyportd " SALLYPORT_VERSION);
  Flags flags;
  AddFlags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? Written() : kUsage;
  }
  if (!flags.health.empty()) return TellHealth(flags.health);
  if (flags.config.empty() && flags.upstream.empty()) {
    std::cerr << "Give --config FILE, or --upstream TARGET for a first try. See --help.\n";
    return kUsage;
  }
  sallyport::gateway::ProcessLog log(STDERR_FILENO);
  const Reread read = [&flags] {
    return flags.config.empty() ? FromFlags(flags) : sallyport::gateway::LoadConfiguration(flags.config);
  };
  sallyport::gateway::ChangedFile config(flags.config);
  config.Reading();
  auto options = read();
  if (!options.ok()) {
    std::cerr << options.status().message() << "\n";
    return kUsage;
  }
  if (flags.check) {
    auto odd = sallyport::gateway::OddSettings(*options);
    if (!odd.ok()) {
      std::cerr << odd.status().message() << "\n";
      return kUsage;
    }
    for (const auto& warning : *odd) std::cerr << "warning: " << sallyport::policy::WarningText(warning) << "\n";
    std::cout << flags.config << ": in order";
    if (!odd->empty()) std::cout << ", with " << odd->size() << (odd->size() == 1 ? " warning" : " warnings");
    std::cout << "\n";
    return Written();
  }
  Orders orders;
  orders.config_file = flags.config;
  if (!flags.config.empty()) orders.config = &config;
  orders.reread = read;
  orders.take_over = flags.take_over;
  if (flags.grace_seconds.has_value()) orders.grace = absl::Seconds(*flags.grace_seconds);
  if (app.count("--log-level") > 0) orders.log_level = flags.log_level;
  log.Apply(options->log, orders.log_level);
  return Serve(*options, orders, signals, log);
}
