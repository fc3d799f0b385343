#include "gateway/tls/certificate.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <climits>
#include <ctime>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gateway/tls/openssl_resources.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostSerialBytes = 20;  // RFC 5280, 4.1.2.2
constexpr int kLeastRsaBits = 2048;
constexpr int kMostRsaBits = 8192;

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using GeneralNames = std::unique_ptr<GENERAL_NAMES, FreeWith<GENERAL_NAMES_free>>;

struct FreeOpenssl {
  void operator()(void* memory) const { OPENSSL_free(memory); }
};
template <typename Value>
using OpensslMemory = std::unique_ptr<Value, FreeOpenssl>;

absl::Status Fault(std::string_view what) { return absl::InvalidArgumentError({what.data(), what.size()}); }

Bio ReaderOf(std::string_view text) {
  if (text.size() > INT_MAX) return nullptr;
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// OpenSSL asks the terminal unless it is told otherwise.
int NoPassphrase(char*, int, int, void*) { return -1; }

// The next block, or nothing after the last.
absl::StatusOr<std::optional<Certificate>> NextBlock(BIO* reader) {
  char* raw_kind = nullptr;
  char* raw_header = nullptr;
  unsigned char* raw_bytes = nullptr;
  long size = 0;
  if (PEM_read_bio(reader, &raw_kind, &raw_header, &raw_bytes, &size) != 1) {
    if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) return std::nullopt;
    return Fault("holds a PEM block that is damaged");
  }
  const OpensslMemory<char> kind(raw_kind);
  const OpensslMemory<char> header(raw_header);
  const OpensslMemory<unsigned char> bytes(raw_bytes);
  if (std::string_view(raw_kind) != PEM_STRING_X509 || *raw_header != '\0') {
    return Fault("holds a PEM block other than a certificate");
  }
  const unsigned char* rest = raw_bytes;
  X509* certificate = d2i_X509(nullptr, &rest, size);
  if (certificate == nullptr) return Fault("holds a certificate that cannot be read");
  Certificate read = Certificate::Of(certificate);
  X509_free(certificate);
  if (rest != raw_bytes + size) return Fault("holds a certificate with bytes after its end");
  return read;
}

// Nothing if it cannot be read, or holds control characters.
std::optional<std::string> TextOf(const ASN1_STRING* string) {
  unsigned char* raw = nullptr;
  const int size = ASN1_STRING_to_UTF8(&raw, string);
  if (size < 0) return std::nullopt;
  const OpensslMemory<unsigned char> bytes(raw);
  std::string text(reinterpret_cast<const char*>(raw), static_cast<size_t>(size));
  const auto control = [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), control)) return std::nullopt;
  return text;
}

// RFC 4514, the most specific part first. Characters beyond ASCII come out escaped.
absl::StatusOr<std::string> DistinguishedName(const X509_NAME* name) {
  const Bio out(BIO_new(BIO_s_mem()));
  if (out == nullptr || X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253) < 0) {
    return Fault("has a name that cannot be read");
  }
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return size <= 0 ? std::string() : std::string(text, static_cast<size_t>(size));
}

absl::Time TimeOf(const ASN1_TIME* time, absl::Time otherwise) {
  std::tm parts = {};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? absl::FromTM(parts, absl::UTCTimeZone()) : otherwise;
}

// The types that RFC 5280 leaves for new names.
bool IsCurrentType(const ASN1_STRING* string) {
  const int type = ASN1_STRING_type(string);
  return type == V_ASN1_UTF8STRING || type == V_ASN1_PRINTABLESTRING || type == V_ASN1_IA5STRING;
}

absl::Status ReadSubject(const X509_NAME* name, std::vector<std::string>& common_names) {
  for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(entry);
    std::optional<std::string> text = TextOf(value);
    if (!text.has_value()) return Fault("has a subject with control characters, or one that cannot be read");
    if (OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) != NID_commonName) continue;
    if (!IsCurrentType(value)) return Fault("has a common name in an outdated kind of text");
    common_names.push_back(*std::move(text));
  }
  return absl::OkStatus();
}

