// What callers say of traces, header by header: a line each, "name: value".
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gateway/operations/tracing/trace_context.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzTraceContext(std::string_view input) {
  gateway::TraceHeaders headers;
  for (std::string_view rest = input; !rest.empty();) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const size_t colon = line.find(": ");
    if (colon != std::string_view::npos) headers.Add(line.substr(0, colon), line.substr(colon + 2));
  }
  const gateway::TraceContext context = headers.Read();
  const bool has_parent = context.parent != gateway::SpanId();
  Require(context.trace_id.has_value() == has_parent, "a trace has a parent");
  Require(!context.trace_id.has_value() || *context.trace_id != gateway::TraceId(), "no trace has an id of zeros");
  Require(context.state.size() <= gateway::TraceHeaders::kMostStateBytes, "what is kept is bounded");
  Require(!context.debug || context.sampled == true, "what is debugged is sampled");
  const gateway::TraceId trace = context.trace_id.value_or(gateway::TraceId{1});
  const bool sampled = context.sampled.value_or(true);
  const gateway::SpanId span{2};
  gateway::TraceHeaders told;
  std::vector<std::pair<std::string, std::string>> pairs;
  gateway::WriteTraceHeaders(context, trace, span, sampled,
                             [&](std::string_view name, std::string_view value) { pairs.emplace_back(name, value); });
  for (const auto& [name, value] : pairs) {
    Require(gateway::IsTraceHeader(name), "only what says of traces is written");
    for (const char c : value) Require(c >= ' ' && c <= '~', "what is written may be sent");
    told.Add(name, value);
  }
  const gateway::TraceContext read = told.Read();
  Require(read.trace_id == trace && read.parent == span, "what is written is read as what it was");
  Require(read.sampled == sampled && read.state == context.state, "likewise");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzTraceContext)
