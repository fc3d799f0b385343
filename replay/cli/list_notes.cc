#include "replay/cli/list_notes.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "recorder/format/call_id.h"
#include "replay/cli/command.h"
#include "replay/cli/terminal_text.h"
#include "replay/view/call_filter.h"
#include "replay/view/names.h"
#include "replay/view/proto_time.h"
#include "replay/view/reading.h"

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
  const std::pair<const char*, const std::string*> options[] = {{"--identity", &filter.identity},
                                                                {"--method", &filter.method},
                                                                {"--upstream", &filter.upstream},
                                                                {"--status", &filter.status},
                                                                {"--session", &filter.session},
                                                                {"--trace", &filter.trace},
                                                                {"--since", &filter.since},
                                                                {"--until", &filter.until},
                                                                {"--min-duration", &filter.min_duration},
                                                                {"--where", &filter.where},
                                                                {"--text", &filter.text},
                                                                {"--correlation", &filter.correlation},
                                                                {"--accessed-by", &filter.accessed_by},
                                                                {"--caller-kind", &filter.caller_kind}};
  std::vector<std::string> typed;
  for (const auto& [name, value] : options) {
    if (!value->empty()) typed.push_back(absl::StrCat(name, " ", CutEnd(Printable(*value), kMostShown)));
  }
  return absl::StrJoin(typed, " ");
}

// Names that no call has are more often mistyped than missed.
absl::Status NoteUnknownNames(CallSource& source, const v1::Filter& wanted) {
  const auto note = [&](const char* option, const std::string& glob, const v1::Filter& alone) {
    if (glob.empty()) return absl::OkStatus();
    const absl::StatusOr<bool> any = AnyCall(source, alone);
    if (!any.ok()) return any.status();
    if (!*any) Note(absl::StrCat("no call here matches ", option, " ", CutEnd(Printable(glob), kMostShown)));
    return absl::OkStatus();
  };
  v1::Filter identity;
  v1::Filter method;
  v1::Filter upstream;
  identity.set_identity(wanted.identity());
  method.set_method(wanted.method());
  upstream.set_upstream(wanted.upstream());
  absl::Status status = note("--identity", wanted.identity(), identity);
  if (status.ok()) status = note("--method", wanted.method(), method);
  if (status.ok()) status = note("--upstream", wanted.upstream(), upstream);
  return status;
}

void NoteDamage(const v1::Gaps& gaps) {
  if (!gaps.log_damage().empty()) {
    Note(absl::StrCat("calls may be missing here: ", Printable(gaps.log_damage()), "; `sallyport verify` says more"));
  } else if (gaps.damaged()) {
    Note(
        "calls may be missing here: the log was damaged, shorter than before or without a key when the index was made; "
        "`sallyport verify` says where, and once that is mended `sallyport index rebuild` adds them");
  }
}

}  // namespace

std::string WhyNotThere(CallSource& source) {
  const absl::StatusOr<v1::Gaps> gaps = source.GetGaps({});
  if (!gaps.ok()) return "";
  std::vector<std::string> reasons;
  if (gaps->deleted_segments() != 0) {
    reasons.push_back(
        absl::StrCat(Counted(gaps->deleted_segments(), "segment was", "segments were"), " deleted by retention"));
  }
  if (gaps->shredded_segments() != 0) {
    reasons.push_back(absl::StrCat(Counted(gaps->shredded_segments(), "segment is", "segments are"), " shredded"));
  }
  if (gaps->segments_without_key() != 0) {
    reasons.push_back(
        absl::StrCat("the key of ", Counted(gaps->segments_without_key(), "segment", "segments"), " is missing"));
  }
  if (gaps->missing_segments() != 0) {
    reasons.push_back(absl::StrCat(Counted(gaps->missing_segments(), "segment is", "segments are"), " missing"));
  }
  if (gaps->damaged()) reasons.push_back("part of the log was damaged when the index was made");
  if (gaps->unindexed_calls() != 0) {
    reasons.push_back(
        absl::StrCat("the index lacks the last ", Counted(gaps->unindexed_calls(), "call", "calls"), " of the log"));
  }
  return reasons.empty() ? "" : absl::StrCat("; it may have been there: ", absl::StrJoin(reasons, ", "));
}

