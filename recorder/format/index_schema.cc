#include "recorder/format/index_schema.h"

#include "absl/strings/str_cat.h"
#include "recorder/format/call_columns.h"

namespace sallyport::recorder {
namespace {

constexpr char kBeforeCalls[] = R"sql(
CREATE TABLE names(
  id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, hash BLOB NOT NULL, sealed BLOB NOT NULL,
  uses INTEGER NOT NULL, UNIQUE(kind, hash));
CREATE TABLE sessions(
  id INTEGER PRIMARY KEY, identity INTEGER NOT NULL, name INTEGER NOT NULL, peer INTEGER NOT NULL,
  port INTEGER NOT NULL, first_call INTEGER NOT NULL, last_call INTEGER NOT NULL, first_start_ns INTEGER NOT NULL,
  last_start_ns INTEGER NOT NULL, calls INTEGER NOT NULL);
)sql";

constexpr char kBehindCalls[] = R"sql(
CREATE INDEX calls_open ON calls(id) WHERE end_reason = 0;
CREATE TABLE chunks(
  last_id INTEGER PRIMARY KEY, number INTEGER NOT NULL, level INTEGER NOT NULL,
  first_start_ns INTEGER NOT NULL, last_start_ns INTEGER NOT NULL, heads BLOB NOT NULL);
CREATE TABLE postings(key INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
CREATE TABLE scrubbed(segment INTEGER PRIMARY KEY);
CREATE TABLE progress(
  version INTEGER NOT NULL, store_id TEXT NOT NULL, position INTEGER NOT NULL, sequence INTEGER NOT NULL,
  positions_exact_to INTEGER NOT NULL);
)sql";

}  // namespace

std::string IndexSchema() {
  return absl::StrCat(kBeforeCalls, "CREATE TABLE calls(", CallColumnDefinitions(), ");", kBehindCalls);
}

}  // namespace sallyport::recorder
