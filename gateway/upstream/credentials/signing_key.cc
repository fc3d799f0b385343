#include "gateway/upstream/credentials/signing_key.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "recorder/crypto/crypto.h"
#include "recorder/crypto/text.h"

namespace sallyport::gateway {
namespace {

using recorder::View;

constexpr size_t kCoordinate = 32;  // bytes of a P-256 coordinate, and of half a signature

template <auto Free>
struct Freer {
  template <typename Value>
  void operator()(Value* value) const {
    Free(value);
  }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;
using ContextPointer = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using BioPointer = std::unique_ptr<BIO, Freer<BIO_free>>;
using SignaturePointer = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;

enum class Kind { kEd25519, kP256, kOther };

Kind KindOf(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return Kind::kEd25519;
  char group[64] = {};
  size_t size = 0;
  if (EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group, sizeof(group), &size) == 1 &&
      std::string_view(group, size) == "prime256v1") {
    return Kind::kP256;
  }
  return Kind::kOther;
}

// Never asks for a password.
int NoPassword(char*, int, int, void*) { return -1; }

BioPointer Reading(std::string_view text) {
  return BioPointer(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string Encoded(std::string_view bytes) { return absl::WebSafeBase64Escape(View(bytes)); }

// A coordinate of the public point, with its leading zeros; empty if OpenSSL has none.
std::string Coordinate(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return "";
  std::string bytes(kCoordinate, '\0');
  const int size = BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), kCoordinate);
  BN_free(number);
  return size == kCoordinate ? bytes : "";
}

absl::StatusOr<PublishedKey> Publish(const EVP_PKEY* key) {
  PublishedKey published;
  std::string required;  // members in the order of their names (RFC 7638, 3.2)
  switch (KindOf(key)) {
    case Kind::kEd25519: {
      std::array<unsigned char, 32> bytes = {};
      size_t size = bytes.size();
      if (EVP_PKEY_get_raw_public_key(key, bytes.data(), &size) != 1) break;
      required = absl::StrCat(R"("crv":"Ed25519","kty":"OKP","x":")",
                              Encoded({reinterpret_cast<const char*>(bytes.data()), size}), "\"");
      published.algorithm = "EdDSA";
      break;
    }
    case Kind::kP256: {
      const std::string x = Coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X);
      const std::string y = Coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y);
      if (x.empty() || y.empty()) break;
      required = absl::StrCat(R"("crv":"P-256","kty":"EC","x":")", Encoded(x), R"(","y":")", Encoded(y), "\"");
      published.algorithm = "ES256";
      break;
    }
    case Kind::kOther:
      break;
  }
  if (required.empty()) {
    return absl::InvalidArgumentError("is a key of another kind: take an Ed25519 or a P-256 key");
  }
  published.id = Encoded(recorder::AsText(recorder::Sha256({"{", required, "}"})));
  published.jwk =
      absl::StrCat("{", required, R"(,"use":"sig","alg":")", published.algorithm, R"(","kid":")", published.id, "\"}");
  return published;
}

// r and s side by side (RFC 7518, 3.4) from the DER that OpenSSL makes.
std::string SideBySide(std::string_view der) {
  const auto* begin = reinterpret_cast<const unsigned char*>(der.data());
  const SignaturePointer signature(d2i_ECDSA_SIG(nullptr, &begin, static_cast<long>(der.size())));
  if (signature == nullptr) return "";
  std::string both(2 * kCoordinate, '\0');
  auto* out = reinterpret_cast<unsigned char*>(both.data());
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, kCoordinate) != kCoordinate ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + kCoordinate, kCoordinate) != kCoordinate) {
    return "";
  }
  return both;
}

}  // namespace

struct JwtSigningKey::Key {
  KeyPointer key;
  Kind kind = Kind::kOther;
};

JwtSigningKey::JwtSigningKey(std::unique_ptr<Key> key, PublishedKey published)
    : key_(std::move(key)),
      published_(std::move(published)),
      header_(Encoded(
          absl::StrCat(R"({"alg":")", published_.algorithm, R"(","typ":"JWT","kid":")", published_.id, "\"}"))) {}

JwtSigningKey::~JwtSigningKey() = default;

absl::StatusOr<std::shared_ptr<const JwtSigningKey>> JwtSigningKey::FromPem(std::string_view pem) {
  const BioPointer bio = Reading(pem);
  auto key = std::make_unique<Key>();
  key->key.reset(bio == nullptr ? nullptr : PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassword, nullptr));
  if (key->key == nullptr) {
    return absl::InvalidArgumentError("is no private key in PEM without a password (openssl genpkey makes one)");
  }
  absl::StatusOr<PublishedKey> published = Publish(key->key.get());
  if (!published.ok()) return published.status();
  key->kind = KindOf(key->key.get());
  return std::shared_ptr<const JwtSigningKey>(new JwtSigningKey(std::move(key), *std::move(published)));
}

absl::StatusOr<std::string> JwtSigningKey::Sign(std::string_view claims) const {
  std::string token = absl::StrCat(header_, ".", Encoded(claims));
  const ContextPointer context(EVP_MD_CTX_new());
  std::array<unsigned char, 128> bytes = {};
  size_t size = bytes.size();
  const EVP_MD* digest = key_->kind == Kind::kP256 ? EVP_sha256() : nullptr;
  if (context == nullptr || EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_->key.get()) != 1 ||
      EVP_DigestSign(context.get(), bytes.data(), &size, reinterpret_cast<const unsigned char*>(token.data()),
                     token.size()) != 1) {
    return absl::InternalError("OpenSSL could not sign a token");
  }
  std::string signature(reinterpret_cast<const char*>(bytes.data()), size);
  if (key_->kind == Kind::kP256) signature = SideBySide(signature);
  if (signature.size() != 2 * kCoordinate) return absl::InternalError("OpenSSL made a signature of another size");
  absl::StrAppend(&token, ".", Encoded(signature));
  return token;
}

absl::StatusOr<PublishedKey> PublishedKeyFromPem(std::string_view pem) {
  const BioPointer bio = Reading(pem);
  const KeyPointer key(bio == nullptr ? nullptr : PEM_read_bio_PUBKEY(bio.get(), nullptr, NoPassword, nullptr));
  if (key == nullptr) {
    return absl::InvalidArgumentError("is no public key in PEM (openssl pkey -pubout makes one of a private key)");
  }
  return Publish(key.get());
}

}  // namespace sallyport::gateway
