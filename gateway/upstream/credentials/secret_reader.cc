#include "gateway/upstream/credentials/secret_reader.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/system/command_process.h"

namespace sallyport::gateway {
namespace {

using recorder::SecretText;
using recorder::View;

// A file that was changed so little before it was read may be changed once more without looking it.
constexpr absl::Duration kSettled = absl::Seconds(2);
// How long a file that was looked at is relied on, and how long what it held serves once it cannot be read any more.
constexpr absl::Duration kFileCheck = absl::Seconds(1);
constexpr absl::Duration kFileGrace = absl::Minutes(1);

std::string_view WithoutLineEnd(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

}  // namespace

absl::StatusOr<std::optional<SecretText>> WatchedFile::ReadIfChanged(absl::Time now) {
  if (version_.has_value()) {
    const absl::StatusOr<recorder::FileVersion> version = recorder::FileVersion::Of(path_);
    if (version.ok() && *version == *version_) return std::nullopt;
  }
  absl::StatusOr<recorder::PrivateFile> file =
      recorder::ReadPrivateFile(path_, most_bytes_ + 1, kind_, recorder::Others::kMayRead);
  version_.reset();
  if (!file.ok()) return file.status();
  if (file->text.view().size() > most_bytes_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the ", kind_, " ", path_, " is larger than ", most_bytes_, " bytes"));
  }
  if (absl::FromUnixNanos(file->version.modified_ns) < now - kSettled) version_ = file->version;
  return std::move(file->text);
}

absl::Status CheckMetadataValue(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("is empty");
  if (text.size() > SecretReader::kMostBytes) {
    return absl::InvalidArgumentError(absl::StrCat("is longer than ", SecretReader::kMostBytes, " characters"));
  }
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; })) {
    return absl::InvalidArgumentError("holds characters that metadata cannot carry: it must be printable ASCII");
  }
  if (text.front() == ' ' || text.back() == ' ') return absl::InvalidArgumentError("begins or ends with a space");
  return absl::OkStatus();
}

SecretReader::SecretReader(const SecretOptions& options, SecretUse use, std::string prefix)
    : options_(options), use_(use), prefix_(std::move(prefix)) {
  if (options_.kind == SecretOptions::Kind::kFile) file_.emplace(options_.value, kMostBytes + 2, "secret");
}

absl::Time SecretReader::DueAfter(absl::Time now) const {
  switch (options_.kind) {
    case SecretOptions::Kind::kFile:
      return now + kFileCheck;
    case SecretOptions::Kind::kCommand:
      return now + options_.refresh;
    case SecretOptions::Kind::kEnvironment:
      break;
  }
  return absl::InfiniteFuture();
}

absl::Time SecretReader::ExpiresAfter(absl::Time now) const {
  switch (options_.kind) {
    case SecretOptions::Kind::kFile:
      return now + kFileGrace;
    case SecretOptions::Kind::kCommand:
      return now + 2 * options_.refresh;
    case SecretOptions::Kind::kEnvironment:
      break;
  }
  return absl::InfiniteFuture();
}

std::string SecretReader::Place() const {
  switch (options_.kind) {
    case SecretOptions::Kind::kFile:
      return absl::StrCat("the secret in ", options_.value);
    case SecretOptions::Kind::kEnvironment:
      return absl::StrCat("the secret in the environment variable ", options_.value);
    case SecretOptions::Kind::kCommand:
      break;
  }
  return "the secret from the command";  // which may hold secrets itself
}

absl::StatusOr<SharedSecret> SecretReader::Read(const SharedSecret& current, absl::Time now) {
  if (current == nullptr && file_.has_value()) file_->Forget();
  absl::StatusOr<std::optional<SecretText>> text = ReadSource(now);
  if (!text.ok()) return text.status();
  if (!text->has_value()) return current;
  absl::StatusOr<SharedSecret> read = Finish(*std::move(*text));
  if (!read.ok() && file_.has_value()) file_->Forget();
  if (read.ok() && current != nullptr && (*read)->view() == current->view()) return current;
  return read;
}

absl::StatusOr<std::optional<SecretText>> SecretReader::ReadSource(absl::Time now) {
  if (file_.has_value()) return file_->ReadIfChanged(now);
  if (options_.kind == SecretOptions::Kind::kCommand) {
    absl::StatusOr<SecretText> said = RunCommand();
    if (!said.ok()) return said.status();
    return *std::move(said);
  }
  const char* value = std::getenv(options_.value.c_str());
  if (value == nullptr)
    return absl::NotFoundError(absl::StrCat("the environment variable ", options_.value, " is not set"));
  return SecretText(std::string(value));
}

absl::StatusOr<SecretText> SecretReader::RunCommand() const {
  absl::StatusOr<recorder::CommandOutcome> outcome =
      recorder::RunCommand(options_.value, "", kMostBytes + 2, options_.timeout);
  if (!outcome.ok()) return outcome.status();
  if (outcome->said_too_much) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the command for a secret says more than ", kMostBytes, " bytes on stdout"));
  }
  if (!outcome->status.has_value()) {
    return absl::DeadlineExceededError(absl::StrCat("the command for a secret did not end within ",
                                                    absl::FormatDuration(options_.timeout), " and was killed"));
  }
  if (!outcome->succeeded()) {
    return absl::UnavailableError(absl::StrCat("the command for a secret ", outcome->HowItEnded(),
                                               " (what it said is not shown, since it may be secret: run it by hand)"));
  }
  return std::move(outcome->said);
}

absl::StatusOr<SharedSecret> SecretReader::Finish(SecretText text) const {
  const std::string_view secret = WithoutLineEnd(text.view());
  std::string whole;
  // In one piece, so that growing leaves no part of it behind.
  whole.reserve(prefix_.size() + secret.size());
  whole.append(prefix_).append(secret);
  auto made = std::make_shared<const SecretText>(std::move(whole));
  absl::Status legal;
  if (secret.empty()) {
    legal = absl::InvalidArgumentError("is empty");
  } else if (use_ == SecretUse::kMetadata) {
    legal = CheckMetadataValue(made->view());
  } else if (secret.size() > kMostBytes ||
             std::any_of(secret.begin(), secret.end(), [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; })) {
    legal = absl::InvalidArgumentError("is longer than 8 KiB or holds control characters");
  }
  if (!legal.ok()) return absl::FailedPreconditionError(absl::StrCat(Place(), " ", legal.message()));
  return made;
}

}  // namespace sallyport::gateway
