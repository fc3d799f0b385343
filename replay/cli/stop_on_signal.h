// Ctrl-C as a wish to end in order.
#ifndef SALLYPORT_REPLAY_CLI_STOP_ON_SIGNAL_H_
#define SALLYPORT_REPLAY_CLI_STOP_ON_SIGNAL_H_

#include <signal.h>

#include <stop_token>
#include <thread>

namespace sallyport::replay {

// SIGINT and SIGTERM ask to stop from now on. They are waited for rather than handled, so that a line is never left
// half written. Made before any other thread; ends its own thread with it.
class StopOnSignal {
 public:
  StopOnSignal();
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  sigset_t signals_;
  std::stop_source source_;
  std::thread waiting_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_STOP_ON_SIGNAL_H_
