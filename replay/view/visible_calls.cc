#include "replay/view/visible_calls.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "recorder/format/call_id.h"

namespace sallyport::replay {
namespace {

bool AnyMatches(const std::vector<std::string>& globs, const std::string& text) {
  return std::any_of(globs.begin(), globs.end(),
                     [&](const std::string& glob) { return policy::GlobMatches(glob, text); });
}

bool PartHasCall(const recorder::CallScope::Part& part, const std::string& identity, const std::string& method,
                 const std::string& upstream) {
  return (!part.own.has_value() || *part.own == identity) &&
         (part.identities.empty() || AnyMatches(part.identities, identity)) &&
         (part.methods.empty() || AnyMatches(part.methods, method)) &&
         (part.upstreams.empty() || AnyMatches(part.upstreams, upstream)) && !AnyMatches(part.but_methods, method);
}

}  // namespace

bool HasEverything(const recorder::CallScope& scope) {
  return std::any_of(scope.parts.begin(), scope.parts.end(), [](const auto& part) { return part.everything(); });
}

bool HasCall(const recorder::CallScope& scope, const std::string& identity, const std::string& method,
             const std::string& upstream) {
  return std::any_of(scope.parts.begin(), scope.parts.end(),
                     [&](const auto& part) { return PartHasCall(part, identity, method, upstream); });
}

absl::Status NoSuchCall(uint64_t id) {
  return absl::NotFoundError(absl::StrCat("there is no call ", recorder::FormatId(id), " in this store"));
}

absl::StatusOr<recorder::CallSummary> FindCall(CallStore::Reader& reader, uint64_t id,
                                               const recorder::CallScope* scope) {
  absl::StatusOr<recorder::CallSummary> call = reader->Call(id);
  if (absl::IsNotFound(call.status())) return NoSuchCall(id);
  if (!call.ok()) return reader.Checked(call.status());
  if (scope == nullptr) return call;
  // What a shredded call was of nobody knows.
  const bool has =
      call->shredded ? HasEverything(*scope) : HasCall(*scope, call->identity, call->method, call->upstream);
  if (!has) return NoSuchCall(id);
  return call;
}

}  // namespace sallyport::replay
