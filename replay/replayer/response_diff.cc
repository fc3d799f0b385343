#include "replay/replayer/response_diff.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "protos/message_encoding.h"
#include "replay/view/names.h"
#include "replay/view/status_details.h"

namespace sallyport::replay {
namespace {

std::string ValuesText(size_t count) { return absl::StrCat(count, count == 1 ? " value" : " values"); }

constexpr size_t kMostInflated = size_t{256} << 20;
constexpr size_t kMostMissingFrames = 3;
constexpr size_t kMostDetails = 2000;  // bytes shown of status details

using Values = std::vector<std::string>;

struct RecordedValues {
  Values values;
  bool fingerprint = false;  // what was there is not known
};

std::string ValueText(const std::string& name, const std::string& value,
                      const std::shared_ptr<const policy::Descriptors>& descriptors) {
  if (name == "grpc-status-details-bin") {
    const absl::StatusOr<std::string> json = StatusDetailsJson(descriptors, value, policy::JsonStyle::kOneLine);
    if (json.ok()) return SafeText(*json, kMostDetails);
  }
  if (absl::EndsWith(name, "-bin")) return SafeText(absl::Base64Escape(value));
  return absl::StrCat("\"", SafeText(value), "\"");
}

std::string ValuesText(const std::string& name, const Values& values,
                       const std::shared_ptr<const policy::Descriptors>& descriptors) {
  if (values.empty()) return "none";
  std::string text;
  for (const std::string& value : values) {
    absl::StrAppend(&text, text.empty() ? "" : ", ", ValueText(name, value, descriptors));
  }
  return text;
}

// Compares one call. Lives for one call of CompareResponses.
class Comparison {
 public:
  Comparison(const RecordedCall& record, const ReplayedResponse& response,
             const std::shared_ptr<const policy::Descriptors>& descriptors, const ComparisonOptions& options)
      : record_(record), response_(response), descriptors_(descriptors), options_(options) {
    context_.method = record.start.method();
    context_.side = policy::MessageSide::kResponse;
    context_.descriptors = descriptors.get();
    context_.ignored_fields = options.ignored_fields;
  }

  std::vector<Difference> Run() {
    CompareStatus();
    if (record_.response_headers.has_value() || response_.headers_came) {
      CompareMetadata("header", record_.response_headers.value_or(v1::ResponseHeaders()).metadata(), response_.headers);
    }
    CompareFrames();
    if (!SameLocalEnd()) CompareMetadata("trailer", record_.end.trailers(), response_.trailers);
    return std::move(differences_);
  }

 private:
  void Add(std::string where, std::string recorded, std::string replayed) {
    differences_.push_back({std::move(where), std::move(recorded), std::move(replayed)});
  }

  // The end was not the upstream's doing: only its code can be expected again, and the frames so far.
  bool EndedLocally() const {
    switch (record_.end.reason()) {
      case v1::END_REASON_CANCELLED:
      case v1::END_REASON_DEADLINE:
      case v1::END_REASON_UPSTREAM_FAILURE:
        return true;
      default:
        return false;
    }
  }
  bool SameLocalEnd() const { return EndedLocally() && record_.end.status_code() == response_.status_code; }

  void CompareStatus() {
    if (record_.end.status_code() != response_.status_code) {
      Add("status", StatusName(record_.end.status_code()), StatusName(response_.status_code));
    }
    if (!SameLocalEnd() && record_.end.status_message() != response_.status_message) {
      Add("status message", absl::StrCat("\"", SafeText(record_.end.status_message()), "\""),
          absl::StrCat("\"", SafeText(response_.status_message), "\""));
    }
    if (options_.strict && !EndedLocally() && record_.end.trailers_only() == response_.headers_came) {
      Add("response headers", record_.end.trailers_only() ? "none" : "sent", response_.headers_came ? "sent" : "none");
    }
  }

  bool Ignored(const std::string& name) const {
    const auto matches = [&](const std::string& pattern) { return policy::GlobMatches(pattern, name); };
    const auto any = [&](const std::vector<std::string>& patterns) {
      return std::any_of(patterns.begin(), patterns.end(), matches);
    };
    return any(options_.ignored_metadata) || (!options_.strict && any(VolatileMetadata()));
  }

