#include "gateway/operations/tracing/span_exporter.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>
#include <utility>

namespace sallyport::gateway {

SpanExporter::SpanExporter(std::unique_ptr<SpanSink> sink, Options options)
    : sink_(std::move(sink)), options_(options), pause_(absl::ZeroDuration()), thread_([this] { Run(); }) {}

SpanExporter::~SpanExporter() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    mutex_.AwaitWithTimeout(absl::Condition(&over_), options_.last_words);
  }
  sink_->Cancel();
  thread_.join();
}

void SpanExporter::Add(std::vector<Span> spans) {
  size_t bytes = 0;
  std::vector<size_t> sizes;
  sizes.reserve(spans.size());
  for (const Span& span : spans) bytes += sizes.emplace_back(span.ByteSizeLong());
  absl::MutexLock lock(&mutex_);
  if (stopping_ || waiting_.size() + spans.size() > options_.most_spans || bytes_ + bytes > options_.most_bytes) {
    counts_.dropped += spans.size();
    return;
  }
  bytes_ += bytes;
  for (size_t i = 0; i < spans.size(); ++i) waiting_.push_back({std::move(spans[i]), sizes[i]});
}

SpanCounts SpanExporter::counts() const {
  absl::MutexLock lock(&mutex_);
  return counts_;
}

bool SpanExporter::BatchReady() const {
  return stopping_ || waiting_.size() >= options_.batch_spans || bytes_ >= options_.batch_bytes;
}

std::vector<opentelemetry::proto::trace::v1::Span> SpanExporter::Take() {
  std::vector<Span> batch;
  absl::MutexLock lock(&mutex_);
  if (pause_ > absl::ZeroDuration()) {
    mutex_.AwaitWithTimeout(absl::Condition(&stopping_), pause_);
  }
  const auto any = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !waiting_.empty(); };
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return BatchReady(); };
  mutex_.Await(absl::Condition(&any));
  mutex_.AwaitWithTimeout(absl::Condition(&ready), options_.linger);
  size_t bytes = 0;
  while (!waiting_.empty() && batch.size() < options_.batch_spans && bytes < options_.batch_bytes) {
    bytes += waiting_.front().bytes;
    batch.push_back(std::move(waiting_.front().span));
    waiting_.pop_front();
  }
  bytes_ -= bytes;
  return batch;
}

void SpanExporter::Run() {
  while (true) {
    std::vector<Span> batch = Take();
    if (batch.empty()) break;
    const size_t spans = batch.size();
    uint64_t rejected = 0;
    const absl::Status status = sink_->Send(std::move(batch), &rejected);
    Sent(status, spans, std::min<uint64_t>(rejected, spans));
  }
  absl::MutexLock lock(&mutex_);
  over_ = true;
}

void SpanExporter::Sent(const absl::Status& status, size_t spans, uint64_t rejected) {
  // Once each time it changes: a collector that is away is nobody's reason to fill the log.
  const bool failing = pause_ > absl::ZeroDuration();
  if (!status.ok() && !failing) {
    spdlog::warn("tracing: the collector does not take spans, which are dropped until it does: {}",
                 std::string(status.message()));
  } else if (status.ok() && failing) {
    spdlog::info("tracing: the collector takes spans again");
  }
  pause_ = status.ok() ? absl::ZeroDuration() : std::clamp(2 * pause_, options_.first_pause, options_.most_pause);
  absl::MutexLock lock(&mutex_);
  if (status.ok()) {
    counts_.exported += spans - rejected;
    counts_.dropped += rejected;
    return;
  }
  counts_.dropped += spans;
  if (!stopping_) return;
  // Nobody will take the rest either.
  counts_.dropped += waiting_.size();
  waiting_.clear();
  bytes_ = 0;
}

}  // namespace sallyport::gateway
