// Traces through the gateway: what the upstream sees, what the record has, what the collector gets; and the id of a
// call in its trailers.
#include <catch2/catch.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb.h"
#include "recorder/format/call_id.h"
#include "tests/gateway/rig.h"

namespace sallyport::testing {
namespace {

using opentelemetry::proto::collector::trace::v1::ExportTraceServiceRequest;
using opentelemetry::proto::trace::v1::Span;
using Strings = std::vector<std::string>;

constexpr char kExport[] = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
constexpr char kTrace[] = "4bf92f3577b34da6a3ce929d0e0e4736";
constexpr char kSpan[] = "00f067aa0ba902b7";
constexpr absl::Duration kBound = absl::Seconds(20);
const std::string kSampledParent = std::string("00-") + kTrace + "-" + kSpan + "-01";
const std::string kUnsampledParent = std::string("00-") + kTrace + "-" + kSpan + "-00";

// What was received, which outlives whoever receives: collector and upstream run on threads of their own.
struct Received {
  absl::Mutex mutex;
  std::vector<Span> spans ABSL_GUARDED_BY(mutex);
  std::vector<std::map<std::string, Strings>> metadata ABSL_GUARDED_BY(mutex);  // of calls to the upstream

  std::vector<Span> AwaitSpans(size_t count) {
    absl::MutexLock lock(&mutex);
    const auto there = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return spans.size() >= count; };
    mutex.AwaitWithTimeout(absl::Condition(&there), kBound);
    return spans;
  }
  std::map<std::string, Strings> UpstreamSaw() {
    absl::MutexLock lock(&mutex);
    REQUIRE(!metadata.empty());
    return metadata.back();
  }
};

ScriptedServer::Script Collect(const std::shared_ptr<Received>& received) {
  return [received](ScriptedCall& call) {
    ExportTraceServiceRequest request;
    if (!request.ParseFromString(call.Read().value_or(""))) return grpc::Status(grpc::StatusCode::INTERNAL, "no spans");
    call.Write("");
    absl::MutexLock lock(&received->mutex);
    for (const auto& resource : request.resource_spans()) {
      for (const auto& scope : resource.scope_spans()) {
        received->spans.insert(received->spans.end(), scope.spans().begin(), scope.spans().end());
      }
    }
    return grpc::Status::OK;
  };
}

ScriptedServer::Script Upstream(const std::shared_ptr<Received>& received, const grpc::Status& status) {
  return [received, status](ScriptedCall& call) {
    {
      absl::MutexLock lock(&received->mutex);
      auto& saw = received->metadata.emplace_back();
      for (const char* name : {"traceparent", "tracestate", "b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid",
                               "x-b3-sampled", "x-b3-flags"}) {
        if (Strings values = call.Metadata(name); !values.empty()) saw[name] = std::move(values);
      }
    }
    const std::string request = call.Read().value_or("");
    call.context().AddTrailingMetadata("sallyport-call-id", "the upstream's own");
    if (status.ok()) call.Write(request);
    return status;
  };
}

// A collector and a gateway that sends it spans.
class Traced {
 public:
  explicit Traced(double sample, const grpc::Status& status = grpc::Status::OK, const Rig::Adjust& adjust = {})
      : received(std::make_shared<Received>()),
        collector({{kExport, Collect(received)}}),
        rig({{kUnary, Upstream(received, status)}}, Methods::kKnown, [&](gateway::GatewayOptions& options) {
          options.tracing.emplace();
          options.tracing->target = collector.address();
          options.tracing->sample = sample;
          if (adjust) adjust(options);
        }) {}

  const std::shared_ptr<Received> received;
  ScriptedServer collector;
  Rig rig;
};

struct Answer {
  grpc::Status status;
  Strings call_ids;
};

Answer Call(Rig& rig, const std::vector<std::pair<std::string, std::string>>& metadata,
            const std::string& path = kUnary) {
  BlockingCall call(rig.channel(), path);
  for (const auto& [name, value] : metadata) call.context().AddMetadata(name, value);
  call.Start();
  call.Write("\x0a\x01x");
  call.HalfClose();
  while (call.Read().has_value()) {
  }
  Answer answer;
  answer.status = call.Finish();
  answer.call_ids = call.Trailers("sallyport-call-id");
  return answer;
}

const Span* Find(const std::vector<Span>& spans, Span::SpanKind kind, const std::string& name) {
  for (const Span& span : spans) {
    if (span.kind() == kind && span.name() == name) return &span;
  }
  return nullptr;
}

std::string Attribute(const Span& span, const std::string& key) {
  for (const auto& attribute : span.attributes()) {
    if (attribute.key() != key) continue;
    return attribute.value().has_int_value() ? std::to_string(attribute.value().int_value())
                                             : attribute.value().string_value();
  }
  return "none";
}

std::string TraceIn(const std::string& traceparent) { return traceparent.substr(3, 32); }

}  // namespace

