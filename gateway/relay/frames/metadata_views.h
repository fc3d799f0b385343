// What of a call's metadata and other texts goes where.
#ifndef SALLYPORT_GATEWAY_RELAY_FRAMES_METADATA_VIEWS_H_
#define SALLYPORT_GATEWAY_RELAY_FRAMES_METADATA_VIEWS_H_

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "gateway/relay/call_context.h"
#include "gateway/relay/legs/metadata_rules.h"
#include "policy/masking/masker.h"
#include "recorder/format/entry_batch.h"

namespace sallyport::gateway {

// A pair as it looks in a view; nothing if it is left out. What it becomes is kept in `*masked`.
std::optional<recorder::Metadatum> PairIn(const CallContext& call, policy::MaskView view, recorder::Metadatum pair,
                                          std::string* masked);
std::string TextIn(const CallContext& call, policy::MaskView view, std::string text);

// Pairs as the record shows them; views of what they were made from, and of `masked`.
struct RecordedMetadata {
  std::vector<recorder::Metadatum> pairs;
  std::deque<std::string> masked;
};
RecordedMetadata ForRecord(const CallContext& call, const GrpcMetadata& metadata);
// What the caller chose itself.
RecordedMetadata CallerMetadataForRecord(const CallContext& call);
std::string SessionNameForRecord(const CallContext& call);
std::string AuthorityForRecord(const CallContext& call);
// The method is masked where it is none that a descriptor names, and so may be any text.
std::string PathForRecord(const CallContext& call);

// What of an upstream's metadata the caller is given.
void ForCaller(const CallContext& call, const GrpcMetadata& metadata,
               absl::FunctionRef<void(const std::string& name, const std::string& value)> add);
// What of the caller's metadata its upstream is given, before the gateway's own credentials.
void ForUpstream(const CallContext& call,
                 absl::FunctionRef<void(const std::string& name, const std::string& value)> add);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_FRAMES_METADATA_VIEWS_H_
