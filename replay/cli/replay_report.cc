#include "replay/cli/replay_report.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "protos/message_encoding.h"
#include "recorder/format/call_id.h"
#include "replay/cli/record_json.h"
#include "replay/view/names.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMostInflated = size_t{64} << 20;

std::string MethodOf(const RecordedCall& record) { return SafeText(MethodName(record.start.method())); }

std::string ValueText(const std::string& name, const std::string& value) {
  return SafeText(absl::EndsWith(name, "-bin") ? absl::Base64Escape(value) : value);
}

// A request frame for one line.
std::string FrameText(const RecordedCall& record, const CallFrame& frame, const policy::Descriptors* descriptors) {
  MessageContext context;
  context.method = record.start.method();
  context.side = policy::MessageSide::kRequest;
  context.descriptors = descriptors;
  if (!frame.compressed) return MessageText(context, frame.payload);
  const std::optional<MessageEncoding> encoding = ParseMessageEncoding(record.start.encoding());
  absl::StatusOr<std::string> content =
      Inflate(encoding.value_or(MessageEncoding::kIdentity), frame.payload, kMostInflated);
  return absl::StrCat(MessageText(context, content.ok() ? *content : frame.payload), " (compressed)");
}

// What is done at a step, as a sentence; for the end, what is expected of it.
std::string StepText(const RecordedCall& record, const Step& step, const policy::Descriptors* descriptors) {
  switch (step.kind) {
    case StepKind::kRequestFrame:
      return absl::StrCat("send frame ", step.frame, ": ",
                          FrameText(record, record.request_frames[step.frame], descriptors));
    case StepKind::kHalfClose:
      return "half-close";
    case StepKind::kResponseHeaders:
      return "await the response headers";
    case StepKind::kResponseFrame:
      return absl::StrCat("await response frame ", step.frame);
    case StepKind::kEnd:
      break;
  }
  if (record.end.reason() == v1::END_REASON_CANCELLED) return "cancel, as the caller did";
  return absl::StrCat("await the end, expected ", StatusName(record.end.status_code()));
}

void WriteJson(std::ostream& out, const Json& json) {
  out << json.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  out.flush();
}

Json PlanJson(const RecordedCall& record, const OutgoingMetadata& metadata, const policy::Descriptors* descriptors) {
  Json sent = Json::array();
  for (const MetadataPair& pair : metadata.sent) {
    sent.push_back({{"name", pair.name}, {"value", ValueText(pair.name, pair.value)}});
  }
  Json left_out = Json::array();
  for (const MetadataLeftOut& pair : metadata.left_out) {
    left_out.push_back({{"name", SafeText(pair.name)}, {"reason", pair.reason}});
  }
  Json steps = Json::array();
  for (const Step& step : record.steps) {
    steps.push_back({{"after_ms", static_cast<double>(step.time_ns - record.start_ns) / 1e6},
                     {"step", StepText(record, step, descriptors)}});
  }
  Json json = {{"call", recorder::FormatId(record.id)},
               {"method", MethodOf(record)},
               {"result", "planned"},
               {"authority", SafeText(record.start.authority())},
               {"metadata", sent},
               {"left_out", left_out},
               {"steps", steps}};
  if (record.start.has_timeout_ns()) json["timeout_ms"] = static_cast<double>(record.start.timeout_ns()) / 1e6;
  if (!record.start.encoding().empty()) json["encoding"] = record.start.encoding();
  return json;
}

void WritePlan(std::ostream& out, const RecordedCall& record, const OutgoingMetadata& metadata,
               const policy::Descriptors* descriptors) {
  out << recorder::FormatId(record.id) << "  " << MethodOf(record) << '\n';
  out << "    authority  " << SafeText(record.start.authority()) << '\n';
  if (record.start.has_timeout_ns()) {
    out << "    timeout    " << absl::FormatDuration(absl::Nanoseconds(record.start.timeout_ns())) << '\n';
  }
  if (!record.start.encoding().empty()) out << "    encoding   " << SafeText(record.start.encoding()) << '\n';
  for (const MetadataPair& pair : metadata.sent) {
    out << "    metadata   " << pair.name << ": " << ValueText(pair.name, pair.value) << '\n';
  }
  for (const MetadataLeftOut& pair : metadata.left_out) {
    out << "    left out   " << SafeText(pair.name) << " (" << pair.reason << ")\n";
  }
  for (const Step& step : record.steps) {
    const absl::Duration after = absl::Nanoseconds(step.time_ns - record.start_ns);
    out << "    +" << absl::FormatDuration(absl::Trunc(after, absl::Microseconds(1))) << "  "
        << StepText(record, step, descriptors) << '\n';
  }
}

}  // namespace

