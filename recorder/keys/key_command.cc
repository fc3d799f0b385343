#include "recorder/keys/key_command.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"
#include "recorder/system/command_process.h"

namespace sallyport::recorder {
namespace {

// A line of a token with its end, and a little of what need not be there, to tell too much from enough.
constexpr size_t kMaxOutput = KeyCommand::kMaxTokenSize + 63;
constexpr size_t kShownErrors = 200;

// Whether `text` gives away part of `secret`: eight characters in a row.
bool Reveals(std::string_view text, std::string_view secret) {
  constexpr size_t kTelling = 8;
  for (size_t i = 0; i + kTelling <= secret.size(); ++i) {
    if (text.find(secret.substr(i, kTelling)) != std::string_view::npos) return true;
  }
  return false;
}

// Whether a run in `text` is long enough to be a key in base64 or hex, whose value we may not know.
bool MayHoldAKey(std::string_view text) {
  constexpr size_t kShortest = 40;
  size_t run = 0;
  for (char c : text) {
    const bool part =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' || c == '/';
    run = part ? run + 1 : 0;
    if (run >= kShortest) return true;
  }
  return false;
}

// The first line of what the command said on stderr, fit for a log.
std::string Complaint(std::string_view errors, std::string_view said, std::string_view heard) {
  std::string line(errors.substr(0, std::min(errors.find('\n'), kShownErrors)));
  if (line.empty()) return "it said nothing on stderr";
  if (Reveals(errors, said) || Reveals(errors, heard) || MayHoldAKey(errors)) {
    return "what it said on stderr is withheld, since it may hold a key";
  }
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return line;
}

}  // namespace

absl::StatusOr<SecretText> KeyCommand::Exchange(std::string_view operation, std::string_view argument) const {
  const SecretText line(absl::StrCat(View(operation), " ", View(argument), "\n"));
  const absl::StatusOr<CommandOutcome> ran = RunCommand(command_, line.view(), kMaxOutput, timeout_);
  if (!ran.ok()) return ran.status();
  const std::string_view all = ran->said.view();
  if (ran->said_too_much) {
    return absl::InternalError("the key command says more than one line of at most 8 KiB on stdout");
  }
  if (!ran->status.has_value()) {
    return absl::DeadlineExceededError(absl::StrCat("the key command did not end within ",
                                                    absl::FormatDuration(timeout_), " and was killed; ",
                                                    Complaint(ran->complained.view(), all, argument)));
  }
  if (!ran->succeeded()) {
    return absl::UnavailableError(absl::StrCat("the key command ", ran->HowItEnded(), " at `", View(operation),
                                               "`: ", Complaint(ran->complained.view(), all, argument)));
  }
  const size_t end = all.find('\n');
  const std::string_view first = all.substr(0, end);
  if (first.empty() || (end != std::string_view::npos && end + 1 != all.size())) {
    return absl::InternalError(absl::StrCat("the key command has to say exactly one line on stdout at `",
                                            View(operation), "`, not ", first.empty() ? "none" : "several"));
  }
  return SecretText(std::string(first));
}

absl::StatusOr<std::string> KeyCommand::Wrap(const SecretKey& key) const {
  const absl::StatusOr<SecretText> token = Exchange("wrap", ToBase64(key.bytes()).view());
  if (!token.ok()) return token.status();
  const std::string_view text = token->view();
  if (text.size() > kMaxTokenSize ||
      !std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; })) {
    return absl::InternalError("the key command's token is not at most 8192 characters of ASCII without spaces");
  }
  if (Reveals(text, ToBase64(key.bytes()).view())) {
    return absl::InternalError("the key command's token holds the key itself: it does not wrap");
  }
  return std::string(text);
}

absl::StatusOr<SecretKey> KeyCommand::Unwrap(const std::string& token) const {
  const absl::StatusOr<SecretText> text = Exchange("unwrap", token);
  if (!text.ok()) return text.status();
  const std::optional<SecretText> bytes = FromBase64(text->view());
  if (!bytes.has_value() || bytes->view().size() != SecretKey::kSize) {
    return absl::InternalError("the key command's answer to `unwrap` is not the base64 of 32 bytes");
  }
  return SecretKey(bytes->view());
}

}  // namespace sallyport::recorder
