#include "replay/cli/list_notes.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "recorder/call_id.h"
#include "replay/cli/command.h"
#include "replay/cli/terminal_text.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMostShown = 200;
// A gateway that runs puts calls into the index within a second or so.
constexpr absl::Duration kUsualLag = absl::Seconds(2);

std::string Counted(uint64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

// The options that were given, as they were typed.
std::string Typed(const CallFilter& filter) {
  const std::pair<const char*, const std::string*> options[] = {
      {"--identity", &filter.identity}, {"--method", &filter.method},
      {"--upstream", &filter.upstream}, {"--status", &filter.status},
      {"--session", &filter.session},   {"--since", &filter.since},
      {"--until", &filter.until},       {"--min-duration", &filter.min_duration}};
  std::vector<std::string> typed;
  for (const auto& [name, value] : options) {
    if (!value->empty()) typed.push_back(absl::StrCat(name, " ", CutEnd(Printable(*value), kMostShown)));
  }
  return absl::StrJoin(typed, " ");
}

absl::StatusOr<bool> AnyCall(recorder::RecordReader& reader, recorder::CallQuery query) {
  query.limit = 1;
  const absl::StatusOr<std::vector<recorder::CallSummary>> calls = reader.Calls(query);
  if (!calls.ok()) return calls.status();
  return !calls->empty();
}

// Names that no call has are more often mistyped than missed.
absl::Status TellUnknownNames(recorder::RecordReader& reader, const recorder::CallQuery& query) {
  const std::pair<const char*, std::string recorder::CallQuery::*> names[] = {
      {"--identity", &recorder::CallQuery::identity},
      {"--method", &recorder::CallQuery::method},
      {"--upstream", &recorder::CallQuery::upstream}};
  for (const auto& [option, member] : names) {
    if ((query.*member).empty()) continue;
    recorder::CallQuery alone;
    alone.*member = query.*member;
    const absl::StatusOr<bool> any = AnyCall(reader, alone);
    if (!any.ok()) return any.status();
    if (!*any) Note(absl::StrCat("no call here matches ", option, " ", CutEnd(Printable(query.*member), kMostShown)));
  }
  return absl::OkStatus();
}

bool ByName(const recorder::CallQuery& query) {
  return !query.identity.empty() || !query.method.empty() || !query.upstream.empty() || query.status_code.has_value() ||
         query.session_id.has_value() || query.min_duration.has_value() || query.open_only;
}

}  // namespace

std::string WhyNotThere(recorder::RecordReader& reader) {
  const absl::StatusOr<recorder::StoreGaps> gaps = reader.Gaps();
  if (!gaps.ok()) return "";
  std::vector<std::string> reasons;
  if (gaps->deleted_segments != 0) {
    reasons.push_back(
        absl::StrCat(Counted(gaps->deleted_segments, "segment was", "segments were"), " deleted by retention"));
  }
  if (gaps->shredded_segments != 0) {
    reasons.push_back(absl::StrCat(Counted(gaps->shredded_segments, "segment is", "segments are"), " shredded"));
  }
  if (gaps->segments_without_key != 0) {
    reasons.push_back(
        absl::StrCat("the key of ", Counted(gaps->segments_without_key, "segment", "segments"), " is missing"));
  }
  if (gaps->missing_segments != 0) {
    reasons.push_back(absl::StrCat(Counted(gaps->missing_segments, "segment is", "segments are"), " missing"));
  }
  if (gaps->damaged) reasons.push_back("part of the log was damaged when the index was made");
  if (gaps->unindexed_calls != 0) {
    reasons.push_back(
        absl::StrCat("the index lacks the last ", Counted(gaps->unindexed_calls, "call", "calls"), " of the log"));
  }
  return reasons.empty() ? "" : absl::StrCat("; it may have been there: ", absl::StrJoin(reasons, ", "));
}

absl::Status CheckKnown(recorder::RecordReader& reader, const recorder::CallQuery& query, const CallFilter& filter,
                        const std::string& after) {
  if (query.status_code.has_value() && !IsStatusCode(*query.status_code)) {
    recorder::CallQuery alone;
    alone.status_code = query.status_code;
    const absl::StatusOr<bool> any = AnyCall(reader, alone);
    if (!any.ok()) return any.status();
    if (!*any) {
      return absl::InvalidArgumentError(absl::StrCat("--status: ", *query.status_code,
                                                     " is no status of gRPC's, which ",
                                                     "has 0 to 16, and no call here ended with it"));
    }
  }
  if (query.after.has_value()) {
    const absl::Status status = reader.Call(*query.after).status();
    if (absl::IsNotFound(status)) {
      return absl::InvalidArgumentError(absl::StrCat("--after: there is no call ", TypedId(after, *query.after),
                                                     " here: take an id that `sallyport calls` lists",
                                                     WhyNotThere(reader)));
    }
    if (!status.ok()) return status;
  }
  return CheckSession(reader, query.session_id, "--session", filter.session);
}

