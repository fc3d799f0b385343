// What is known of a call's method and of its messages.
#include "gateway/reflection/refresher.h"
#include "gateway/relay/admission/stages.h"
#include "gateway/relay/legs/misdescribed_methods.h"
#include "gateway/upstream/method_catalog.h"

namespace sallyport::gateway {
namespace {

// What is known now. False if nothing is.
bool UseDescriptors(const RelayContext& shared, CallContext& call) {
  CallContext::Description& description = call.description;
  description.descriptors = shared.catalog->For(call.upstream()->name());
  const policy::MethodShape* shape = description.descriptors->FindMethod(call.caller.path());
  description.method_known = shape != nullptr;
  // The unary batch takes no write options: where the caller has a choice for each message, a stream keeps what it
  // chose.
  if (description.method_known && shape->unary() && call.caller.encoding() == GRPC_COMPRESS_NONE &&
      !shared.misdescribed->Has(call.upstream(), call.caller.path(), description.descriptors->version())) {
    description.arity = recorder::Arity::kUnary;
  }
  return description.method_known;
}

}  // namespace

// A method that is not known may be new: its upstream is asked again. The call waits for that only where masks or
// content rules that apply to it have to look into its messages.
std::optional<Refusal> Describe(const RelayContext& shared, CallContext& call, BeginWait begin_wait) {
  if (UseDescriptors(shared, call)) return Refusal();
  const std::shared_ptr<const policy::CallMasks> masks = FindMasks(call);
  if (masks == nullptr || !masks->looks_into_messages()) {
    shared.refresher->AskSoon(*call.upstream(), nullptr);
    return Refusal();
  }
  const std::shared_ptr<StageWait> wait = begin_wait();
  const bool asks = shared.refresher->AskSoon(*call.upstream(), [wait, &shared, &call] {
    wait->Resume([&shared, &call] {
      UseDescriptors(shared, call);
      return Refusal();
    });
  });
  if (asks) return std::nullopt;
  return Refusal();
}

}  // namespace sallyport::gateway
