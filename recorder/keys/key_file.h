// The files in a store's keys/ directory: each holds one key, wrapped. KEYS.md describes the text.
#ifndef SALLYPORT_RECORDER_KEYS_KEY_FILE_H_
#define SALLYPORT_RECORDER_KEYS_KEY_FILE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "recorder/format/log_format.h"

namespace sallyport::recorder {

// What a key is for: the store, signing checkpoints, or one segment.
struct KeyPurpose {
  enum class Kind { kStore, kSigning, kData };
  Kind kind = Kind::kStore;
  uint64_t segment = 0;  // of a data key

  static KeyPurpose Store() { return {Kind::kStore, 0}; }
  static KeyPurpose Signing() { return {Kind::kSigning, 0}; }
  static KeyPurpose Data(uint64_t segment) { return {Kind::kData, segment}; }
  friend bool operator==(const KeyPurpose&, const KeyPurpose&) = default;
};

// A value.
struct KeyFile {
  // What a file may hold at most.
  static constexpr size_t kMaxSize = size_t{64} << 10;
  // The `kek` of keys that a command wraps.
  static constexpr std::string_view kCommandKek = "exec";

  StoreId store_id = {};
  KeyPurpose purpose;
  KeyId id = {};        // of a data key
  std::string kek;      // the id of the key-encryption key, or kCommandKek
  std::string token;    // with kCommandKek: what the command made of the key that `wrapped` is sealed under
  std::string wrapped;  // nonce || AES-256-GCM of the key

  // What `wrapped` is bound to: all of the text before it.
  std::string BoundText() const;
  std::string Format() const;
  // DATA_LOSS, naming `path`, if the text is not what Format makes.
  static absl::StatusOr<KeyFile> Parse(std::string_view text, std::string_view path);
};

// Reads a key file and checks that it is for this purpose. NOT_FOUND if there is none; DATA_LOSS if it is damaged or
// another.
absl::StatusOr<KeyFile> ReadKeyFile(const std::string& path, KeyPurpose purpose);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_KEYS_KEY_FILE_H_
