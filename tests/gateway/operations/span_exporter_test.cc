#include "gateway/operations/tracing/span_exporter.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gateway/operations/tracing/otlp_sink.h"
#include "gateway/operations/tracing/tracer.h"
#include "tests/fakes/scripted_server.h"

namespace sallyport::testing {
namespace {

using gateway::SpanCounts;
using gateway::SpanExporter;
using gateway::TraceId;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
using opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;
using opentelemetry::proto::trace::v1::Span;

constexpr char kExport[] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr absl::Duration kBound = absl::Seconds(20);

std::vector<Span> Spans(int count, size_t name_bytes = 10) {
  std::vector<Span> spans(static_cast<size_t>(count));
  for (Span& span : spans) span.set_name(std::string(name_bytes, 'x'));
  return spans;
}

// What a sink was given, and what it is to say; shared with the test, for the exporter owns the sink.
struct Played {
  absl::Mutex mutex;
  std::vector<size_t> batches ABSL_GUARDED_BY(mutex);
  absl::Status answer ABSL_GUARDED_BY(mutex);
  uint64_t rejected ABSL_GUARDED_BY(mutex) = 0;
  bool held ABSL_GUARDED_BY(mutex) = false;  // nothing is answered until it is not
  bool cancelled ABSL_GUARDED_BY(mutex) = false;

  size_t Total() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    size_t total = 0;
    for (const size_t batch : batches) total += batch;
    return total;
  }
};

class PlayedSink final : public gateway::SpanSink {
 public:
  explicit PlayedSink(std::shared_ptr<Played> played) : played_(std::move(played)) {}

  absl::Status Send(std::vector<Span> spans, uint64_t* rejected) override {
    absl::MutexLock lock(&played_->mutex);
    played_->batches.push_back(spans.size());
    const auto go_on = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(played_->mutex) {
      return !played_->held || played_->cancelled;
    };
    played_->mutex.Await(absl::Condition(&go_on));
    if (played_->cancelled) return absl::CancelledError("cancelled");
    *rejected = played_->rejected;
    return played_->answer;
  }
  void Cancel() override {
    absl::MutexLock lock(&played_->mutex);
    played_->cancelled = true;
  }

