// Base64 and decimal numbers, each value in exactly one spelling.
#ifndef SALLYPORT_RECORDER_CRYPTO_STRICT_TEXT_H_
#define SALLYPORT_RECORDER_CRYPTO_STRICT_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "recorder/crypto/crypto.h"

namespace sallyport::recorder {

// RFC 4648 section 4, padded.
std::string Base64(std::string_view bytes);
// Nothing unless `text` is precisely what Base64 makes of some bytes: no white space, padded, no stray bits.
std::optional<std::string> ParseBase64(std::string_view text);
// The same for 32 bytes.
std::optional<Hash> ParseBase64Hash(std::string_view text);

// Decimal, without sign or leading zeros. Nothing if it is not, or does not fit.
std::optional<uint64_t> ParseDecimal(std::string_view text);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_CRYPTO_STRICT_TEXT_H_
