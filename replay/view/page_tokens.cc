#include "replay/view/page_tokens.h"

#include <algorithm>
#include <memory>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "replay/view/visible_calls.h"

namespace sallyport::replay {
namespace {

using google::protobuf::Message;
using recorder::Aes256Gcm;

// What a token begins with; of the next form another.
constexpr char kForm = 1;

absl::Status NoToken() {
  return absl::InvalidArgumentError(
      "page_token: it is not one that was given to you for this filter and order: begin again without one");
}

void ClearField(const char* name, Message* message) {
  const google::protobuf::FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(name);
  if (field != nullptr) message->GetReflection()->ClearField(message, field);
}

std::string Deterministic(const Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

// The same for the same text and context, so that a nonce is never used for two.
Aes256Gcm::Nonce NonceFor(const recorder::SecretKey& key, const std::string& context, std::string_view token) {
  const recorder::Hash hash =
      recorder::HmacSha256(key.bytes(), absl::StrCat(context.size(), ":", context, std::string(token)));
  Aes256Gcm::Nonce nonce;
  std::copy_n(hash.begin(), nonce.size(), nonce.begin());
  return nonce;
}

}  // namespace

PageTokens::PageTokens(const recorder::StoreSecrets& secrets, const ReaderRights& rights)
    : nonce_key_(secrets.Derive("page tokens: nonces")),
      sealing_key_(secrets.Derive("page tokens: sealing")),
      reader_(TextOf(rights)) {}

std::string PageTokens::ContextOf(const Message& request) const {
  const std::unique_ptr<Message> bare(request.New());
  bare->CopyFrom(request);
  for (const char* field : {"page_token", "page_size", "after", "count"}) ClearField(field, bare.get());
  const std::string text = Deterministic(*bare);
  return absl::StrCat(reader_.size(), ":", reader_, request.GetDescriptor()->full_name(), ":", text);
}

std::string PageTokens::Seal(const Message& request, std::string_view token) const {
  if (token.empty()) return "";
  const std::string context = ContextOf(request);
  const Aes256Gcm::Nonce nonce = NonceFor(nonce_key_, context, token);
  std::string sealed(1, kForm);
  sealed.append(nonce.data(), nonce.size());
  Aes256Gcm(sealing_key_).Seal(nonce, context, token, sealed);
  return absl::WebSafeBase64Escape(sealed);
}

absl::StatusOr<std::string> PageTokens::Open(const Message& request, std::string_view sealed) const {
  if (sealed.empty()) return std::string();
  std::string bytes;
  // A token has one spelling.
  if (sealed.size() > kMostBytes ||
      !absl::WebSafeBase64Unescape(absl::string_view(sealed.data(), sealed.size()), &bytes) ||
      absl::WebSafeBase64Escape(bytes) != sealed) {
    return NoToken();
  }
  Aes256Gcm::Nonce nonce;
  if (bytes.size() < 1 + nonce.size() + Aes256Gcm::kTagSize || bytes[0] != kForm) return NoToken();
  std::copy_n(bytes.begin() + 1, nonce.size(), nonce.begin());
  std::string token;
  const std::string_view rest = std::string_view(bytes).substr(1 + nonce.size());
  if (!Aes256Gcm(sealing_key_).Open(nonce, ContextOf(request), rest, token)) return NoToken();
  return token;
}

}  // namespace sallyport::replay
