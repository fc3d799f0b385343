#include "tests/gateway/tls/certificates.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dsa.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/strings/strip.h"

namespace sallyport::testing {
namespace {

// A test that cannot make what it tests with tells nothing.
void Must(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "cannot make a certificate: %s\n", what);
  std::abort();
}

using Key = std::shared_ptr<EVP_PKEY>;
Key Own(EVP_PKEY* key) {
  Must(key != nullptr, "key");
  return Key(key, EVP_PKEY_free);
}

Key MakeCurveKey(const char* curve, const char* encoding) {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr);
  EVP_PKEY* key = nullptr;
  Must(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_CTX_set_group_name(context, curve) == 1, "curve");
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, const_cast<char*>(encoding), 0),
      OSSL_PARAM_construct_end()};
  Must(EVP_PKEY_CTX_set_params(context, parameters) == 1 && EVP_PKEY_keygen(context, &key) == 1, "key on a curve");
  EVP_PKEY_CTX_free(context);
  return Own(key);
}

Key MakeDsaKey() {
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "DSA", nullptr);
  EVP_PKEY* parameters = nullptr;
  Must(EVP_PKEY_paramgen_init(context) == 1 && EVP_PKEY_CTX_set_dsa_paramgen_bits(context, 1024) == 1 &&
           EVP_PKEY_paramgen(context, &parameters) == 1,
       "DSA parameters");
  EVP_PKEY_CTX_free(context);
  context = EVP_PKEY_CTX_new_from_pkey(nullptr, parameters, nullptr);
  EVP_PKEY* key = nullptr;
  Must(EVP_PKEY_keygen_init(context) == 1 && EVP_PKEY_keygen(context, &key) == 1, "DSA key");
  EVP_PKEY_CTX_free(context);
  EVP_PKEY_free(parameters);
  return Own(key);
}

Key MakePublicRsaKey(int bits) {
  BIGNUM* modulus = BN_new();
  BIGNUM* exponent = BN_new();
  Must(BN_rand(modulus, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD) == 1 && BN_set_word(exponent, RSA_F4) == 1, "RSA");
  OSSL_PARAM_BLD* builder = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus);
  OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent);
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(builder);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr);
  EVP_PKEY* key = nullptr;
  Must(EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1,
       "RSA public key");
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  OSSL_PARAM_BLD_free(builder);
  BN_free(modulus);
  BN_free(exponent);
  return Own(key);
}

Key MakeKeyFrom(const std::string& seed) {
  return Own(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr,
                                          reinterpret_cast<const unsigned char*>(seed.data()), seed.size()));
}

Key MakeKey(KeyKind kind) {
  switch (kind) {
    case KeyKind::kP256:
      return Own(EVP_EC_gen("P-256"));
    case KeyKind::kP384:
      return Own(EVP_EC_gen("P-384"));
    case KeyKind::kP521:
      return Own(EVP_EC_gen("P-521"));
    case KeyKind::kP224:
      return Own(EVP_EC_gen("P-224"));
    case KeyKind::kSecp256k1:
      return Own(EVP_EC_gen("secp256k1"));
    case KeyKind::kP256SpeltOut:
      return MakeCurveKey("P-256", OSSL_PKEY_EC_ENCODING_EXPLICIT);
    case KeyKind::kRsa2048:
      return Own(EVP_RSA_gen(2048));
    case KeyKind::kRsa1024:
      return Own(EVP_RSA_gen(1024));
    case KeyKind::kRsa16384:
      return MakePublicRsaKey(16384);
    case KeyKind::kDsa:
      return MakeDsaKey();
    case KeyKind::kEd25519:
      return Own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    case KeyKind::kEd448:
      return Own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED448"));
  }
  std::abort();
}

const EVP_MD* DigestFor(const CertificateSpec& spec, const Key& key) {
  const int kind = EVP_PKEY_get_base_id(key.get());
  if (kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448) return nullptr;
  return EVP_get_digestbyname(spec.digest);
}

void SetName(X509_NAME* name, const CertificateSpec& spec) {
  const int type = spec.subject_text_type.value_or(V_ASN1_UTF8STRING);
  for (const auto& [field, value] : spec.subject) {
    Must(X509_NAME_add_entry_by_txt(name, field.c_str(), type, reinterpret_cast<const unsigned char*>(value.data()),
                                    static_cast<int>(value.size()), -1, 0) == 1,
         "name");
  }
}