  template <typename Recorded>
  void CompareMetadata(const std::string& kind, const Recorded& recorded, const std::vector<MetadataPair>& replayed) {
    std::map<std::string, std::pair<RecordedValues, Values>> names;
    for (const v1::Metadatum& metadatum : recorded) {
      RecordedValues& values = names[metadatum.key()].first;
      values.values.push_back(metadatum.value());
      values.fingerprint = values.fingerprint || metadatum.fingerprint();
    }
    for (const MetadataPair& pair : replayed) names[pair.name].second.push_back(pair.value);
    for (const auto& [name, both] : names) {
      const auto& [before, now] = both;
      if (Ignored(name)) continue;
      if (before.fingerprint) {
        // Which value it was is not known, only how many there were.
        if (before.values.size() != now.size()) {
          Add(absl::StrCat(kind, " ", SafeText(name)), absl::StrCat(ValuesText(before.values.size()), ", a credential"),
              ValuesText(now.size()));
        }
      } else if (before.values != now) {
        Add(absl::StrCat(kind, " ", SafeText(name)), ValuesText(name, before.values, descriptors_),
            ValuesText(name, now, descriptors_));
      }
    }
  }

  void CompareFrames() {
    const size_t recorded = record_.response_frames.size();
    const size_t both = std::min<size_t>(recorded, response_.frames.size());
    for (size_t i = 0; i < both; ++i) CompareFrame(i);
    const bool more_is_chance = EndedLocally() && response_.frame_count > recorded;
    if (response_.frame_count == recorded || more_is_chance) return;
    Add("number of frames", absl::StrCat(recorded), absl::StrCat(response_.frame_count));
    for (size_t i = both; i < recorded && i < both + kMostMissingFrames; ++i) {
      Add(Where(i), Text(record_.response_frames[i], RecordedEncoding()), "none");
    }
    for (size_t i = both; i < response_.frames.size() && i < both + kMostMissingFrames; ++i) {
      Add(Where(i), "none", Text(response_.frames[i], response_.encoding));
    }
  }

  static std::string Where(size_t frame) { return absl::StrCat("frame ", frame); }

  // Unknown encodings have no value.
  std::optional<MessageEncoding> RecordedEncoding() const {
    if (!record_.response_headers.has_value()) return MessageEncoding::kIdentity;
    return ParseMessageEncoding(record_.response_headers->encoding());
  }

  static absl::StatusOr<std::string> Content(const CallFrame& frame, std::optional<MessageEncoding> encoding) {
    if (!frame.compressed) return frame.payload;
    if (!encoding.has_value() || *encoding == MessageEncoding::kIdentity) {
      return absl::InvalidArgumentError(
          absl::StrCat(frame.payload.size(), " bytes, compressed in a way that is not known here"));
    }
    return Inflate(*encoding, frame.payload, kMostInflated);
  }

  void CompareFrame(size_t i) {
    const CallFrame& recorded = record_.response_frames[i];
    const CallFrame& replayed = response_.frames[i];
    context_.where = Where(i);
    if (recorded.masked) return;  // what was hidden is not there to be compared
    if (recorded.payload == replayed.payload && recorded.compressed == replayed.compressed) return;
    const absl::StatusOr<std::string> left = Content(recorded, RecordedEncoding());
    const absl::StatusOr<std::string> right = Content(replayed, response_.encoding);
    if (!left.ok() || !right.ok()) {
      const auto state = [](const absl::StatusOr<std::string>& content) {
        return content.ok() ? absl::StrCat(content->size(), " bytes") : std::string(content.status().message());
      };
      Add(context_.where, state(left), state(right));
      return;
    }
    std::vector<Difference> found = CompareMessages(context_, *left, *right);
    differences_.insert(differences_.end(), std::make_move_iterator(found.begin()),
                        std::make_move_iterator(found.end()));
  }

  std::string Text(const CallFrame& frame, std::optional<MessageEncoding> encoding) {
    const absl::StatusOr<std::string> content = Content(frame, encoding);
    return content.ok() ? MessageText(context_, *content) : std::string(content.status().message());
  }

  const RecordedCall& record_;
  const ReplayedResponse& response_;
  const std::shared_ptr<const policy::Descriptors>& descriptors_;
  const ComparisonOptions& options_;
  MessageContext context_;
  std::vector<Difference> differences_;
};

}  // namespace

const std::vector<std::string>& VolatileMetadata() {
  static const auto* const kNames = new std::vector<std::string>{"date",
                                                                 "server",
                                                                 "server-timing",
                                                                 "age",
                                                                 "via",
                                                                 "traceparent",
                                                                 "tracestate",
                                                                 "b3",
                                                                 "x-b3-*",
                                                                 "x-request-id",
                                                                 "x-correlation-id",
                                                                 "x-trace-id",
                                                                 "x-envoy-*",
                                                                 "x-cloud-trace-context",
                                                                 "x-amzn-trace-id",
                                                                 "grpc-accept-encoding",
                                                                 "accept-encoding"};
  return *kNames;
}

std::vector<Difference> CompareResponses(const RecordedCall& record, const ReplayedResponse& response,
                                         const std::shared_ptr<const policy::Descriptors>& descriptors,
                                         const ComparisonOptions& options) {
  return Comparison(record, response, descriptors, options).Run();
}

}  // namespace sallyport::replay
