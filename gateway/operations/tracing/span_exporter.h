// Spans on their way to a collector.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_TRACING_SPAN_EXPORTER_H_
#define SALLYPORT_GATEWAY_OPERATIONS_TRACING_SPAN_EXPORTER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/operations/tracing/span_counts.h"
#include "opentelemetry/proto/trace/v1/trace.pb.h"

namespace sallyport::gateway {

// Takes spans to where they go.
class SpanSink {
 public:
  virtual ~SpanSink() = default;
  // Blocks for as long as the other side may take. `*rejected` becomes how many of the spans it did not take although
  // it took the rest. Any status means that it took none.
  virtual absl::Status Send(std::vector<opentelemetry::proto::trace::v1::Span> spans, uint64_t* rejected) = 0;
  // Ends what is under way, and all later ones at once, with CANCELLED. From any thread.
  virtual void Cancel() = 0;
};

// Collects spans and sends them in batches, on a thread of its own. What it holds is bounded in bytes and in number;
// what is beyond is dropped, as is a batch that the collector does not take, and counted. Thread-safe.
class SpanExporter {
 public:
  struct Options {
    size_t most_spans = 8192;
    size_t most_bytes = 8 << 20;  // of them, as they are sent
    size_t batch_spans = 512;
    size_t batch_bytes = 1 << 20;                   // a batch is closed once it has reached them
    absl::Duration linger = absl::Seconds(1);       // how long a span waits for others
    absl::Duration first_pause = absl::Seconds(1);  // after a failure; doubles with each that follows
    absl::Duration most_pause = absl::Seconds(30);
    absl::Duration last_words = absl::Seconds(2);  // how long what is still here may take at the end
  };

  SpanExporter(std::unique_ptr<SpanSink> sink, Options options);
  // Sends what is there, in at most `last_words`; the rest is dropped.
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // Never waits for the collector. All of them, or where there is no room for that none.
  void Add(std::vector<opentelemetry::proto::trace::v1::Span> spans) ABSL_LOCKS_EXCLUDED(mutex_);

  SpanCounts counts() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Span = opentelemetry::proto::trace::v1::Span;
  struct Waiting {
    Span span;
    size_t bytes = 0;
  };

  void Run();
  // The next batch, once there is one; empty at the end.
  std::vector<Span> Take() ABSL_LOCKS_EXCLUDED(mutex_);
  bool BatchReady() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Sent(const absl::Status& status, size_t spans, uint64_t rejected) ABSL_LOCKS_EXCLUDED(mutex_);

  const std::unique_ptr<SpanSink> sink_;
  const Options options_;
  mutable absl::Mutex mutex_;
  std::deque<Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of them
  SpanCounts counts_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool over_ ABSL_GUARDED_BY(mutex_) = false;  // the thread is at its end
  absl::Duration pause_;                       // of the thread; zero while the collector answers
  std::thread thread_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_TRACING_SPAN_EXPORTER_H_
