#include "gateway/relay/admission/stage.h"

#include <utility>

#include "gateway/relay/timers/steady_time.h"

namespace sallyport::gateway {

void StageWait::Resume(Rest rest) { End(std::move(rest)); }

void StageWait::GiveUp() { End(std::nullopt); }

void StageWait::End(std::optional<Rest> rest) {
  GoOn go_on;
  {
    absl::MutexLock lock(&mutex_);
    if (over_) return;
    over_ = true;
    if (beginning_) {
      rest_ = std::move(rest);
      return;
    }
    go_on = std::move(go_on_);
  }
  std::move(go_on)(std::move(rest));
}

bool StageWait::OverAtOnce(std::optional<Rest>* rest) {
  absl::MutexLock lock(&mutex_);
  beginning_ = false;
  if (over_) *rest = std::move(rest_);
  return over_;
}

std::optional<StageRunner::Outcome> StageRunner::Run(absl::Span<const Stage> stages) {
  stages_ = stages;
  next_ = 0;
  began_ = SteadyNow();
  return GoOn();
}

std::optional<StageRunner::Outcome> StageRunner::GoOn() {
  while (next_ < stages_.size()) {
    std::shared_ptr<StageWait> wait;
    std::optional<Refusal> refusal = stages_[next_].run(shared_, call_, [&] { return wait = BeginWait(); });
    if (!refusal.has_value()) {
      std::optional<StageWait::Rest> rest;
      if (!wait->OverAtOnce(&rest)) return std::nullopt;
      if (!rest.has_value()) return Outcome{true, {}};
      refusal = (*std::move(rest))();
    }
    if (std::optional<Outcome> over = Took(*refusal); over.has_value()) return over;
  }
  return Outcome{};
}

std::optional<StageRunner::Outcome> StageRunner::Took(const Refusal& refusal) {
  const absl::Time now = SteadyNow();
  call_.stage_took[place_++] = now - std::exchange(began_, now);
  ++next_;
  if (refusal.ok()) return std::nullopt;
  return Outcome{false, refusal};
}

std::shared_ptr<StageWait> StageRunner::BeginWait() {
  auto wait = std::make_shared<StageWait>([this](std::optional<StageWait::Rest> rest) {
    std::optional<Outcome> over = Outcome{true, {}};
    if (rest.has_value()) {
      over = Took((*std::move(rest))());
      if (!over.has_value()) over = GoOn();
    }
    if (over.has_value()) over_(*std::move(over));
  });
  absl::MutexLock lock(&mutex_);
  wait_ = wait;
  // It is still being begun, so that this goes on with nothing.
  if (stopped_) wait->GiveUp();
  return wait;
}

void StageRunner::Stop() {
  std::shared_ptr<StageWait> wait;
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
    wait = wait_;
  }
  if (wait != nullptr) wait->GiveUp();
}

}  // namespace sallyport::gateway
