// Sealed views as a record holds them, opened with a fixed reveal key.
#include <algorithm>
#include <string>

#include "recorder/keys/sealed_view.h"
#include "sallyport/v1/record.pb.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/known_keys.h"

namespace sallyport::recorder {
namespace {

const RevealPrivateKey& TheKey() {
  static const RevealPrivateKey* const key =
      new RevealPrivateKey(*RevealPrivateKey::Parse(kKnownRevealKey, "the known key"));
  return *key;
}

// Bytes from outside, in the place of a view.
void OpenForeign(std::string_view input, const FrameName& frame) {
  v1::SealedView message;
  if (!message.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  SealedView view{message.encapsulated_key(), message.ciphertext(), message.key_id(), message.compressed()};
  for (const bool to_this_key : {false, true}) {
    if (to_this_key) view.key_id = TheKey().public_half().id();
    const absl::StatusOr<std::string> opened = TheKey().Open(view, frame);
    Require(opened.ok() || absl::IsDataLoss(opened.status()) || absl::IsFailedPrecondition(opened.status()),
            "a view that does not open is data loss, or another key's");
    Require(view.key_id == TheKey().public_half().id() || absl::IsFailedPrecondition(opened.status()),
            "a view that names another key is that key's");
  }
}

// A good view, and the same with one bit changed.
void OpenOwn(std::string_view payload, const FrameName& frame, size_t changed) {
  absl::StatusOr<SealedView> view = SealView(TheKey().public_half(), frame, payload);
  Require(view.ok(), "anything can be sealed");
  const absl::StatusOr<std::string> opened = TheKey().Open(*view, frame);
  Require(opened.ok() && *opened == payload, "what was sealed is opened");
  FrameName other = frame;
  ++other.index;
  Require(absl::IsDataLoss(TheKey().Open(*view, other).status()), "a view does not open as another frame's");
  std::string& part = changed % 2 == 0 ? view->ciphertext : view->encapsulated_key;
  const size_t at = changed / 2 % part.size();
  part[at] = static_cast<char>(part[at] ^ 1);
  Require(!TheKey().Open(*view, frame).ok(), "a changed view does not open");
  part.resize(at);
  Require(!TheKey().Open(*view, frame).ok(), "a view that was cut does not open");
}

}  // namespace

void FuzzSealedView(std::string_view input) {
  if (input.size() < 3) return;
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(input[at]); };
  const FrameName frame{77, byte(1) % 3, 0, byte(1) >= 128};
  const bool own = byte(0) % 2 == 1;
  const size_t changed = byte(2);
  input.remove_prefix(3);
  own ? OpenOwn(input, frame, changed) : OpenForeign(input, frame);
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzSealedView)
