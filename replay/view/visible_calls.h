// Which calls of a store a reader may be told of.
#ifndef SALLYPORT_REPLAY_VIEW_VISIBLE_CALLS_H_
#define SALLYPORT_REPLAY_VIEW_VISIBLE_CALLS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/index/call_scope.h"
#include "recorder/index/call_search.h"
#include "replay/view/call_store.h"
#include "replay/view/reader_rights.h"

namespace sallyport::replay {

// Looks at the record, as the index names their methods. A glob.
inline constexpr char kLookMethods[] = "sallyport.v1.Audit/*";
// These, and what else the gateway's own services were asked for: not what looks are kept of.
inline constexpr char kOwnMethods[] = "sallyport.v1.*";

// Whether a scope has every call, shredded ones too.
bool HasEverything(const recorder::CallScope& scope);
// Whether it has a call of these names, as the index has them.
bool HasCall(const recorder::CallScope& scope, const std::string& identity, const std::string& method,
             const std::string& upstream);

// A text that is the same for the same reader with the same scope, and for no others.
std::string TextOf(const ReaderRights& rights);

// What is said of a call that is not there, and of one that may not be seen.
absl::Status NoSuchCall(uint64_t id);

// What the index says of a call; `scope` null: of any. NOT_FOUND, with one message, if there is none, or the scope does
// not have it. Other errors are those of recorder::RecordReader::Call.
absl::StatusOr<recorder::CallSummary> FindCall(CallStore::Reader& reader, uint64_t id,
                                               const recorder::CallScope* scope);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_VISIBLE_CALLS_H_
