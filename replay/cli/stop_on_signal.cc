#include "replay/cli/stop_on_signal.h"

#include <pthread.h>

namespace sallyport::replay {

StopOnSignal::StopOnSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  waiting_ = std::thread([this] {
    int signal = 0;
    sigwait(&signals_, &signal);
    source_.request_stop();
  });
}

StopOnSignal::~StopOnSignal() {
  pthread_kill(waiting_.native_handle(), SIGTERM);
  waiting_.join();
}

}  // namespace sallyport::replay
