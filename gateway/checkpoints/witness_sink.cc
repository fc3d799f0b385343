#include "gateway/checkpoints/witness_sink.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "recorder/crypto/strict_text.h"

namespace sallyport::gateway {
namespace {

constexpr int kOk = 200;
constexpr int kForbidden = 403;
constexpr int kNotFound = 404;
constexpr int kConflict = 409;
constexpr int kUnprocessable = 422;
constexpr absl::string_view kSizeType = "text/x.tlog.size";
// A witness that several stand-ins of one log talk to may move on between two requests.
constexpr int kMostAttempts = 3;

}  // namespace

WitnessSink::WitnessSink(const std::string& url, recorder::VerifierKey key, std::unique_ptr<HttpClient> client)
    : url_(absl::StrCat(absl::StripSuffix(url, "/"), "/add-checkpoint")),
      key_(std::move(key)),
      name_(absl::StrCat("witness ", key_.name(), " at ", PublicPart(url))),
      client_(std::move(client)) {}

absl::Status WitnessSink::Publish(const recorder::SignedCheckpoint& checkpoint, recorder::CheckpointSource& source) {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    absl::StatusOr<HttpResponse> response = Ask(checkpoint, source);
    if (!response.ok()) return response.status();
    switch (response->status) {
      case kOk:
        if (absl::Status status = KeepAnswer(checkpoint, response->body, source); !status.ok()) return status;
        cosigned_size_ = checkpoint.checkpoint.size;
        return absl::OkStatus();
      case kConflict:
        if (absl::Status status = OnConflict(checkpoint, *response); !status.ok()) return status;
        continue;
      case kNotFound:
      case kForbidden:
        return absl::FailedPreconditionError(absl::StrCat(
            "the witness does not know this log, ", checkpoint.checkpoint.origin,
            ", by its key; its operator has to be given the key (", UnexpectedAnswer(*response).message(), ")"));
      case kUnprocessable:
        return absl::DataLossError(absl::StrCat("the witness says that the log's tree of ", checkpoint.checkpoint.size,
                                                " leaves does not extend the one of ", cosigned_size_,
                                                " that it cosigned (", UnexpectedAnswer(*response).message(), ")"));
      default:
        return UnexpectedAnswer(*response);
    }
  }
  return absl::UnavailableError("the witness keeps naming other sizes");
}

absl::StatusOr<HttpResponse> WitnessSink::Ask(const recorder::SignedCheckpoint& checkpoint,
                                              recorder::CheckpointSource& source) {
  std::string body = absl::StrCat("old ", cosigned_size_, "\n");
  if (cosigned_size_ > 0) {
    absl::StatusOr<std::vector<recorder::Hash>> proof =
        source.ConsistencyProof(cosigned_size_, checkpoint.checkpoint.size);
    if (!proof.ok()) return proof.status();
    for (const recorder::Hash& hash : *proof) absl::StrAppend(&body, recorder::Base64(recorder::AsText(hash)), "\n");
  }
  absl::StrAppend(&body, "\n", checkpoint.note);
  return client_->Send(TextPost(url_, std::move(body)));
}

absl::Status WitnessSink::KeepAnswer(const recorder::SignedCheckpoint& checkpoint, const std::string& lines,
                                     recorder::CheckpointSource& source) const {
  absl::StatusOr<std::vector<recorder::NoteSignature>> signatures = recorder::ParseSignatureLines(lines);
  if (!signatures.ok()) return signatures.status();
  absl::StatusOr<recorder::SignedNote> note = recorder::SignedNote::Parse(checkpoint.note);
  if (!note.ok()) return note.status();
  note->signatures = *std::move(signatures);
  absl::StatusOr<std::vector<recorder::VerifiedSignature>> verified = recorder::VerifyNote(*note, {key_});
  if (!verified.ok()) {
    return absl::UnauthenticatedError(absl::StrCat("the witness's answer is no cosignature by its key ", key_.Text(),
                                                   ": ", verified.status().message()));
  }
  std::vector<recorder::NoteSignature> good;
  for (const recorder::VerifiedSignature& signature : *verified) good.push_back(note->signatures[signature.line]);
  return source.KeepCosignatures(checkpoint, good);
}

absl::Status WitnessSink::OnConflict(const recorder::SignedCheckpoint& checkpoint, const HttpResponse& response) {
  const uint64_t size = checkpoint.checkpoint.size;
  std::string text = response.body;
  if (!text.empty() && text.back() == '\n') text.pop_back();
  const std::optional<uint64_t> at =
      absl::StartsWith(response.content_type, kSizeType) ? recorder::ParseDecimal(text) : std::nullopt;
  if (at.has_value() && *at > size) {
    return absl::DataLossError(absl::StrCat("the witness cosigned a tree of ", *at, " leaves, more than the ", size,
                                            " of this store, which must have been rolled back"));
  }
  if (!at.has_value() || *at == cosigned_size_) {
    if (cosigned_size_ != size) return UnexpectedAnswer(response);
    return absl::DataLossError(
        absl::StrCat("the witness cosigned another tree of ", size, " leaves than this store's"));
  }
  cosigned_size_ = *at;
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