TEST_CASE("without tracing what callers say of traces passes unchanged, and the record has the trace") {
  const auto received = std::make_shared<Received>();
  Rig rig({{kUnary, Upstream(received, grpc::Status::OK)}}, Methods::kKnown);
  const std::vector<std::pair<std::string, std::string>> said = {
      {"traceparent", kSampledParent}, {"tracestate", "a=1"}, {"b3", "odd"}, {"x-b3-parentspanid", kSpan}};
  REQUIRE(Call(rig, said).status.ok());
  const std::map<std::string, Strings> saw = received->UpstreamSaw();
  CHECK(saw.size() == said.size());
  for (const auto& [name, value] : said) CHECK(saw.at(name) == Strings{value});

  REQUIRE(Call(rig, {{"b3", std::string(kTrace) + "-" + kSpan}}).status.ok());
  REQUIRE(Call(rig, {{"traceparent", "not one"}}).status.ok());
  REQUIRE(Call(rig, {}).status.ok());
  CHECK(received->UpstreamSaw().empty());
  const std::vector<recorder::CallSummary> calls = rig.Calls();
  REQUIRE(calls.size() == 4);
  const std::string bytes = absl::HexStringToBytes(kTrace);
  CHECK(calls[0].trace_id == bytes);
  CHECK(calls[1].trace_id == bytes);
  CHECK(calls[2].trace_id.empty());
  CHECK(calls[3].trace_id.empty());
  CHECK(rig.Entries(calls[0].id).front().start().trace_id() == bytes);
}

TEST_CASE("a sampled call's spans say where its time went, and its upstream's parent is the gateway's") {
  Traced traced(0);
  REQUIRE(Call(traced.rig, {{"traceparent", kSampledParent}, {"tracestate", "a=1"}}).status.ok());
  const std::vector<Span> spans = traced.received->AwaitSpans(11);
  const std::string trace = absl::HexStringToBytes(kTrace);
  const Span* server = Find(spans, Span::SPAN_KIND_SERVER, "test.v1.Echo/Unary");
  const Span* client = Find(spans, Span::SPAN_KIND_CLIENT, "test.v1.Echo/Unary");
  REQUIRE(server != nullptr);
  REQUIRE(client != nullptr);
  CHECK(absl::BytesToHexString(server->parent_span_id()) == kSpan);
  CHECK(client->parent_span_id() == server->span_id());
  CHECK(Attribute(*server, "rpc.system") == "grpc");
  CHECK(Attribute(*server, "rpc.service") == "test.v1.Echo");
  CHECK(Attribute(*server, "rpc.method") == "Unary");
  CHECK(Attribute(*server, "rpc.grpc.status_code") == "0");
  CHECK(Attribute(*server, "sallyport.upstream") == "upstream");
  CHECK(Attribute(*server, "sallyport.identity.subject") == "none");
  for (const char* stage :
       {"examine", "authenticate", "route", "decide", "describe", "mask", "credentials", "connect", "join"}) {
    INFO(stage);
    const Span* span = Find(spans, Span::SPAN_KIND_INTERNAL, stage);
    REQUIRE(span != nullptr);
    CHECK(span->parent_span_id() == server->span_id());
    CHECK(span->start_time_unix_nano() <= span->end_time_unix_nano());
    CHECK(span->start_time_unix_nano() + 1'000'000 >= server->start_time_unix_nano());
    CHECK(span->end_time_unix_nano() <= server->end_time_unix_nano() + 1'000'000);
  }
  for (const Span& span : spans) {
    CHECK(span.trace_id() == trace);
    CHECK(span.trace_state() == "a=1");
  }
  const std::map<std::string, Strings> saw = traced.received->UpstreamSaw();
  CHECK(saw.at("traceparent") ==
        Strings{std::string("00-") + kTrace + "-" + absl::BytesToHexString(client->span_id()) + "-01"});
  CHECK(saw.at("tracestate") == Strings{"a=1"});
  const std::vector<recorder::CallSummary> calls = traced.rig.Calls();
  REQUIRE(calls.size() == 1);
  CHECK(calls[0].trace_id == trace);
  CHECK(Attribute(*server, "sallyport.call_id") == recorder::FormatId(calls[0].id));
}

TEST_CASE("a call that is not sampled has no spans, and still one parent of the gateway's") {
  Traced traced(1);
  REQUIRE(Call(traced.rig, {{"traceparent", kUnsampledParent}}).status.ok());
  const std::string parent = traced.received->UpstreamSaw().at("traceparent").front();
  CHECK(TraceIn(parent) == kTrace);
  CHECK(parent != kUnsampledParent);
  CHECK(absl::EndsWith(parent, "-00"));
  // One that is sampled, so that there is something to wait for.
  REQUIRE(Call(traced.rig, {}).status.ok());
  for (const Span& span : traced.received->AwaitSpans(11)) CHECK(absl::BytesToHexString(span.trace_id()) != kTrace);
}

