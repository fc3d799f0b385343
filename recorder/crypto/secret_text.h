// Text that is overwritten when it is dropped, and the encodings that secrets are kept in.
#ifndef SALLYPORT_RECORDER_CRYPTO_SECRET_TEXT_H_
#define SALLYPORT_RECORDER_CRYPTO_SECRET_TEXT_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "recorder/crypto/crypto.h"

namespace sallyport::recorder {

// Overwrites all that a string holds, what is past its end included, and leaves it empty.
void Wipe(std::string& text);

// Moved, not copied; cannot be printed or formatted.
class SecretText {
 public:
  SecretText() = default;
  // Takes the text over; nothing of it stays behind in `text`.
  explicit SecretText(std::string&& text) {
    text_.swap(text);
    Wipe(text);
  }
  SecretText(SecretText&& other) noexcept { text_.swap(other.text_); }
  SecretText& operator=(SecretText&& other) noexcept {
    text_.swap(other.text_);
    return *this;
  }
  ~SecretText() { Wipe(text_); }

  SecretText Copy() const { return SecretText(std::string(text_)); }
  std::string_view view() const { return text_; }

  template <typename Stream>
  friend Stream& operator<<(Stream& stream, const SecretText&) = delete;

 private:
  std::string text_;
};

// RFC 4648 base64 with padding, in its one canonical form.
SecretText ToBase64(std::string_view bytes);
// Nothing if `text` is not what ToBase64 makes.
std::optional<SecretText> FromBase64(std::string_view text);

// Nothing if `text` is not `size` bytes in lower-case hex.
std::optional<std::string> FromHex(std::string_view text, size_t size);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CRYPTO_SECRET_TEXT_H_
