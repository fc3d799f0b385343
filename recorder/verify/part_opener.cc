#include "recorder/verify/part_opener.h"

#include <zstd.h>

#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"

namespace sallyport::recorder {

std::optional<std::string> OpenPart(const v1::PayloadPart& part, std::string_view stored, std::string& payload) {
  payload.clear();
  const Hash hash = Sha256({stored});
  if (part.sha256() != AsText(hash)) return "the part is not the one that the entry names";
  if (part.length() > kMaxBodySize) return "a payload is longer than 2^30 bytes";
  if (part.key().empty()) return std::nullopt;
  if (part.key().size() != SecretKey::kSize) return "the key of a part has not 32 bytes";
  std::string encoded;
  if (!Aes256Gcm(SecretKey(part.key())).Open({}, {}, stored, encoded)) return "the part does not open with its key";
  if (!part.compressed()) {
    payload.swap(encoded);
  } else {
    if (ZSTD_findFrameCompressedSize(encoded.data(), encoded.size()) != encoded.size()) {
      return "what is sealed in a part is not one zstd frame";
    }
    payload.resize(part.length());
    const size_t size = ZSTD_decompress(payload.data(), payload.size(), encoded.data(), encoded.size());
    if (ZSTD_isError(size) != 0) return "what is sealed in a part cannot be decompressed";
    payload.resize(size);
  }
  if (payload.size() != part.length()) return "the payload in a part is not as long as the entry says";
  return std::nullopt;
}

}  // namespace sallyport::recorder
