#include "gateway/identity/jwt/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include <array>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

enum class Family { kRsaPkcs1, kRsaPss, kEcdsa, kEdwards };

struct AlgorithmFacts {
  const char* name;
  Family family;
  const EVP_MD* (*digest)();
  std::optional<Curve> curve;  // of ECDSA
};
constexpr std::array<AlgorithmFacts, 10> kAlgorithms = {{
    {"RS256", Family::kRsaPkcs1, &EVP_sha256, {}},
    {"RS384", Family::kRsaPkcs1, &EVP_sha384, {}},
    {"RS512", Family::kRsaPkcs1, &EVP_sha512, {}},
    {"PS256", Family::kRsaPss, &EVP_sha256, {}},
    {"PS384", Family::kRsaPss, &EVP_sha384, {}},
    {"PS512", Family::kRsaPss, &EVP_sha512, {}},
    {"ES256", Family::kEcdsa, &EVP_sha256, Curve::kP256},
    {"ES384", Family::kEcdsa, &EVP_sha384, Curve::kP384},
    {"ES512", Family::kEcdsa, &EVP_sha512, Curve::kP521},
    {"EdDSA", Family::kEdwards, nullptr, {}},
}};
const AlgorithmFacts& FactsOf(SignatureAlgorithm algorithm) { return kAlgorithms[static_cast<size_t>(algorithm)]; }

struct CurveFacts {
  const char* name;   // in JOSE
  const char* group;  // in OpenSSL
  size_t size;        // of a coordinate, or of an Edwards key
};
constexpr std::array<CurveFacts, 5> kCurves = {{
    {"P-256", "prime256v1", 32},
    {"P-384", "secp384r1", 48},
    {"P-521", "secp521r1", 66},
    {"Ed25519", "ED25519", 32},
    {"Ed448", "ED448", 57},
}};
const CurveFacts& FactsOf(Curve curve) { return kCurves[static_cast<size_t>(curve)]; }
bool IsEdwards(Curve curve) { return curve == Curve::kEd25519 || curve == Curve::kEd448; }

constexpr int kLeastModulusBits = 2048;
constexpr int kMostModulusBits = 8192;
constexpr uint64_t kLeastExponent = 65537;
constexpr size_t kMostExponentBytes = 4;

const unsigned char* Unsigned(std::string_view bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

struct Free {
  void operator()(BIGNUM* number) const { BN_free(number); }
  void operator()(ECDSA_SIG* signature) const { ECDSA_SIG_free(signature); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(OSSL_PARAM* parameters) const { OSSL_PARAM_free(parameters); }
  void operator()(OSSL_PARAM_BLD* builder) const { OSSL_PARAM_BLD_free(builder); }
};
template <typename Type>
using Owned = std::unique_ptr<Type, Free>;

Owned<BIGNUM> Number(std::string_view bytes) {
  return Owned<BIGNUM>(BN_bin2bn(Unsigned(bytes), static_cast<int>(bytes.size()), nullptr));
}

// Null if these are no parameters of a key of that type.
Owned<EVP_PKEY> MakeKey(const char* type, const OSSL_PARAM_BLD* builder) {
  const Owned<OSSL_PARAM> parameters(OSSL_PARAM_BLD_to_param(const_cast<OSSL_PARAM_BLD*>(builder)));
  const Owned<EVP_PKEY_CTX> context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (parameters == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    return nullptr;
  }
  return Owned<EVP_PKEY>(key);
}

// JOSE has both numbers at full length one after the other, OpenSSL wants them in DER. Empty if the length is not that.
std::string DerSignature(std::string_view signature, size_t size) {
  if (signature.size() != 2 * size) return "";
  const Owned<ECDSA_SIG> numbers(ECDSA_SIG_new());
  Owned<BIGNUM> r = Number(signature.substr(0, size));
  Owned<BIGNUM> s = Number(signature.substr(size));
  if (numbers == nullptr || r == nullptr || s == nullptr) return "";
  if (ECDSA_SIG_set0(numbers.get(), r.release(), s.release()) != 1) return "";
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(numbers.get(), &der);
  if (length <= 0) return "";
  std::string text(reinterpret_cast<const char*>(der), static_cast<size_t>(length));
  OPENSSL_free(der);
  return text;
}

}  // namespace

struct PublicKey::Key {
  Owned<EVP_PKEY> key;
  std::optional<Curve> curve;  // none: RSA
};

PublicKey::PublicKey(std::shared_ptr<const Key> key) : key_(std::move(key)) {}

std::optional<SignatureAlgorithm> FindAlgorithm(std::string_view name) {
  for (size_t i = 0; i < kAlgorithms.size(); ++i) {
    if (name == kAlgorithms[i].name) return static_cast<SignatureAlgorithm>(i);
  }
  return std::nullopt;
}

std::optional<Curve> FindCurve(std::string_view name) {
  for (size_t i = 0; i < kCurves.size(); ++i) {
    if (name == kCurves[i].name) return static_cast<Curve>(i);
  }
  return std::nullopt;
}

absl::StatusOr<PublicKey> PublicKey::Rsa(std::string_view modulus, std::string_view exponent) {
  if (modulus.size() > kMostModulusBits / 8) {
    return absl::InvalidArgumentError(absl::StrCat("its modulus has more than ", kMostModulusBits, " bits"));
  }
  const Owned<BIGNUM> n = Number(modulus);
  const Owned<BIGNUM> e = Number(exponent.substr(0, kMostExponentBytes + 1));
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (n == nullptr || e == nullptr || builder == nullptr) return absl::ResourceExhaustedError("no memory for a key");
  if (BN_num_bits(n.get()) < kLeastModulusBits) {
    return absl::InvalidArgumentError(
        absl::StrCat("its modulus has ", BN_num_bits(n.get()), " bits, fewer than ", kLeastModulusBits));
  }
  if (exponent.size() > kMostExponentBytes || BN_get_word(e.get()) < kLeastExponent || BN_is_odd(e.get()) == 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("its exponent is not an odd number between ", kLeastExponent, " and 2^32"));
  }
  if (BN_is_odd(n.get()) == 0) return absl::InvalidArgumentError("its modulus is even");
  if (OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return absl::ResourceExhaustedError("no memory for a key");
  }
  Owned<EVP_PKEY> key = MakeKey("RSA", builder.get());
  if (key == nullptr) return absl::InvalidArgumentError("it is no RSA key");
  return PublicKey(std::make_shared<Key>(Key{std::move(key), std::nullopt}));
}

