#include "gateway/relay/call_context.h"

#include "recorder/format/call_id.h"

namespace sallyport::gateway {

std::string CallContext::IdText() const { return id == 0 ? "" : recorder::FormatId(id); }

Durability CallContext::Recording::DurabilityOf(Durability configured) const {
  if (rule == nullptr || !rule->durability.has_value() || configured == Durability::kOff) return configured;
  switch (*rule->durability) {
    case v1::RecordRule::write_ahead:
      return Durability::kWriteAhead;
    case v1::RecordRule::relaxed:
      return Durability::kRelaxed;
    default:
      return Durability::kCommit;
  }
}

void WithFacts(const CallContext& call, absl::FunctionRef<void(const CallFacts&)> use) {
  use({call.proof.caller, call.caller.path(), call.caller.authority(), call.arrival.peer, call.verdict.time,
       [&call](policy::MetadataVisitor visit) {
         for (const auto& [name, value] : call.caller.metadata()) visit(View(name), View(value));
       }});
}

}  // namespace sallyport::gateway
