#include "tests/gateway/identity/jwt/token_maker.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <cstdlib>
#include <iostream>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

const unsigned char* Bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* Bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

void Must(bool done) {
  if (done) return;
  std::cerr << "OpenSSL would not make what a test needs\n";
  std::abort();
}

const EVP_MD* Digest(const std::string& algorithm) {
  if (algorithm.ends_with("384")) return EVP_sha384();
  if (algorithm.ends_with("512")) return EVP_sha512();
  if (algorithm.ends_with("SHA1")) return EVP_sha1();
  return algorithm == "EdDSA" ? nullptr : EVP_sha256();
}

std::string DigestSign(EVP_PKEY* key, const EVP_MD* digest, std::string_view message, std::optional<int> pss_salt) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* options = nullptr;
  Must(EVP_DigestSignInit(context, &options, digest, nullptr, key) == 1);
  if (pss_salt.has_value()) {
    Must(EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1);
    Must(EVP_PKEY_CTX_set_rsa_pss_saltlen(options, *pss_salt) == 1);
  }
  size_t length = 0;
  Must(EVP_DigestSign(context, nullptr, &length, Bytes(message), message.size()) == 1);
  std::string signature(length, '\0');
  Must(EVP_DigestSign(context, Bytes(signature), &length, Bytes(message), message.size()) == 1);
  signature.resize(length);
  EVP_MD_CTX_free(context);
  return signature;
}

std::string FromDer(const std::string& der, size_t size) {
  const unsigned char* at = Bytes(std::string_view(der));
  ECDSA_SIG* numbers = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
  Must(numbers != nullptr);
  std::string raw(2 * size, '\0');
  Must(BN_bn2binpad(ECDSA_SIG_get0_r(numbers), Bytes(raw), static_cast<int>(size)) > 0);
  Must(BN_bn2binpad(ECDSA_SIG_get0_s(numbers), Bytes(raw) + size, static_cast<int>(size)) > 0);
  ECDSA_SIG_free(numbers);
  return raw;
}

std::string Number(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  Must(EVP_PKEY_get_bn_param(key, name, &number) == 1);
  std::string bytes(static_cast<size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, Bytes(bytes));
  BN_free(number);
  return bytes;
}

EVP_PKEY* Of(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }
size_t CoordinateSize(EVP_PKEY* key) { return static_cast<size_t>(EVP_PKEY_get_bits(key) + 7) / 8; }

}  // namespace

TokenKey TokenKey::Make(const std::string& type) {
  EVP_PKEY* key = nullptr;
  if (type.starts_with("RSA-")) {
    key = EVP_RSA_gen(static_cast<unsigned>(std::stoi(type.substr(4))));
  } else if (type.starts_with("Ed")) {
    key = EVP_PKEY_Q_keygen(nullptr, nullptr, type == "Ed448" ? "ED448" : "ED25519");
  } else {
    key = EVP_EC_gen(type.c_str());
  }
  Must(key != nullptr);
  TokenKey made;
  made.key_ = std::shared_ptr<void>(key, [](void* owned) { EVP_PKEY_free(static_cast<EVP_PKEY*>(owned)); });
  return made;
}

std::string TokenKey::Sign(const std::string& algorithm, std::string_view message) const {
  if (algorithm == "none") return "";
  if (algorithm.starts_with("HS")) return Hmac(PublicPem(), message);
  EVP_PKEY* key = Of(key_);
  if (algorithm.starts_with("PS")) return DigestSign(key, Digest(algorithm), message, RSA_PSS_SALTLEN_DIGEST);
  const std::string signature = DigestSign(key, Digest(algorithm), message, std::nullopt);
  return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC ? FromDer(signature, CoordinateSize(key)) : signature;
}

std::string TokenKey::SignPss(std::string_view message, int salt) const {
  return DigestSign(Of(key_), EVP_sha256(), message, salt);
}

json TokenKey::Jwk(const std::string& id) const {
  EVP_PKEY* key = Of(key_);
  json jwk = {{"kid", id}};
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
      jwk["kty"] = "RSA";
      jwk["n"] = Base64Url(Number(key, OSSL_PKEY_PARAM_RSA_N));
      jwk["e"] = Base64Url(Number(key, OSSL_PKEY_PARAM_RSA_E));
      return jwk;
    case EVP_PKEY_EC: {
      jwk["kty"] = "EC";
      const size_t size = CoordinateSize(key);
      jwk["crv"] = size == 32 ? "P-256" : size == 48 ? "P-384" : "P-521";
      for (const auto& [name, parameter] :
           {std::pair("x", OSSL_PKEY_PARAM_EC_PUB_X), {"y", OSSL_PKEY_PARAM_EC_PUB_Y}}) {
        std::string bytes = Number(key, parameter);
        bytes.insert(0, size - bytes.size(), '\0');
        jwk[name] = Base64Url(bytes);
      }
      return jwk;
    }
    default: {
      jwk["kty"] = "OKP";
      jwk["crv"] = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED448 ? "Ed448" : "Ed25519";
      size_t length = 0;
      Must(EVP_PKEY_get_raw_public_key(key, nullptr, &length) == 1);
      std::string bytes(length, '\0');
      Must(EVP_PKEY_get_raw_public_key(key, Bytes(bytes), &length) == 1);
      jwk["x"] = Base64Url(bytes);
      return jwk;
    }
  }
}

std::string TokenKey::PublicPem() const {
  BIO* memory = BIO_new(BIO_s_mem());
  Must(PEM_write_bio_PUBKEY(memory, Of(key_)) == 1);
  char* data = nullptr;
  const long length = BIO_get_mem_data(memory, &data);
  std::string pem(data, static_cast<size_t>(length));
  BIO_free(memory);
  return pem;
}

std::string Base64Url(std::string_view bytes) {
  return absl::WebSafeBase64Escape(absl::string_view(bytes.data(), bytes.size()));
}

std::string Hmac(const std::string& secret, std::string_view message) {
  std::string out(32, '\0');
  unsigned int length = 0;
  Must(HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), Bytes(message), message.size(), Bytes(out),
            &length) != nullptr);
  return out;
}

std::string ToDer(const std::string& raw) {
  const auto half = static_cast<int>(raw.size() / 2);
  ECDSA_SIG* numbers = ECDSA_SIG_new();
  Must(ECDSA_SIG_set0(numbers, BN_bin2bn(Bytes(std::string_view(raw)), half, nullptr),
                      BN_bin2bn(Bytes(std::string_view(raw)) + half, half, nullptr)) == 1);
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(numbers, &der);
  std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  ECDSA_SIG_free(numbers);
  return text;
}

std::string JwksText(const std::vector<json>& keys) { return json{{"keys", keys}}.dump(); }

std::string UnsignedText(std::string_view header, std::string_view claims) {
  return absl::StrCat(Base64Url(header), ".", Base64Url(claims));
}

std::string Signed(const std::string& signed_part, const std::string& algorithm, const TokenKey& key) {
  return WithSignature(signed_part, key.Sign(algorithm, signed_part));
}

std::string WithSignature(const std::string& signed_part, std::string_view signature) {
  return absl::StrCat(signed_part, ".", Base64Url(signature));
}

json Header(const std::string& algorithm, const std::string& id) {
  return {{"alg", algorithm}, {"kid", id}, {"typ", "at+jwt"}};
}

json Claims(absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  return {{"iss", kIssuer},       {"sub", "ada"}, {"aud", kAudience},        {"iat", seconds - 10},
          {"exp", seconds + 290}, {"jti", "t-1"}, {"groups", {"dev", "ops"}}};
}

}  // namespace sallyport::gateway
