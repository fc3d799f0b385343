// A collector that takes spans over OTLP/gRPC.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_TRACING_OTLP_SINK_H_
#define SALLYPORT_GATEWAY_OPERATIONS_TRACING_OTLP_SINK_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>

#include <memory>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gateway/operations/tracing/span_exporter.h"
#include "gateway/operations/tracing/tracing_options.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"

namespace sallyport::gateway {

// Makes one call to the collector's TraceService at a time, on the thread that sends. Connects when there is something
// to send, and again when it has to.
class OtlpSink final : public SpanSink {
 public:
  // `timeout`: of one call.
  explicit OtlpSink(const TracingOptions& options, absl::Duration timeout = absl::Seconds(10));
  // Nothing is under way.
  ~OtlpSink() override;

  // UNAVAILABLE, with what the library or the collector said, if it did not take them.
  absl::Status Send(std::vector<opentelemetry::proto::trace::v1::Span> spans, uint64_t* rejected) override;
  void Cancel() override ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Request = opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
  using Response = opentelemetry::proto::collector::trace::v1::ExportTraceServiceResponse;

  grpc::Status Call(const Request& request, Response* response) ABSL_LOCKS_EXCLUDED(mutex_);

  const absl::Duration timeout_;
  // The request but for the spans.
  Request about_;
  grpc::TemplatedGenericStub<Request, Response> stub_;
  grpc::CompletionQueue queue_;
  absl::Mutex mutex_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  grpc::ClientContext* under_way_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_TRACING_OTLP_SINK_H_