void ReplayReport::Replayed(const RecordedCall& record, const ReplayedResponse& response,
                            const std::vector<Difference>& differences) {
  const bool equal = differences.empty();
  ++(equal ? equal_ : different_);
  HideProgress();
  if (style_ == ReportStyle::kJsonLines) {
    Json list = Json::array();
    for (const Difference& difference : differences) {
      list.push_back(
          {{"where", difference.where}, {"recorded", difference.recorded}, {"replayed", difference.replayed}});
    }
    WriteJson(out_, {{"call", recorder::FormatId(record.id)},
                     {"method", MethodOf(record)},
                     {"result", equal ? "equal" : "different"},
                     {"recorded_status", StatusName(record.end.status_code())},
                     {"replayed_status", StatusName(response.status_code)},
                     {"recorded_ms", static_cast<double>(record.end.duration_ns()) / 1e6},
                     {"replayed_ms", absl::ToDoubleMilliseconds(response.duration)},
                     {"differences", list},
                     {"notes", response.notes}});
  } else {
    out_ << (equal ? "equal      " : "DIFFERENT  ") << recorder::FormatId(record.id) << "  " << MethodOf(record) << "  "
         << StatusName(response.status_code) << "  "
         << absl::FormatDuration(absl::Trunc(response.duration, absl::Microseconds(10))) << '\n';
    for (const Difference& difference : differences) {
      out_ << "    " << difference.where << "\n      recorded  " << difference.recorded << "\n      replayed  "
           << difference.replayed << '\n';
    }
    for (const std::string& note : response.notes) out_ << "    note: " << note << '\n';
    out_.flush();
  }
  ShowProgress();
}

void ReplayReport::LeftOut(uint64_t id, const absl::Status& why) {
  ++left_out_;
  HideProgress();
  const std::string reason(why.message());
  if (style_ == ReportStyle::kJsonLines) {
    WriteJson(out_, {{"call", recorder::FormatId(id)}, {"result", "not_replayed"}, {"reason", reason}});
  } else {
    out_ << "left out   " << reason << std::endl;
  }
  ShowProgress();
}

void ReplayReport::BrokenOff(const std::set<uint64_t>& ids, const absl::Status& why) {
  broken_off_ = ids.size();
  HideProgress();
  if (style_ != ReportStyle::kJsonLines) return;
  const std::string reason = absl::StrCat("the replay was broken off: ", why.message());
  for (const uint64_t id : ids) {
    WriteJson(out_, {{"call", recorder::FormatId(id)}, {"result", "not_replayed"}, {"reason", reason}});
  }
}

void ReplayReport::Plan(const RecordedCall& record, const OutgoingMetadata& metadata,
                        const policy::Descriptors* descriptors) {
  if (style_ == ReportStyle::kJsonLines) {
    WriteJson(out_, PlanJson(record, metadata, descriptors));
  } else {
    WritePlan(out_, record, metadata, descriptors);
  }
}

void ReplayReport::Summary(const std::string& target) {
  HideProgress();
  if (style_ != ReportStyle::kText) return;
  const uint64_t replayed = equal_ + different_;
  out_ << replayed << (replayed == 1 ? " call" : " calls") << " replayed against " << target << ": " << equal_
       << " equal, " << different_ << " different";
  if (left_out_ > 0) out_ << "; " << left_out_ << " left out";
  if (broken_off_ > 0) {
    out_ << "; BROKEN OFF, " << broken_off_ << (broken_off_ == 1 ? " call was" : " calls were") << " left out";
  }
  out_ << std::endl;
}

void ReplayReport::ShowProgress() {
  if (progress_ == nullptr || expected_ < 2) return;
  *progress_ << equal_ + different_ + left_out_ << " of " << expected_ << " calls, " << different_ << " different"
             << std::flush;
}

void ReplayReport::HideProgress() {
  if (progress_ != nullptr) *progress_ << "\r\033[K" << std::flush;
}

}  // namespace sallyport::replay