absl::Status CheckKnown(CallSource& source, const v1::SearchCallsRequest& request, const CallFilter& filter,
                        const std::string& after) {
  const v1::Filter& wanted = request.filter();
  if (wanted.has_status_code() && !IsStatusCode(wanted.status_code())) {
    v1::Filter alone;
    alone.set_status_code(wanted.status_code());
    const absl::StatusOr<bool> any = AnyCall(source, alone);
    if (!any.ok()) return any.status();
    if (!*any) {
      return absl::InvalidArgumentError(absl::StrCat("--status: ", wanted.status_code(),
                                                     " is no status of gRPC's, which ",
                                                     "has 0 to 16, and no call here ended with it"));
    }
  }
  if (!request.after().empty()) {
    const uint64_t id = recorder::ParseId(request.after()).value_or(0);
    const absl::Status status = FindSummary(source, id).status();
    if (absl::IsNotFound(status)) {
      return absl::InvalidArgumentError(absl::StrCat("--after: there is no call ", TypedId(after, id),
                                                     " here: take an id that `sallyport calls` lists",
                                                     WhyNotThere(source)));
    }
    if (!status.ok()) return status;
  }
  return CheckSession(source, wanted.session(), "--session", filter.session);
}

absl::Status CheckSession(CallSource& source, const std::string& session, const char* option,
                          const std::string& typed) {
  if (session.empty()) return absl::OkStatus();
  v1::Filter filter;
  filter.set_session(session);
  const absl::StatusOr<bool> any = AnyCall(source, filter);
  if (!any.ok()) return any.status();
  if (*any) return absl::OkStatus();
  const uint64_t id = recorder::ParseId(session).value_or(0);
  return absl::InvalidArgumentError(absl::StrCat(option, ": no call here is of a session ", TypedId(typed, id),
                                                 ": take an id that `sallyport sessions` lists", WhyNotThere(source)));
}

absl::Status NoteWhatCallsLack(CallSource& source, const CallFilter& filter, const v1::Filter& wanted,
                               const ListedCalls& listed) {
  const std::string typed = Typed(filter);
  const std::string with = typed.empty() ? "" : absl::StrCat(" with ", typed);
  if (listed.limited) {
    Note(absl::StrCat("the search ended at ", listed.count == 1 ? "this call" : absl::StrCat("these ", listed.count),
                      with, ": --after ", listed.last, " goes on, --limit 0 looks for all"));
  } else if (listed.more) {
    Note(absl::StrCat(
        "there are more calls", with, " than ", listed.count == 1 ? "this one" : absl::StrCat("these ", listed.count),
        ": ", listed.last.empty() ? "" : absl::StrCat("--after ", listed.last, " lists the next, "), "--limit 0 all"));
  } else if (!typed.empty()) {
    Note(absl::StrCat(Counted(listed.count, "call", "calls"), with, "; others are left out"));
  }
  if (listed.count == 0) {
    if (absl::Status status = NoteUnknownNames(source, wanted); !status.ok()) return status;
  }
  return NoteWhatStoreLacks(source, AsksForMoreThanTimes(wanted));
}

absl::Status NoteWhatStoreLacks(CallSource& source, bool by_name) {
  const absl::StatusOr<v1::Gaps> gaps = source.GetGaps({});
  if (!gaps.ok()) return gaps.status();
  NoteDamage(*gaps);
  if (const uint64_t missing = gaps->missing_segments(); missing != 0) {
    Note(absl::StrCat("calls are missing here: ", Counted(missing, "segment of the log is", "segments of the log are"),
                      " not there, and retention did not delete ", missing == 1 ? "it" : "them"));
  }
  if (gaps->shredded_segments() != 0 && by_name) {
    Note(absl::StrCat(Counted(gaps->shredded_segments(), "segment of the log is", "segments of the log are"),
                      " shredded: calls in them match only where nothing but times is asked for"));
  }
  if (const uint64_t without_key = gaps->segments_without_key(); without_key != 0) {
    Note(absl::StrCat("the key of ", Counted(without_key, "segment of the log is", "segments of the log are"),
                      " missing, though nothing marks ", without_key == 1 ? "it" : "them", " as shredded: what is in ",
                      without_key == 1 ? "it" : "them", " cannot be read. `sallyport keys status` says which"));
  }
  if (gaps->deleted_segments() != 0) {
    Note(absl::StrCat(Counted(gaps->deleted_segments(), "segment of the log was", "segments of the log were"),
                      " deleted by retention: the calls in them are not listed"));
  }
  if (gaps->unindexed_calls() != 0 && absl::Now() - ToTime(gaps->unindexed_since()) > kUsualLag) {
    Note(absl::StrCat("the index is behind the log: ", gaps->more_unindexed() ? "at least " : "",
                      Counted(gaps->unindexed_calls(), "call that began", "calls that began"), " after ",
                      HumanTime(ToTime(gaps->unindexed_since())),
                      " are not in it yet; the gateway adds them, or this command where it may write and none runs"));
  }
  return absl::OkStatus();
}

}  // namespace sallyport::replay