absl::Status CheckSession(recorder::RecordReader& reader, std::optional<uint64_t> session, const char* option,
                          const std::string& typed) {
  if (!session.has_value()) return absl::OkStatus();
  recorder::CallQuery query;
  query.session_id = session;
  const absl::StatusOr<bool> any = AnyCall(reader, query);
  if (!any.ok()) return any.status();
  if (*any) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(option, ": no call here is of a session ", TypedId(typed, *session),
                                                 ": take an id that `sallyport sessions` lists", WhyNotThere(reader)));
}

absl::Status TellAboutCalls(recorder::RecordReader& reader, const CallFilter& filter, const recorder::CallQuery& query,
                            const ListedCalls& listed) {
  const std::string typed = Typed(filter);
  const std::string with = typed.empty() ? "" : absl::StrCat(" with ", typed);
  if (listed.more) {
    Note(absl::StrCat(
        "there are more calls", with, " than ", listed.count == 1 ? "this one" : absl::StrCat("these ", listed.count),
        ": ", listed.last == 0 ? "" : absl::StrCat("--after ", recorder::FormatId(listed.last), " lists the next, "),
        "--limit 0 all"));
  } else if (!typed.empty()) {
    Note(absl::StrCat(Counted(listed.count, "call", "calls"), with, "; others are left out"));
  }
  if (listed.count == 0) {
    if (absl::Status status = TellUnknownNames(reader, query); !status.ok()) return status;
  }
  return TellAboutStore(reader, ByName(query));
}

absl::Status TellAboutStore(recorder::RecordReader& reader, bool by_name) {
  const absl::StatusOr<recorder::StoreGaps> gaps = reader.Gaps();
  if (!gaps.ok()) return gaps.status();
  if (const absl::Status health = reader.LogHealth(); !health.ok()) {
    Note(absl::StrCat("calls may be missing here: ", Printable(std::string(health.message())),
                      "; `sallyport verify` says more"));
  } else if (gaps->damaged) {
    Note(
        "calls may be missing here: the log was damaged, shorter than before or without a key when the index was made; "
        "`sallyport verify` says where, and once that is mended `sallyport index rebuild` adds them");
  }
  if (gaps->missing_segments != 0) {
    Note(absl::StrCat(
        "calls are missing here: ", Counted(gaps->missing_segments, "segment of the log is", "segments of the log are"),
        " not there, and retention did not delete ", gaps->missing_segments == 1 ? "it" : "them"));
  }
  if (gaps->shredded_segments != 0 && by_name) {
    Note(absl::StrCat(Counted(gaps->shredded_segments, "segment of the log is", "segments of the log are"),
                      " shredded: calls in them match only where nothing but times is asked for"));
  }
  if (gaps->segments_without_key != 0) {
    Note(absl::StrCat(
        "the key of ", Counted(gaps->segments_without_key, "segment of the log is", "segments of the log are"),
        " missing, though nothing marks ", gaps->segments_without_key == 1 ? "it" : "them", " as shredded: what is in ",
        gaps->segments_without_key == 1 ? "it" : "them", " cannot be read. `sallyport keys status` says which"));
  }
  if (gaps->deleted_segments != 0) {
    Note(absl::StrCat(Counted(gaps->deleted_segments, "segment of the log was", "segments of the log were"),
                      " deleted by retention: the calls in them are not listed"));
  }
  if (gaps->unindexed_calls != 0 && absl::Now() - gaps->unindexed_since > kUsualLag) {
    Note(absl::StrCat("the index is behind the log: ", gaps->more_unindexed ? "at least " : "",
                      Counted(gaps->unindexed_calls, "call that began", "calls that began"), " after ",
                      HumanTime(gaps->unindexed_since),
                      " are not in it yet; the gateway adds them, or this command where it may write and none runs"));
  }
  return absl::OkStatus();
}

}  // namespace sallyport::replay
