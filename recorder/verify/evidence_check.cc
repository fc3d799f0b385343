#include "recorder/verify/evidence_check.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/format/unchecked_checkpoint.h"
#include "recorder/verify/answer_proof.h"
#include "recorder/verify/call_proof.h"
#include "recorder/verify/evidence_parts.h"

namespace sallyport::recorder {
namespace {

// What is written, and what was written before.
constexpr uint32_t kVersion = 2;
constexpr uint32_t kOldestVersion = 1;

}  // namespace

std::string FormatEvidence(const v1::Evidence& evidence) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  // Fails only for messages that hold an Any.
  if (!google::protobuf::util::MessageToJsonString(evidence, &text, options).ok()) text.clear();
  return text;
}

absl::StatusOr<v1::Evidence> ParseEvidence(std::string_view text) {
  v1::Evidence evidence;
  const auto status = google::protobuf::util::JsonStringToMessage({text.data(), text.size()}, &evidence);
  if (!status.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("not evidence: ",
                     View(std::string_view(status.message().data(), std::min<size_t>(status.message().size(), 300)))));
  }
  if (evidence.version() < kOldestVersion || evidence.version() > kVersion) {
    return absl::InvalidArgumentError(
        absl::StrCat("evidence of version ", evidence.version(), ", which this program does not know"));
  }
  return evidence;
}

absl::StatusOr<ProvenEvidence> VerifyEvidence(const v1::Evidence& evidence, const VerifierKey& key) {
  if (evidence.version() < kOldestVersion || evidence.version() > kVersion)
    return Wrong("evidence of a version that this program does not know");
  const absl::StatusOr<UncheckedCheckpoint> note = UncheckedCheckpoint::Parse(evidence.checkpoint());
  if (!note.ok()) return Prefixed("the checkpoint", note.status());
  if (absl::Status status = note->CheckSignature(key); !status.ok()) return Prefixed("the checkpoint", status);
  const Checkpoint& checkpoint = note->checkpoint;
  if (evidence.origin() != checkpoint.origin) return Wrong("the checkpoint is of another log than the evidence");
  if (checkpoint.origin != key.name()) return Wrong("the checkpoint is of another log than the key");
  ProvenEvidence proven;
  proven.origin = checkpoint.origin;
  proven.size = checkpoint.size;
  switch (evidence.about_case()) {
    case v1::Evidence::kCall: {
      absl::StatusOr<ProvenCall> call = CheckCallEvidence(evidence.call(), checkpoint);
      if (!call.ok()) return call.status();
      proven.about = *std::move(call);
      return proven;
    }
    case v1::Evidence::kAnswer: {
      absl::StatusOr<ProvenAnswer> answer = CheckAnswerEvidence(evidence.answer(), checkpoint);
      if (!answer.ok()) return answer.status();
      proven.about = *std::move(answer);
      return proven;
    }
    case v1::Evidence::ABOUT_NOT_SET:
      break;
  }
  return Wrong("the evidence is about nothing");
}

}  // namespace sallyport::recorder
