#include "gateway/relay/call_context.h"

#include "recorder/format/call_id.h"

namespace sallyport::gateway {

std::string CallContext::IdText() const { return id == 0 ? "" : recorder::FormatId(id); }

void WithFacts(const CallContext& call, absl::FunctionRef<void(const CallFacts&)> use) {
  use({call.proof.caller, call.caller.path(), call.caller.authority(), call.arrival.peer, call.verdict.time,
       [&call](policy::MetadataVisitor visit) {
         for (const auto& [name, value] : call.caller.metadata()) visit(View(name), View(value));
       }});
}

}  // namespace sallyport::gateway
