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

// With its length, so that no other texts look the same together.
void AddText(const std::string& text, std::string* out) { absl::StrAppend(out, text.size(), ":", text); }

void AddTexts(const std::vector<std::string>& texts, std::string* out) {
  absl::StrAppend(out, texts.size(), "[");
  for (const std::string& text : texts) AddText(text, out);
}

}  // namespace

std::string TextOf(const ReaderRights& rights) {
  std::string text;
  AddText(rights.reader, &text);
  AddText(rights.subject, &text);
  AddTexts(rights.groups, &text);
  for (const policy::RoleKind kind : rights.kinds) absl::StrAppend(&text, static_cast<int>(kind), ",");
  for (const recorder::CallScope::Part& part : rights.scope.parts) {
    absl::StrAppend(&text, part.own.has_value() ? "own" : "any");
    AddText(part.own.value_or(""), &text);
    AddTexts(part.identities, &text);
    AddTexts(part.methods, &text);
    AddTexts(part.upstreams, &text);
    AddTexts(part.but_methods, &text);
  }
  return text;
}

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
  if (scope != nullptr) {
    const absl::StatusOr<bool> in_scope = reader->InScope(id, *scope);
    if (!in_scope.ok()) return reader.Checked(in_scope.status());
    if (!*in_scope) return NoSuchCall(id);
  }
  absl::StatusOr<recorder::CallSummary> call = reader->Call(id);
  if (absl::IsNotFound(call.status())) return NoSuchCall(id);
  if (!call.ok()) return reader.Checked(call.status());
  return call;
}

}  // namespace sallyport::replay
