// Opens sealed bodies for the verifier and for evidence, with code of its own.
#ifndef SALLYPORT_RECORDER_VERIFY_BODY_OPENER_H_
#define SALLYPORT_RECORDER_VERIFY_BODY_OPENER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/crypto/crypto.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_secrets.h"
#include "recorder/verify/header_check.h"

namespace sallyport::recorder {

// What is in a sealed body. The entries and salts live as long as it does and is not filled again.
struct OpenedBody {
  std::string plain;
  std::string salt_bytes;
  std::vector<std::string_view> entries;  // serialised sallyport.v1.Entry
  std::vector<std::string_view> salts;    // one for each entry
  std::vector<Hash> leaves;               // of the tree over the entries
};

// The leaf hash of an entry in the tree over its block's entries.
Hash EntryLeaf(std::string_view salt, std::string_view entry);

// Opens the bodies of one segment. Not thread-safe.
class BodyOpener {
 public:
  BodyOpener(const StoreId& store_id, const DataKey& key);
  BodyOpener(const BodyOpener&) = delete;
  BodyOpener& operator=(const BodyOpener&) = delete;
  ~BodyOpener();

  // Opens, decodes and cuts the body into its entries, and checks those against the header's entries root. Returns what
  // was wrong, or nothing.
  std::optional<std::string> Open(std::string_view header, const CheckedBlock& block, std::string_view stored,
                                  OpenedBody& body);

 private:
  struct Zstd;

  std::optional<std::string> Decode(const CheckedBlock& block, OpenedBody& body);

  const StoreId store_id_;
  const KeyId key_id_;
  Aes256Gcm aead_;
  std::unique_ptr<Zstd> zstd_;
  std::string encoded_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_BODY_OPENER_H_
