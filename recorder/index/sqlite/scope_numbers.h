// Scopes in the index's own numbers.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_SCOPE_NUMBERS_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_SCOPE_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "recorder/format/call_columns.h"
#include "recorder/index/call_scope.h"
#include "recorder/index/sqlite/name_reader.h"

namespace sallyport::recorder {

// One part of a scope that has conditions. Numbers of names, in order; all that are set must hold. No shredded call
// fulfils it, even where none is set.
struct ScopeNumbers {
  std::optional<std::vector<int64_t>> identities;
  std::optional<std::vector<int64_t>> methods;
  std::optional<std::vector<int64_t>> upstreams;
  std::vector<int64_t> but_methods;

  bool Holds(int64_t identity, int64_t method, int64_t upstream) const;
};

// One part that holds is enough. Nothing: all calls are in scope, shredded ones too.
using ResolvedScope = std::optional<std::vector<ScopeNumbers>>;

// Parts that no name fulfils are left out. What it takes depends on how many names and globs there are, and not on
// calls.
absl::StatusOr<ResolvedScope> ResolveScope(const CallScope& scope, NameReader& names);

// Whether a row of `calls` is in scope.
bool IsInScope(const std::vector<ScopeNumbers>& parts, int64_t end_reason, int64_t identity, int64_t method,
               int64_t upstream);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_SCOPE_NUMBERS_H_