absl::Status ReadAlternativeNames(const X509* certificate, CertificateNames& names) {
  int critical = -1;
  const GeneralNames found(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nullptr)));
  if (found == nullptr) {
    if (critical == -1) return absl::OkStatus();
    return Fault("has an alternative name that cannot be read, or two of them");
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(found.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(found.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_URI && name->type != GEN_EMAIL) continue;
    std::optional<std::string> text = TextOf(name->d.ia5);
    if (!text.has_value()) return Fault("has an alternative name with control characters");
    if (name->type == GEN_EMAIL) continue;
    (name->type == GEN_DNS ? names.dns : names.uris).push_back(*std::move(text));
  }
  return absl::OkStatus();
}

// Version and extensions, as far as both callers' and authorities' certificates share them. Also makes OpenSSL read the
// extensions, which it does on demand.
absl::Status CheckForm(X509* certificate) {
  if (X509_check_purpose(certificate, -1, 0) != 1 || (X509_get_extension_flags(certificate) & EXFLAG_INVALID) != 0) {
    return Fault("has extensions that cannot be read, or twice the same");
  }
  if (X509_get_version(certificate) != X509_VERSION_3) return Fault("is not of version 3");
  return absl::OkStatus();
}

absl::Status CheckCurve(const EVP_PKEY* key) {
  char curve[64] = {};
  int spelt_out = 0;
  const bool named = EVP_PKEY_get_group_name(key, curve, sizeof(curve), nullptr) == 1 &&
                     EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &spelt_out) == 1 &&
                     spelt_out == 0;
  const std::string_view name = curve;
  if (named && (name == SN_X9_62_prime256v1 || name == SN_secp384r1 || name == SN_secp521r1)) return absl::OkStatus();
  return Fault("has a key on a curve other than P-256, P-384 and P-521");
}

}  // namespace

absl::StatusOr<std::vector<Certificate>> Certificate::ReadPem(std::string_view pem, size_t most) {
  const OpensslErrors errors;
  const Bio reader = ReaderOf(pem);
  if (reader == nullptr) return Fault("is too large");
  std::vector<Certificate> certificates;
  while (true) {
    absl::StatusOr<std::optional<Certificate>> next = NextBlock(reader.get());
    if (!next.ok()) return next.status();
    if (!next->has_value()) break;
    if (certificates.size() == most) return Fault(absl::StrCat("holds more than ", most, " certificates"));
    certificates.push_back(**std::move(next));
  }
  if (certificates.empty()) return Fault("holds no certificate");
  return certificates;
}

Certificate Certificate::Of(x509_st* certificate) {
  X509_up_ref(certificate);
  return Certificate(std::shared_ptr<x509_st>(certificate, X509_free));
}

bool operator==(const Certificate& a, const Certificate& b) { return X509_cmp(a.get(), b.get()) == 0; }

std::string Certificate::Sha256() const {
  char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (X509_digest(get(), EVP_sha256(), reinterpret_cast<unsigned char*>(digest), &size) != 1) return "";
  return absl::BytesToHexString({digest, size});
}

std::string Certificate::Serial() const {
  const ASN1_INTEGER* serial = X509_get0_serialNumber(get());
  return absl::BytesToHexString(
      {reinterpret_cast<const char*>(ASN1_STRING_get0_data(serial)), static_cast<size_t>(ASN1_STRING_length(serial))});
}

// A time that cannot be read is out of reach.
absl::Time Certificate::NotBefore() const { return TimeOf(X509_get0_notBefore(get()), absl::InfiniteFuture()); }
absl::Time Certificate::NotAfter() const { return TimeOf(X509_get0_notAfter(get()), absl::InfinitePast()); }

bool Certificate::StatesKeyUsage() const { return (X509_get_extension_flags(get()) & EXFLAG_KUSAGE) != 0; }

bool Certificate::IsSelfIssued() const { return (X509_get_extension_flags(get()) & EXFLAG_SI) != 0; }

absl::StatusOr<CertificateNames> Certificate::Names() const {
  const OpensslErrors errors;
  CertificateNames names;
  const X509_NAME* subject = X509_get_subject_name(get());
  if (absl::Status status = ReadSubject(subject, names.common_names); !status.ok()) return status;
  if (absl::Status status = ReadAlternativeNames(get(), names); !status.ok()) return status;
  absl::StatusOr<std::string> of_subject = DistinguishedName(subject);
  if (!of_subject.ok()) return of_subject.status();
  absl::StatusOr<std::string> of_issuer = DistinguishedName(X509_get_issuer_name(get()));
  if (!of_issuer.ok()) return of_issuer.status();
  names.subject = *std::move(of_subject);
  names.issuer = *std::move(of_issuer);
  return names;
}