void SetSerial(X509* certificate, const std::string& bytes) {
  static uint64_t next = 0x1000;
  ASN1_INTEGER* serial = X509_get_serialNumber(certificate);
  if (bytes.empty()) {
    Must(ASN1_INTEGER_set_uint64(serial, ++next) == 1, "serial number");
    return;
  }
  const bool negative = bytes.front() == '-';
  const std::string magnitude = negative ? bytes.substr(1) : bytes;
  BIGNUM* number =
      BN_bin2bn(reinterpret_cast<const unsigned char*>(magnitude.data()), static_cast<int>(magnitude.size()), nullptr);
  BN_set_negative(number, negative ? 1 : 0);
  Must(BN_to_ASN1_INTEGER(number, serial) != nullptr, "serial number");
  BN_free(number);
}

void AddName(GENERAL_NAMES* names, int type, const std::string& bytes) {
  GENERAL_NAME* name = GENERAL_NAME_new();
  ASN1_IA5STRING* text = ASN1_IA5STRING_new();
  ASN1_STRING_set(text, bytes.data(), static_cast<int>(bytes.size()));
  GENERAL_NAME_set0_value(name, type, text);
  sk_GENERAL_NAME_push(names, name);
}

void AddAlternativeNames(X509* certificate, const CertificateSpec& spec) {
  GENERAL_NAMES* names = sk_GENERAL_NAME_new_null();
  for (const std::string& name : spec.dns) AddName(names, GEN_DNS, name);
  for (const std::string& name : spec.uris) AddName(names, GEN_URI, name);
  for (const std::string& name : spec.emails) AddName(names, GEN_EMAIL, name);
  if (sk_GENERAL_NAME_num(names) > 0) {
    Must(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT) == 1, "alternative names");
  }
  GENERAL_NAMES_free(names);
}

void AddExtensions(X509* certificate, X509* issuer, const CertificateSpec& spec) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509V3_set_ctx_nodb(&context);
  for (const auto& [name, value] : spec.extensions) {
    if (value.empty()) continue;
    X509_EXTENSION* extension = X509V3_EXT_conf(nullptr, &context, name.c_str(), value.c_str());
    Must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, name.c_str());
    X509_EXTENSION_free(extension);
  }
  AddAlternativeNames(certificate, spec);
  for (const auto& [oid, value] : spec.raw) {
    absl::string_view bytes = value;
    const int critical = absl::ConsumePrefix(&bytes, "critical,") ? 1 : 0;
    ASN1_OBJECT* object = OBJ_txt2obj(oid.c_str(), 0);
    ASN1_OCTET_STRING* octets = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(octets, reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    X509_EXTENSION* extension = X509_EXTENSION_create_by_OBJ(nullptr, object, critical, octets);
    Must(extension != nullptr && X509_add_ext(certificate, extension, -1) == 1, "raw extension");
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(octets);
    ASN1_OBJECT_free(object);
  }
}

template <typename Write>
std::string ToPem(Write write) {
  BIO* out = BIO_new(BIO_s_mem());
  Must(write(out) == 1, "PEM");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(out, &bytes);
  std::string pem(bytes, static_cast<size_t>(size));
  BIO_free(out);
  return pem;
}

}  // namespace

CertificateSpec CallerSpec() {
  CertificateSpec spec;
  spec.extensions = {{"basicConstraints", "critical,CA:FALSE"},
                     {"keyUsage", "critical,digitalSignature"},
                     {"extendedKeyUsage", "clientAuth"},
                     {"authorityKeyIdentifier", "keyid"},
                     {"subjectKeyIdentifier", "hash"}};
  return spec;
}

CertificateSpec SpiffeSpec(const std::string& id) {
  CertificateSpec spec = CallerSpec();
  spec.extensions["extendedKeyUsage"] = "serverAuth,clientAuth";
  spec.uris = {id};
  return spec;
}

CertificateSpec AuthoritySpec(const std::string& name) {
  CertificateSpec spec;
  spec.subject = {{"O", "Test"}, {"CN", name}};
  spec.extensions = {{"basicConstraints", "critical,CA:TRUE"},
                     {"keyUsage", "critical,keyCertSign,cRLSign"},
                     {"subjectKeyIdentifier", "hash"}};
  return spec;
}

CertificateSpec ServerSpec(const std::string& host) {
  CertificateSpec spec = CallerSpec();
  spec.subject = {{"CN", host}};
  spec.extensions["extendedKeyUsage"] = "serverAuth";
  spec.dns = {host};
  return spec;
}

