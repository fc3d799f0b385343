// Lines on their way to a descriptor.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_LOG_LINE_WRITER_H_
#define SALLYPORT_GATEWAY_OPERATIONS_LOG_LINE_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"

namespace sallyport::gateway {

// Writes lines on a thread of its own, so that who has something to say never waits for who reads it. Holds a bounded
// number of bytes; lines beyond are dropped, counted, and told of once there is room. Thread-safe. The descriptor stays
// open for longer, and is its own to write to.
class LineWriter {
 public:
  struct Options {
    size_t most_bytes = 4 << 20;
    absl::Duration last_words = absl::Seconds(2);  // how long what is still here may take at the end
  };
  // The line that says how many were dropped, with its end.
  using DroppedLine = std::function<std::string(uint64_t dropped)>;

  LineWriter(int descriptor, Options options, DroppedLine dropped_line);
  ~LineWriter();
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;

  // Takes a line, with its end. Never waits.
  void Write(std::string line);
  // Writes what is there, in at most `last_words`, and drops the rest, and whatever comes later. Where nobody reads the
  // descriptor the thread may be left behind in a write: it has nothing of anybody else's.
  void Close();
  // Lines, since the start.
  uint64_t dropped() const;

 private:
  struct Shared;
  static void Run(const std::shared_ptr<Shared>& shared);

  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_LOG_LINE_WRITER_H_
