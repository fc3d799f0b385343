// Loads made of streams, which h2load cannot make: small messages back and forth, and streams that only stay open.
#ifndef SALLYPORT_TESTS_BENCHMARK_STREAM_LOAD_H_
#define SALLYPORT_TESTS_BENCHMARK_STREAM_LOAD_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/benchmark/echo.grpc.pb.h"

namespace sallyport::benchmark {

// Channels to `target`, each with a connection of its own.
std::vector<std::shared_ptr<grpc::Channel>> OpenChannels(const std::string& target, int count);

// What comes back of a message. A caller knows which it is: anything else is an error.
enum class Answer {
  kAsSent,  // the message itself
  kLast4,   // masked: all but the last four characters are stars
};
// Such a body, with `number` in its last four characters, modulo 65536, and what comes back of it.
std::string BodyOf(int size, uint64_t number);
std::string AnswerTo(std::string body, Answer answer);

enum class Pace {
  kPingPong,   // the next message goes out when the echo of the one before is here
  kPipelined,  // messages go out as fast as flow control allows
};

struct StreamLoad {
  int streams = 0;
  int connections = 0;
  int messages = 0;  // per stream, at least 1
  int size = 0;      // of a message in bytes, at least 16
  Pace pace = Pace::kPingPong;
  Answer answer = Answer::kAsSent;
};

// Runs all streams to their end and returns how long that took. An error where any stream did not end with OK, or any
// echo was not the answer to what had been sent. Blocks.
absl::StatusOr<absl::Duration> RunStreams(const std::string& target, const StreamLoad& load);

// Streams that are open and idle until this is destroyed or closed.
class IdleStreams {
 public:
  // Opens them and returns when each has its response headers, so that it is open end to end. Blocks.
  static absl::StatusOr<std::unique_ptr<IdleStreams>> Open(const std::string& target, int streams, int connections);
  virtual ~IdleStreams() = default;
  // Half-closes all; an error where any did not end with OK. Blocks until all have ended. Call once.
  virtual absl::Status Close() = 0;
};

}  // namespace sallyport::benchmark

#endif  // SALLYPORT_TESTS_BENCHMARK_STREAM_LOAD_H_
