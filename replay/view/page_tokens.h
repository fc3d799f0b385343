// Page tokens as others than who made them cannot read, change or use them.
#ifndef SALLYPORT_REPLAY_VIEW_PAGE_TOKENS_H_
#define SALLYPORT_REPLAY_VIEW_PAGE_TOKENS_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "recorder/crypto/crypto.h"
#include "recorder/format/store_secrets.h"
#include "replay/view/reader_rights.h"

namespace sallyport::replay {

// Seals the tokens that a source gives out, and opens them again: for the same store, reader, scope and request, that
// is, all of the request but where its page begins and how long it is. Equal tokens of equal requests stay equal.
// Constant; thread-safe.
class PageTokens {
 public:
  // What is longer is no token.
  static constexpr size_t kMostBytes = 512;

  PageTokens(const recorder::StoreSecrets& secrets, const ReaderRights& rights);

  // `request` may have the fields page_token, page_size, after and count. An empty token stays empty.
  std::string Seal(const google::protobuf::Message& request, std::string_view token) const;
  // Of `sealed`, which Seal made for such a request. INVALID_ARGUMENT, naming the field `page_token`, for all else.
  absl::StatusOr<std::string> Open(const google::protobuf::Message& request, std::string_view sealed) const;

 private:
  std::string ContextOf(const google::protobuf::Message& request) const;

  const recorder::SecretKey nonce_key_;
  const recorder::SecretKey sealing_key_;
  const std::string reader_;  // with its scope
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_PAGE_TOKENS_H_