absl::StatusOr<PublicKey> PublicKey::EllipticCurve(Curve curve, std::string_view x, std::string_view y) {
  const CurveFacts& facts = FactsOf(curve);
  if (IsEdwards(curve)) return absl::InvalidArgumentError(absl::StrCat(facts.name, " is no curve of EC keys"));
  if (x.size() != facts.size || y.size() != facts.size) {
    return absl::InvalidArgumentError(absl::StrCat("a coordinate does not have ", facts.size, " bytes"));
  }
  std::string point = "\x04";  // uncompressed
  point.append(x).append(y);
  const Owned<OSSL_PARAM_BLD> builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, facts.group, 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return absl::ResourceExhaustedError("no memory for a key");
  }
  Owned<EVP_PKEY> key = MakeKey("EC", builder.get());
  const Owned<EVP_PKEY_CTX> check(key == nullptr ? nullptr : EVP_PKEY_CTX_new(key.get(), nullptr));
  if (check == nullptr || EVP_PKEY_public_check(check.get()) != 1) {
    return absl::InvalidArgumentError(absl::StrCat("it is no point of ", facts.name));
  }
  return PublicKey(std::make_shared<Key>(Key{std::move(key), curve}));
}

absl::StatusOr<PublicKey> PublicKey::Edwards(Curve curve, std::string_view bytes) {
  const CurveFacts& facts = FactsOf(curve);
  if (!IsEdwards(curve)) return absl::InvalidArgumentError(absl::StrCat(facts.name, " is no curve of OKP keys"));
  if (bytes.size() != facts.size)
    return absl::InvalidArgumentError(absl::StrCat("it does not have ", facts.size, " bytes"));
  Owned<EVP_PKEY> key(EVP_PKEY_new_raw_public_key_ex(nullptr, facts.group, nullptr, Unsigned(bytes), bytes.size()));
  if (key == nullptr) return absl::InvalidArgumentError(absl::StrCat("it is no ", facts.name, " key"));
  return PublicKey(std::make_shared<Key>(Key{std::move(key), curve}));
}

bool PublicKey::Fits(SignatureAlgorithm algorithm) const {
  const AlgorithmFacts& facts = FactsOf(algorithm);
  if (facts.family == Family::kEcdsa) return key_->curve == facts.curve;
  if (facts.family == Family::kEdwards) return key_->curve.has_value() && IsEdwards(*key_->curve);
  return !key_->curve.has_value();
}

bool PublicKey::Verify(SignatureAlgorithm algorithm, std::string_view message, std::string_view signature) const {
  if (!Fits(algorithm)) return false;
  const AlgorithmFacts& facts = FactsOf(algorithm);
  std::string der;
  if (facts.family == Family::kEcdsa) {
    der = DerSignature(signature, FactsOf(*key_->curve).size);
    if (der.empty()) return false;
    signature = der;
  } else if (signature.size() != static_cast<size_t>(EVP_PKEY_get_size(key_->key.get()))) {
    return false;
  }
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* options = nullptr;  // belongs to the context
  if (context == nullptr ||
      EVP_DigestVerifyInit(context.get(), &options, facts.digest == nullptr ? nullptr : facts.digest(), nullptr,
                           key_->key.get()) != 1) {
    return false;
  }
  if (facts.family == Family::kRsaPss && (EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) != 1 ||
                                          EVP_PKEY_CTX_set_rsa_mgf1_md(options, facts.digest()) != 1 ||
                                          EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) != 1)) {
    return false;
  }
  return EVP_DigestVerify(context.get(), Unsigned(signature), signature.size(), Unsigned(message), message.size()) == 1;
}

}  // namespace sallyport::gateway
