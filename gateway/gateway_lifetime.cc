// The part of Gateway that changes its settings under way, and stops.
#include <spdlog/spdlog.h>

#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gateway/gateway.h"
#include "policy/changes/configuration_changes.h"
#include "recorder/format/store_layout.h"
#include "recorder/system/file.h"

namespace sallyport::gateway {
namespace {

// How long calls that the gateway ends may take to be recorded and told, when it stops, before the library cuts them.
constexpr absl::Duration kEndsTake = absl::Seconds(30);
// How long their connections may take to end in order.
constexpr absl::Duration kConnectionsEnd = absl::Milliseconds(500);
// How often a gateway that drains looks whether it is done, and asks callers to go that have come since.
constexpr absl::Duration kLook = absl::Milliseconds(50);
constexpr absl::Duration kAskAgain = absl::Milliseconds(500);
// After callers were asked to go, calls of those that have not heard it yet are waited for so long: a round trip.
constexpr absl::Duration kCrossing = absl::Seconds(1);
// How long receivers of events that take them may take what is left, when the gateway has stopped.
constexpr absl::Duration kEventsFarewell = absl::Seconds(3);

std::string PartsThatWait(const std::vector<v1::ConfigurationChange>& changes) {
  std::vector<std::string> parts;
  for (const v1::ConfigurationChange& change : changes) {
    if (change.waits()) parts.push_back(change.key());
  }
  return absl::StrJoin(parts, ", ");
}

}  // namespace

bool StoreInUse(const std::string& data_directory) {
  const absl::StatusOr<bool> held = recorder::FileLock::IsHeld(recorder::StoreLayout(data_directory).OwnerLock());
  return held.ok() && *held;
}

std::vector<v1::ConfigurationChange> Gateway::ChangesTo(const GatewayOptions& options) {
  absl::MutexLock lock(&reload_mutex_);
  return policy::ConfigurationChanges(config_, options.source);
}

absl::Status Gateway::Reload(const GatewayOptions& options) {
  const std::vector<v1::ConfigurationChange> changes = ChangesTo(options);
  absl::StatusOr<NextListening> next = PrepareListening(options);
  if (!next.ok()) return reloads_.Add("configuration", next.status());
  {
    absl::MutexLock lock(&reload_mutex_);
    if (absl::Status status = MakeUpstreams(options); !status.ok()) return reloads_.Add("configuration", status);
    // First, for this is easily put back.
    if (absl::Status status = ApplyEvents(options.events); !status.ok()) return reloads_.Add("configuration", status);
    const DescriptorPlan former = descriptor_plan_;
    const auto formerly_left_out = left_out_;
    absl::StatusOr<MethodCatalog::Change> back = LoadDescriptors(DescriptorPlan::Of(options));
    if (!back.ok()) {
      PutEventsBack();
      return reloads_.Add("configuration", back.status());
    }
    if (absl::Status status = MakeRules(options); !status.ok()) {
      const absl::Status restored = catalog_->Apply(*std::move(back)).status();
      if (!restored.ok()) spdlog::error("descriptors: {}", restored.ToString());
      descriptor_plan_ = former;
      left_out_ = formerly_left_out;
      PutEventsBack();
      return reloads_.Add("configuration", status);
    }
    AskForReflection(options);
    receivers_ = options.events;
  }
  TakeUpListening(options, *std::move(next));
  for (const v1::ConfigurationChange& change : changes) spdlog::info("changed: {}", policy::ChangeText(change));
  if (const std::string waiting = PartsThatWait(changes); !waiting.empty()) {
    spdlog::warn("changed in the configuration, but only read at the next start: {}", waiting);
  }
  // Without the lock, which the former watcher may be waiting for: the policy may be in another file now.
  WatchFiles();
  reloads_.AllTaken();
  return reloads_.Add("configuration", absl::OkStatus());
}

absl::Status Gateway::ApplyEvents(const std::vector<EventReceiverOptions>& receivers) {
  if (events_ == nullptr) return absl::OkStatus();
  absl::Status status = events_->Apply(receivers);
  if (!status.ok()) PutEventsBack();
  return status;
}

void Gateway::PutEventsBack() {
  if (events_ == nullptr) return;
  const absl::Status status = events_->Apply(receivers_);
  if (!status.ok()) spdlog::error("events: {}", status.ToString());
}

bool Gateway::WaitOrOver(absl::Duration wait) {
  absl::MutexLock lock(&grace_mutex_);
  return !grace_mutex_.AwaitWithTimeout(absl::Condition(&grace_over_), wait);
}

bool Gateway::CalledOff(const DrainPlan& plan) {
  if (!plan.called_off || !plan.called_off()) return false;
  spdlog::warn("stopping was called off: calls are taken as before");
  listener_->Resume();
  health_->Resume();
  draining_ = false;
  return true;
}

bool Gateway::Drain(const DrainPlan& plan) {
  if (servers_.current() == nullptr) return true;
  draining_ = true;
  health_->Drain();
  for (absl::Time until = absl::Now() + plan.delay; absl::Now() < until && WaitOrOver(kLook);) {
    if (CalledOff(plan)) return false;
  }
  listener_->Pause(plan.handed_over ? Listener::Queue::kLeave : Listener::Queue::kTake);
  spdlog::info("stopping: callers are asked to go, and no connections are taken");
  const absl::Time until = absl::Now() + plan.timeout;
  absl::Time ask = absl::InfinitePast();
  absl::Time since = absl::Now();  // there are no open calls, if there are none
  while (absl::Now() < until) {
    if (CalledOff(plan)) return false;
    if (absl::Now() >= ask) {
      servers_.AskToGo();
      ask = absl::Now() + kAskAgain;
    }
    if (listener_->Remaining() == 0) break;
    if (!open_calls_->AwaitNone(absl::Now())) since = absl::Now();
    if (absl::Now() >= since + kCrossing || !WaitOrOver(kLook)) break;
  }
  return true;
}

absl::Status Gateway::Stop() {
  file_watcher_ = nullptr;
  draining_ = true;
  if (health_ != nullptr) health_->Drain();
  if (listener_ != nullptr) listener_->Stop();
  if (servers_.current() != nullptr) StopServing();
  // Calls may have waited for it.
  refresher_ = nullptr;
  if (refusals_ != nullptr) refusals_->Stop();
  // It reads and writes what the recorder keeps, and asks the rules.
  door_ = nullptr;
  api_ = nullptr;
  const absl::Status status = recorder_ == nullptr ? absl::OkStatus() : recorder_->Flush();
  // It tells of the recorder.
  admin_ = nullptr;
  recorder_ = nullptr;
  if (events_ != nullptr) events_->Stop(absl::Now() + kEventsFarewell);
  return status;
}

absl::Status Gateway::Shutdown(absl::Duration grace) {
  DrainPlan plan;
  plan.timeout = grace;
  static_cast<void>(Drain(plan));  // nobody calls it off
  return Stop();
}

void Gateway::StopServing() {
  absl::Notification over;
  std::thread ender([this, &over] {
    // Before the library cuts them: then callers would be told what the record does not say.
    const size_t ended = open_calls_->EndAll();
    if (ended > 0) spdlog::info("stopping: {} open calls are ended", ended);
    open_calls_->AwaitNone(absl::Now() + kEndsTake);
    // What callers are told was handed over and may still be on its way: a connection that is cut now would take it
    // along. The library lets connections end in order, for which their callers have to answer.
    if (over.WaitForNotificationWithTimeout(kConnectionsEnd)) return;
    do {
      servers_.CutConnections();
    } while (!over.WaitForNotificationWithTimeout(absl::Milliseconds(50)));
  });
  servers_.Shutdown(absl::Now() + 2 * kEndsTake);
  over.Notify();
  ender.join();
}

}  // namespace sallyport::gateway
