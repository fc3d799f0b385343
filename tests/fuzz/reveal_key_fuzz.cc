// Reveal keys: the public half as people paste it, and the file with the private half.
#include <string>

#include "absl/strings/str_split.h"
#include "recorder/crypto/text.h"
#include "recorder/keys/sealed_view.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzRevealKey(std::string_view input) {
  if (const absl::StatusOr<RevealKey> key = RevealKey::Parse(input); key.ok()) {
    Require(key->Format() == input, "a public half has one spelling");
    // Some 32 bytes are no key that can be sealed to; to all others it can.
    const absl::StatusOr<SealedView> view = SealView(*key, FrameName(), "original");
    Require(view.ok() || absl::IsInvalidArgument(view.status()), "a bad public half is an invalid argument");
  }
  const absl::StatusOr<RevealPrivateKey> key = RevealPrivateKey::Parse(input, "a file");
  if (!key.ok()) {
    Require(absl::IsInvalidArgument(key.status()), "a bad reveal key is an invalid argument");
    for (absl::string_view word : absl::StrSplit(View(input), absl::ByAnyChar(" \n"), absl::SkipEmpty())) {
      Require(word.size() < 20 || std::string(key.status().message()).find(std::string(word)) == std::string::npos,
              "no error shows what is in a reveal key's file");
    }
    return;
  }
  const absl::StatusOr<RevealKey> half = RevealKey::Parse(key->public_half().Format());
  Require(half.ok() && half->id() == key->public_half().id(), "the public half of a private one is one");
  const FrameName frame{7, 1, 2, false};
  const absl::StatusOr<SealedView> view = SealView(*half, frame, "original");
  Require(view.ok(), "a private key's public half can be sealed to");
  const absl::StatusOr<std::string> opened = key->Open(*view, frame);
  Require(opened.ok() && *opened == "original", "what is sealed to a key is opened by it");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzRevealKey)