absl::Status Certificate::CheckCaller() const {
  const OpensslErrors errors;
  if (absl::Status status = CheckForm(get()); !status.ok()) return status;
  const ASN1_INTEGER* serial = X509_get0_serialNumber(get());
  if (ASN1_STRING_type(serial) == V_ASN1_NEG_INTEGER ||
      static_cast<size_t>(ASN1_STRING_length(serial)) > kMostSerialBytes) {
    return Fault("has a serial number that is negative, or longer than 20 bytes");
  }
  // Without the extension all bits are set.
  const uint32_t usage = X509_get_key_usage(get());
  const bool authority = X509_check_ca(get()) != 0 || (X509_get_extension_flags(get()) & EXFLAG_CA) != 0 ||
                         (StatesKeyUsage() && (usage & (KU_KEY_CERT_SIGN | KU_CRL_SIGN)) != 0);
  if (authority) return Fault("is of an authority, not of a caller");
  if ((usage & KU_DIGITAL_SIGNATURE) == 0) return Fault("has a key usage that does not allow signatures");
  if ((X509_get_extension_flags(get()) & EXFLAG_XKUSAGE) == 0) {
    return Fault("does not say that it is for client authentication (an extended key usage)");
  }
  if ((X509_get_extended_key_usage(get()) & XKU_SSL_CLIENT) == 0) {
    return Fault("is not for client authentication: its extended key usage says other things");
  }
  return absl::OkStatus();
}

absl::Status Certificate::CheckAuthority() const {
  const OpensslErrors errors;
  if (absl::Status status = CheckForm(get()); !status.ok()) return status;
  // 1 is for a basic constraint that says so, with a key usage that does not say otherwise; there are laxer ways.
  if (X509_check_ca(get()) != 1) {
    return Fault("is not of an authority: basic constraints CA:TRUE, and a key usage of certificate signing if any");
  }
  return absl::OkStatus();
}

absl::Status Certificate::CheckKey() const {
  const OpensslErrors errors;
  const EVP_PKEY* key = X509_get0_pubkey(get());
  if (key == nullptr) return Fault("has a key that cannot be read");
  switch (EVP_PKEY_get_base_id(key)) {
    case EVP_PKEY_RSA:
    case EVP_PKEY_RSA_PSS:
      if (EVP_PKEY_get_bits(key) < kLeastRsaBits) return Fault("has an RSA key that is too short: at least 2048 bits");
      if (EVP_PKEY_get_bits(key) > kMostRsaBits) return Fault("has an RSA key that is too long: at most 8192 bits");
      return absl::OkStatus();
    case EVP_PKEY_EC:
      return CheckCurve(key);
    case EVP_PKEY_ED25519:
    case EVP_PKEY_ED448:
      return absl::OkStatus();
    default:
      return Fault("has a key of a kind that is not accepted: RSA, ECDSA or EdDSA");
  }
}

absl::Status Certificate::CheckSignatureAlgorithm() const {
  const OpensslErrors errors;
  int digest = NID_undef;
  int key = NID_undef;
  if (X509_get_signature_info(get(), &digest, &key, nullptr, nullptr) == 1) {
    if (digest == NID_sha256 || digest == NID_sha384 || digest == NID_sha512) return absl::OkStatus();
    if (key == NID_ED25519 || key == NID_ED448) return absl::OkStatus();
  }
  return Fault("is signed with a weak or unknown algorithm: SHA-256 or better, or EdDSA");
}

absl::Status CheckPrivateKey(const Certificate& certificate, std::string_view pem) {
  const OpensslErrors errors;
  const Bio reader = ReaderOf(pem);
  if (reader == nullptr) return Fault("is too large");
  const std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>> key(
      PEM_read_bio_PrivateKey(reader.get(), nullptr, NoPassphrase, nullptr));
  if (key == nullptr && pem.find("ENCRYPTED") != std::string_view::npos) {
    return Fault("is encrypted with a passphrase, which nobody is there to type: give it without one");
  }
  if (key == nullptr) return Fault("cannot be read: PEM is expected");
  if (X509_check_private_key(certificate.get(), key.get()) != 1) return Fault("is not that of the certificate");
  return absl::OkStatus();
}

}  // namespace sallyport::gateway
