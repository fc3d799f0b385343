// C2SP signed notes (c2sp.org/signed-note): a text, and who signed it.
#ifndef SALLYPORT_RECORDER_CRYPTO_SIGNED_NOTE_H_
#define SALLYPORT_RECORDER_CRYPTO_SIGNED_NOTE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "recorder/crypto/crypto.h"

namespace sallyport::recorder {

constexpr size_t kMaxNoteSize = 256 << 10;
constexpr size_t kMaxNoteSignatures = 100;

enum class SignatureType : uint8_t {
  kEd25519 = 1,      // over the text
  kCosignature = 4,  // cosignature/v1 of a witness (c2sp.org/tlog-cosignature): Ed25519 over a time and the text
};

// A public key and the name it signs under. Written "name+<8 hex digits of the key id>+<base64 of type and key>". A
// value.
class VerifierKey {
 public:
  // INVALID_ARGUMENT, saying what is wrong, unless it is such a text of one of the two types.
  static absl::StatusOr<VerifierKey> Parse(std::string_view text);
  // `name` must be a key name, `public_key` 32 bytes; INVALID_ARGUMENT otherwise.
  static absl::StatusOr<VerifierKey> Make(std::string_view name, SignatureType type, std::string_view public_key);

  const std::string& name() const { return name_; }
  // The first four bytes, big-endian, of SHA-256(name || 0x0A || type || public key).
  uint32_t id() const { return id_; }
  SignatureType type() const { return type_; }
  const std::string& public_key() const { return public_key_; }
  std::string Text() const;

 private:
  VerifierKey() = default;

  std::string name_;
  uint32_t id_ = 0;
  SignatureType type_ = SignatureType::kEd25519;
  std::string public_key_;
};

// What one signature line says. Not verified.
struct NoteSignature {
  std::string name;
  uint32_t key_id = 0;
  std::string bytes;  // after the key id

  // The line, with its newline.
  std::string Line() const;
};

// A note taken apart. Who signed is only claimed until VerifyNote says so.
struct SignedNote {
  std::string text;  // with its last newline
  std::vector<NoteSignature> signatures;

  // INVALID_ARGUMENT unless it is exactly a signed note, of at most kMaxNoteSize bytes and kMaxNoteSignatures lines.
  static absl::StatusOr<SignedNote> Parse(std::string_view note);
  // What Parse takes apart.
  std::string Format() const;
};

// Signature lines alone, each with its newline, as a witness answers. INVALID_ARGUMENT as above.
absl::StatusOr<std::vector<NoteSignature>> ParseSignatureLines(std::string_view lines);

// A signature that is good.
struct VerifiedSignature {
  size_t key = 0;             // index in the keys given
  size_t line = 0;            // index in the note's signatures
  uint64_t time_seconds = 0;  // of a cosignature: Unix epoch; otherwise 0
};

// The signatures of known keys; lines of others are passed over. INVALID_ARGUMENT if none is of a known key, or one of
// a known key is wrong.
absl::StatusOr<std::vector<VerifiedSignature>> VerifyNote(const SignedNote& note, absl::Span<const VerifierKey> keys);

// Signs a text with type kEd25519. The result has this one signature. INVALID_ARGUMENT if `name` cannot be a key's name
// or `text` not a note's.
absl::StatusOr<SignedNote> SignNote(std::string_view text, std::string_view name, const SigningKey& key);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CRYPTO_SIGNED_NOTE_H_