std::string Issued::Pem() const {
  return ToPem([&](BIO* out) { return PEM_write_bio_X509(out, certificate.get()); });
}

std::string Issued::KeyPem() const {
  return ToPem(
      [&](BIO* out) { return PEM_write_bio_PrivateKey(out, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string Issued::Serial() const {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(certificate.get());
  return absl::BytesToHexString(
      {reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)), static_cast<size_t>(ASN1_STRING_length(serial))});
}

Issued Issue(const CertificateSpec& spec, const Issued* issuer) {
  Issued issued;
  issued.key = spec.seed.empty() ? MakeKey(spec.key) : MakeKeyFrom(spec.seed);
  issued.certificate = std::shared_ptr<X509>(X509_new(), X509_free);
  X509* certificate = issued.certificate.get();
  X509* signer = issuer == nullptr ? certificate : issuer->certificate.get();
  const Key& signing_key = issuer == nullptr ? issued.key : issuer->key;
  SetSerial(certificate, spec.serial);
  SetName(X509_get_subject_name(certificate), spec);
  X509_set_issuer_name(certificate, X509_get_subject_name(signer));
  ASN1_TIME_set(X509_getm_notBefore(certificate), absl::ToTimeT(spec.from));
  ASN1_TIME_set(X509_getm_notAfter(certificate), absl::ToTimeT(spec.until));
  Must(X509_set_pubkey(certificate, issued.key.get()) == 1, "public key");
  if (spec.version == 3) AddExtensions(certificate, signer, spec);
  X509_set_version(certificate, spec.version - 1);
  Must(X509_sign(certificate, signing_key.get(), DigestFor(spec, signing_key)) > 0, "signature");
  return issued;
}

Issued WithWrongSignature(const Issued& issued) {
  unsigned char* der = nullptr;
  const int size = i2d_X509(issued.certificate.get(), &der);
  Must(size > 0, "copy");
  der[size - 1] ^= 1;
  const unsigned char* at = der;
  Issued changed = issued;
  changed.certificate = std::shared_ptr<X509>(d2i_X509(nullptr, &at, size), X509_free);
  OPENSSL_free(der);
  Must(changed.certificate != nullptr, "copy with another signature");
  return changed;
}

Issued Impostor(const CertificateSpec& like) {
  CertificateSpec spec = like;
  // Without identifiers only the names tell who signed what.
  spec.extensions["subjectKeyIdentifier"] = "";
  return Issue(spec, nullptr);
}

std::string RevocationList(const RevocationSpec& spec, const Issued& issuer) {
  const std::shared_ptr<X509_CRL> list(X509_CRL_new(), X509_CRL_free);
  X509_CRL_set_version(list.get(), 1);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer.certificate.get()));
  const std::shared_ptr<ASN1_TIME> from(ASN1_TIME_set(nullptr, absl::ToTimeT(spec.from)), ASN1_TIME_free);
  X509_CRL_set1_lastUpdate(list.get(), from.get());
  if (spec.until.has_value()) {
    const std::shared_ptr<ASN1_TIME> until(ASN1_TIME_set(nullptr, absl::ToTimeT(*spec.until)), ASN1_TIME_free);
    X509_CRL_set1_nextUpdate(list.get(), until.get());
  }
  for (const Issued& revoked : spec.revoked) {
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked.certificate.get()));
    X509_REVOKED_set_revocationDate(entry, from.get());
    X509_CRL_add0_revoked(list.get(), entry);
  }
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer.certificate.get(), nullptr, nullptr, list.get(), 0);
  X509V3_set_ctx_nodb(&context);
  for (const auto& [name, value] : spec.extensions) {
    X509_EXTENSION* extension = X509V3_EXT_conf(nullptr, &context, name.c_str(), value.c_str());
    Must(extension != nullptr && X509_CRL_add_ext(list.get(), extension, -1) == 1, name.c_str());
    X509_EXTENSION_free(extension);
  }
  X509_CRL_sort(list.get());
  const EVP_MD* digest = EVP_PKEY_get_base_id(issuer.key.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();
  Must(X509_CRL_sign(list.get(), issuer.key.get(), digest) > 0, "signature of a list");
  return ToPem([&](BIO* out) { return PEM_write_bio_X509_CRL(out, list.get()); });
}

void WriteText(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.flush();
  Must(file.good(), path.c_str());
}

}  // namespace sallyport::testing
