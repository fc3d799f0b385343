// The original of a frame whose recorded form was masked, sealed to a reveal key: the gateway holds the public half
// alone, so only who holds the private half can open it.
#ifndef SALLYPORT_RECORDER_KEYS_SEALED_VIEW_H_
#define SALLYPORT_RECORDER_KEYS_SEALED_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/crypto/crypto.h"
#include "recorder/format/entry_batch.h"
#include "recorder/system/file.h"

namespace sallyport::recorder {

// The public half, to seal to. A value.
class RevealKey {
 public:
  static constexpr size_t kIdSize = 8;

  // As text: "sallyport-reveal+<16 hex digits of the id>+<base64 of 32 bytes>". INVALID_ARGUMENT if it is not.
  static absl::StatusOr<RevealKey> Parse(std::string_view text);
  // `public_key` must have 32 bytes.
  explicit RevealKey(std::string public_key);

  std::string Format() const;
  // The first bytes of the key's SHA-256.
  const std::string& id() const { return id_; }
  const std::string& public_key() const { return public_key_; }

 private:
  std::string public_key_;
  std::string id_;
};

// INVALID_ARGUMENT if the key is none that can be sealed to.
absl::StatusOr<SealedView> SealView(const RevealKey& key, const FrameName& frame, std::string_view payload);

// The private half.
class RevealPrivateKey {
 public:
  // Makes a key and keeps it in a new file with mode 0600. ALREADY_EXISTS if there is a file by that name.
  static absl::StatusOr<RevealPrivateKey> Create(const std::string& path, FileSystem& files);
  // Errors are those of ReadPrivateFile, and INVALID_ARGUMENT if the file is no reveal key's.
  static absl::StatusOr<RevealPrivateKey> Read(const std::string& path);
  // What such a file holds. `name` is what errors call it; they never show what is in it.
  static absl::StatusOr<RevealPrivateKey> Parse(std::string_view text, std::string_view name);

  const RevealKey& public_half() const { return public_half_; }
  // FAILED_PRECONDITION if the view was sealed to another key; DATA_LOSS if it is damaged or of another frame.
  absl::StatusOr<std::string> Open(const SealedView& view, const FrameName& frame) const;

 private:
  explicit RevealPrivateKey(SecretKey key);

  SecretKey key_;
  RevealKey public_half_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_KEYS_SEALED_VIEW_H_
