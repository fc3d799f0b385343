// The log of the process: how its lines look, and where they go.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_LOG_LOG_LINES_H_
#define SALLYPORT_GATEWAY_OPERATIONS_LOG_LOG_LINES_H_

#include <spdlog/formatter.h>
#include <spdlog/sinks/sink.h>

#include <atomic>
#include <memory>
#include <string>

#include "gateway/operations/log/line_writer.h"
#include "gateway/operations/log/log_options.h"

namespace sallyport::gateway {

// The name of the logger whose messages are made by CallLog: in JSON, the members of an object.
inline constexpr char kCallLogger[] = "calls";

// An object a line: `time` (RFC 3339, UTC, microseconds), `level`, `message`, of at most 4096 bytes, and of a call what
// CallLog says. Pure ASCII, so that nothing in it acts on whoever shows it.
std::unique_ptr<spdlog::formatter> JsonLineFormatter();

// Hands lines to a writer, with colours if `coloured`, where the formatter has some. Outlives nothing that it needs: it
// shares the writer.
spdlog::sink_ptr LineSink(std::shared_ptr<LineWriter> writer, bool coloured);

// The process's log, from when this is made: spdlog's default logger writes its lines to a descriptor. One of a
// process; of the thread that makes it.
class ProcessLog {
 public:
  // As text, from level info on.
  explicit ProcessLog(int descriptor);
  ~ProcessLog() { Close(); }
  ProcessLog(const ProcessLog&) = delete;
  ProcessLog& operator=(const ProcessLog&) = delete;

  // `level` goes before that of the options, unless it is empty.
  void Apply(const LogOptions& options, const std::string& level);
  // See LineWriter. Nothing is written from then on.
  void Close() { lines_->Close(); }

 private:
  const std::shared_ptr<std::atomic<bool>> json_ = std::make_shared<std::atomic<bool>>(false);
  const std::shared_ptr<LineWriter> lines_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_LOG_LOG_LINES_H_