 private:
  const std::shared_ptr<Played> played_;
};

SpanExporter::Options Quick() {
  SpanExporter::Options options;
  options.linger = absl::Milliseconds(5);
  options.first_pause = absl::Milliseconds(5);
  options.most_pause = absl::Milliseconds(10);
  options.last_words = absl::Milliseconds(200);
  return options;
}

template <typename Holds>
bool Await(const SpanExporter& exporter, const Holds& holds) {
  for (const absl::Time until = absl::Now() + kBound; absl::Now() < until; absl::SleepFor(absl::Milliseconds(2))) {
    if (holds(exporter.counts())) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("spans go out in bounded batches, all of them once") {
  auto played = std::make_shared<Played>();
  SpanExporter::Options options = Quick();
  options.batch_spans = 10;
  {
    SpanExporter exporter(std::make_unique<PlayedSink>(played), options);
    for (int i = 0; i < 25; ++i) exporter.Add(Spans(4));
    CHECK(Await(exporter, [](const SpanCounts& counts) { return counts.exported == 100; }));
    CHECK(exporter.counts().dropped == 0);
  }
  absl::MutexLock lock(&played->mutex);
  CHECK(played->Total() == 100);
  for (const size_t batch : played->batches) CHECK(batch <= 10);
}

TEST_CASE("a collector that does not answer costs its spans and no more memory") {
  auto played = std::make_shared<Played>();
  {
    absl::MutexLock lock(&played->mutex);
    played->held = true;
  }
  SpanExporter::Options options = Quick();
  options.most_spans = 50;
  options.batch_spans = 10;
  const absl::Time began = absl::Now();
  {
    SpanExporter exporter(std::make_unique<PlayedSink>(played), options);
    for (int i = 0; i < 1000; ++i) exporter.Add(Spans(1));
    // Those that wait, and a batch that is under way.
    CHECK(exporter.counts().dropped >= 1000 - 50 - 10);
    CHECK(exporter.counts().dropped <= 1000 - 50);
  }
  // It was not waited for, either.
  CHECK(absl::Now() - began < kBound);
}

TEST_CASE("spans are bounded in bytes, too") {
  auto played = std::make_shared<Played>();
  {
    absl::MutexLock lock(&played->mutex);
    played->held = true;
  }
  SpanExporter::Options options = Quick();
  options.most_bytes = 10'000;
  options.batch_bytes = 1'000;
  SpanExporter exporter(std::make_unique<PlayedSink>(played), options);
  for (int i = 0; i < 100; ++i) exporter.Add(Spans(1, 1'000));
  CHECK(exporter.counts().dropped >= 85);
  exporter.Add(Spans(1, 20'000));
  CHECK(exporter.counts().dropped >= 86);
}

TEST_CASE("what the collector refuses is counted, and the next batch is tried") {
  auto played = std::make_shared<Played>();
  {
    absl::MutexLock lock(&played->mutex);
    played->answer = absl::UnavailableError("away");
  }
  SpanExporter exporter(std::make_unique<PlayedSink>(played), Quick());
  exporter.Add(Spans(3));
  CHECK(Await(exporter, [](const SpanCounts& counts) { return counts.dropped == 3; }));
  {
    absl::MutexLock lock(&played->mutex);
    played->answer = absl::OkStatus();
    played->rejected = 1;
  }
  exporter.Add(Spans(3));
  CHECK(Await(exporter, [](const SpanCounts& counts) { return counts.exported == 2 && counts.dropped == 4; }));
}

TEST_CASE("at the end what is there still goes out") {
  auto played = std::make_shared<Played>();
  SpanExporter::Options options = Quick();
  options.linger = absl::Hours(1);
  options.last_words = kBound;
  {
    SpanExporter exporter(std::make_unique<PlayedSink>(played), options);
    exporter.Add(Spans(7));
  }
  absl::MutexLock lock(&played->mutex);
  CHECK(played->Total() == 7);
}

TEST_CASE("a real collector gets the spans over OTLP/gRPC") {
  absl::Mutex mutex;
  std::vector<ExportTraceServiceRequest> requests;
  ScriptedServer collector({{kExport, [&](ScriptedCall& call) {
                               const std::optional<std::string> message = call.Read();
                               ExportTraceServiceRequest request;
                               if (!message.has_value() || !request.ParseFromString(*message)) {
                                 return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no request");
                               }
                               ExportTraceServiceResponse response;
                               response.mutable_partial_success()->set_rejected_spans(1);
                               call.Write(response.SerializeAsString());
                               absl::MutexLock lock(&mutex);
                               requests.push_back(std::move(request));
                               return grpc::Status::OK;
                             }}});
  gateway::TracingOptions options;
  options.target = collector.address();
  {
    SpanExporter exporter(std::make_unique<gateway::OtlpSink>(options), Quick());
    exporter.Add(Spans(3));
    CHECK(Await(exporter, [](const SpanCounts& counts) { return counts.exported == 2 && counts.dropped == 1; }));
  }
  absl::MutexLock lock(&mutex);
  REQUIRE(requests.size() == 1);
  REQUIRE(requests[0].resource_spans_size() == 1);
  CHECK(requests[0].resource_spans(0).resource().attributes(0).value().string_value() == "sallyport");
  CHECK(requests[0].resource_spans(0).scope_spans(0).spans_size() == 3);
}

TEST_CASE("nobody waits for a collector that is not there, or that says nothing") {
  gateway::TracingOptions options;
  SECTION("not there") {
    options.target = "127.0.0.1:1";
    SpanExporter exporter(std::make_unique<gateway::OtlpSink>(options), Quick());
    exporter.Add(Spans(3));
    CHECK(Await(exporter, [](const SpanCounts& counts) { return counts.dropped == 3; }));
  }
  SECTION("silent") {
    ScriptedServer collector({{kExport, [](ScriptedCall& call) {
                                 call.AwaitCancel();
                                 return grpc::Status::CANCELLED;
                               }}});
    options.target = collector.address();
    const absl::Time began = absl::Now();
    {
      SpanExporter exporter(std::make_unique<gateway::OtlpSink>(options), Quick());
      exporter.Add(Spans(3));
    }
    // Sooner than the call would be given up.
    CHECK(absl::Now() - began < absl::Seconds(9));
  }
}

TEST_CASE("ids are new, and a share of them is sampled, which every larger share contains") {
  int sampled = 0;
  int sampled_more = 0;
  TraceId last = {};
  for (int i = 0; i < 10'000; ++i) {
    const TraceId id = gateway::NewTraceId();
    CHECK(id != last);
    last = id;
    const bool little = gateway::IsSampled(id, 0.1);
    const bool more = gateway::IsSampled(id, 0.3);
    if (little && !more) FAIL("a smaller share has what a larger one lacks");
    sampled += little ? 1 : 0;
    sampled_more += more ? 1 : 0;
    if (gateway::IsSampled(id, 0) || !gateway::IsSampled(id, 1)) FAIL("none and all");
  }
  CHECK(sampled > 800);
  CHECK(sampled < 1200);
  CHECK(sampled_more > 2700);
  CHECK(sampled_more < 3300);
}

TEST_CASE("the caller's word on sampling goes before the share") {
  auto played = std::make_shared<Played>();
  gateway::TracingOptions options;
  options.sample = 0;
  gateway::Tracer tracer(options, std::make_unique<PlayedSink>(played), Quick());
  gateway::TraceContext context;
  CHECK(!tracer.Samples(context, gateway::NewTraceId()));
  context.sampled = true;
  CHECK(tracer.Samples(context, gateway::NewTraceId()));
}

}  // namespace sallyport::testing