TEST_CASE("of a call without a trace the gateway begins one, which the record has") {
  Traced traced(1);
  REQUIRE(Call(traced.rig, {{"traceparent", "not one"}, {"tracestate", "a=1"}}).status.ok());
  const std::map<std::string, Strings> saw = traced.received->UpstreamSaw();
  CHECK(saw.count("tracestate") == 0);
  const std::string trace = TraceIn(saw.at("traceparent").front());
  const std::vector<Span> spans = traced.received->AwaitSpans(11);
  REQUIRE(!spans.empty());
  CHECK(absl::BytesToHexString(spans[0].trace_id()) == trace);
  const Span* server = Find(spans, Span::SPAN_KIND_SERVER, "test.v1.Echo/Unary");
  REQUIRE(server != nullptr);
  CHECK(server->parent_span_id().empty());
  CHECK(absl::BytesToHexString(traced.rig.Calls().at(0).trace_id) == trace);
}

TEST_CASE("callers that speak B3 have upstreams that are told in B3") {
  Traced traced(0);
  REQUIRE(Call(traced.rig, {{"b3", std::string(kTrace) + "-" + kSpan + "-1"}}).status.ok());
  std::map<std::string, Strings> saw = traced.received->UpstreamSaw();
  CHECK(saw.size() == 1);
  CHECK(absl::StartsWith(saw.at("b3").front(), kTrace));
  CHECK(!absl::StrContains(saw.at("b3").front(), kSpan));
  REQUIRE(Call(traced.rig,
               {{"x-b3-traceid", kTrace}, {"x-b3-spanid", kSpan}, {"x-b3-parentspanid", kSpan}, {"x-b3-sampled", "0"}})
              .status.ok());
  saw = traced.received->UpstreamSaw();
  CHECK(saw.size() == 3);
  CHECK(saw.at("x-b3-traceid") == Strings{kTrace});
  CHECK(saw.at("x-b3-spanid") != Strings{kSpan});
  CHECK(saw.at("x-b3-sampled") == Strings{"0"});
}

TEST_CASE("failures are marked where they are somebody's, without what was said") {
  Traced traced(1, grpc::Status(grpc::StatusCode::NOT_FOUND, "a secret"));
  CHECK(Call(traced.rig, {}).status.error_code() == grpc::StatusCode::NOT_FOUND);
  const std::vector<Span> spans = traced.received->AwaitSpans(11);
  const Span* server = Find(spans, Span::SPAN_KIND_SERVER, "test.v1.Echo/Unary");
  const Span* client = Find(spans, Span::SPAN_KIND_CLIENT, "test.v1.Echo/Unary");
  REQUIRE(server != nullptr);
  REQUIRE(client != nullptr);
  CHECK(server->status().code() == opentelemetry::proto::trace::v1::Status::STATUS_CODE_UNSET);
  CHECK(client->status().code() == opentelemetry::proto::trace::v1::Status::STATUS_CODE_ERROR);
  for (const Span& span : spans) CHECK(!absl::StrContains(span.SerializeAsString(), "secret"));
}

TEST_CASE("a call that no route leads anywhere has a span, and the stages that it came through") {
  Traced traced(1, grpc::Status::OK,
                [](gateway::GatewayOptions& options) { options.routes[0].match.add_services("test.v1.*"); });
  CHECK(Call(traced.rig, {}, "/other.Service/Method").status.error_code() == grpc::StatusCode::UNIMPLEMENTED);
  const std::vector<Span> spans = traced.received->AwaitSpans(5);
  const Span* server = Find(spans, Span::SPAN_KIND_SERVER, "other.Service/Method");
  REQUIRE(server != nullptr);
  CHECK(Attribute(*server, "sallyport.upstream") == "none");
  CHECK(Find(spans, Span::SPAN_KIND_INTERNAL, "decide") != nullptr);
  CHECK(Find(spans, Span::SPAN_KIND_INTERNAL, "describe") == nullptr);
  CHECK(Find(spans, Span::SPAN_KIND_CLIENT, "other.Service/Method") == nullptr);
}

TEST_CASE("callers get the call's id where the route says so, and never an upstream's word for it") {
  const auto received = std::make_shared<Received>();
  const auto run = [&](bool trailer, const grpc::Status& status) {
    Rig rig({{kUnary, Upstream(received, status)}}, Methods::kKnown,
            [&](gateway::GatewayOptions& options) { options.routes[0].call_id_trailer = trailer; });
    const Strings told = Call(rig, {}).call_ids;
    const std::vector<recorder::CallSummary> calls = rig.Calls();
    REQUIRE(calls.size() == 1);
    CHECK(told == (trailer ? Strings{recorder::FormatId(calls[0].id)} : Strings{}));
  };
  run(false, grpc::Status::OK);
  run(true, grpc::Status::OK);
  run(true, grpc::Status(grpc::StatusCode::NOT_FOUND, "no"));
}

TEST_CASE("callers of refused calls get the id, too") {
  const auto received = std::make_shared<Received>();
  Rig rig({{kUnary, Upstream(received, grpc::Status::OK)}}, Methods::kKnown, [](gateway::GatewayOptions& options) {
    options.routes[0].call_id_trailer = true;
    options.message_bytes = 2;
  });
  const Answer answer = Call(rig, {});
  CHECK(answer.status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  const std::vector<recorder::CallSummary> calls = rig.Calls();
  REQUIRE(calls.size() == 1);
  CHECK(answer.call_ids == Strings{recorder::FormatId(calls[0].id)});
}

}  // namespace sallyport::testing
