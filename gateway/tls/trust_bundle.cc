#include "gateway/tls/trust_bundle.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>

#include "absl/strings/str_cat.h"
#include "gateway/tls/openssl_resources.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostAuthorities = 4096;
// Certificates between that of the caller and the one that is trusted.
constexpr int kMostIntermediates = 8;

using StoreContext = std::unique_ptr<X509_STORE_CTX, FreeWith<X509_STORE_CTX_free>>;
using RevocationList = std::unique_ptr<X509_CRL, FreeWith<X509_CRL_free>>;
struct FreeStack {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using CertificateStack = std::unique_ptr<STACK_OF(X509), FreeStack>;

// What is trusted needs no list that says it is not revoked: whoever put it into the bundle can take it out.
int AllowTrustedWithoutList(int fine, X509_STORE_CTX* context) {
  if (fine == 1 || X509_STORE_CTX_get_error(context) != X509_V_ERR_UNABLE_TO_GET_CRL) return fine;
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context);
  return X509_STORE_CTX_get_error_depth(context) == sk_X509_num(chain) - 1 ? 1 : 0;
}

// What OpenSSL says, sorted into what a caller and an operator can do about it.
absl::Status StatusOf(int error, int depth) {
  const std::string which = depth == 0 ? "the client certificate" : "an authority that the client certificate needs";
  const auto refused = [&](const char* why) { return absl::UnauthenticatedError(absl::StrCat(which, " ", why)); };
  const auto unknown = [](const char* why) {
    return absl::UnavailableError(absl::StrCat("whether the client certificate is revoked cannot be told now: ", why));
  };
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return refused("has expired");
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return refused("is not yet valid");
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
      return absl::UnauthenticatedError("the client certificate is not signed by an authority that may sign it");
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return refused("has a signature that is wrong");
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
      return absl::UnauthenticatedError("the client certificate has more authorities above it than is allowed");
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
      return refused("is signed by a certificate that may not sign others");
    case X509_V_ERR_INVALID_PURPOSE:
      return refused("is not for client authentication");
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_SUBTREE_MINMAX:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_TYPE:
    case X509_V_ERR_UNSUPPORTED_CONSTRAINT_SYNTAX:
    case X509_V_ERR_UNSUPPORTED_NAME_SYNTAX:
      return absl::UnauthenticatedError(
          "the client certificate has a name that an authority above it may not give (a name constraint)");
    case X509_V_ERR_CERT_REVOKED:
      return refused("is revoked");
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return unknown("there is no revocation list of its issuer");
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return unknown("the revocation list of its issuer has expired");
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return unknown("the revocation list of its issuer is not yet valid");
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
    case X509_V_ERR_UNABLE_TO_GET_CRL_ISSUER:
    case X509_V_ERR_KEYUSAGE_NO_CRL_SIGN:
    case X509_V_ERR_UNHANDLED_CRITICAL_CRL_EXTENSION:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE:
    case X509_V_ERR_CRL_PATH_VALIDATION_ERROR:
      return unknown("the revocation list of its issuer is not what it should be");
    case X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION:
      return refused("has a critical extension that the gateway does not know");
    default:
      return refused(X509_verify_cert_error_string(error));
  }
}

absl::Status Prefixed(std::string_view prefix, const absl::Status& status) {
  return absl::UnauthenticatedError(
      absl::StrCat(absl::string_view(prefix.data(), prefix.size()), " ", status.message()));
}

// Keys of everything that takes part, before any signature is checked with them; of the caller's, which come from
// outside.
absl::Status CheckKeys(const Certificate& caller, const std::vector<Certificate>& others) {
  if (absl::Status status = caller.CheckKey(); !status.ok()) return Prefixed("the client certificate", status);
  for (const Certificate& other : others) {
    if (absl::Status status = other.CheckKey(); !status.ok()) {
      return Prefixed("an authority sent with the client certificate", status);
    }
  }
  return absl::OkStatus();
}

// The last is trusted for what it is; its signature counts for nothing.
absl::Status CheckSignatures(const STACK_OF(X509) * chain) {
  for (int i = 0; i + 1 < sk_X509_num(chain); ++i) {
    absl::Status status = Certificate::Of(sk_X509_value(chain, i)).CheckSignatureAlgorithm();
    if (status.ok()) continue;
    return Prefixed(i == 0 ? "the client certificate" : "an authority that the client certificate needs", status);
  }
  return absl::OkStatus();
}

absl::Status FileFault(const PemText& file, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(file.name, " ", what));
}

}  // namespace

absl::StatusOr<TrustBundle> TrustBundle::Create(const PemText& authorities, const std::optional<PemText>& revocations) {
  const OpensslErrors errors;
  TrustBundle bundle;
  bundle.store_ = std::shared_ptr<X509_STORE>(X509_STORE_new(), X509_STORE_free);
  if (absl::Status status = bundle.AddAuthorities(authorities); !status.ok()) return status;
  if (!revocations.has_value()) return bundle;
  if (absl::Status status = bundle.AddRevocations(*revocations); !status.ok()) return status;
  return bundle;
}

absl::Status TrustBundle::AddAuthorities(const PemText& file) {
  const absl::StatusOr<std::vector<Certificate>> authorities = Certificate::ReadPem(file.text, kMostAuthorities);
  if (!authorities.ok()) return FileFault(file, authorities.status().message());
  size_t number = 0;
  for (const Certificate& authority : *authorities) {
    ++number;
    absl::Status status = authority.CheckAuthority();
    if (status.ok()) status = authority.CheckKey();
    if (!status.ok()) return FileFault(file, absl::StrCat("certificate ", number, " ", status.message()));
    if (X509_STORE_add_cert(store_.get(), authority.get()) != 1) return FileFault(file, "cannot be held in memory");
  }
  return absl::OkStatus();
}

absl::Status TrustBundle::AddRevocations(const PemText& file) {
  const std::unique_ptr<BIO, FreeWith<BIO_free_all>> reader(
      BIO_new_mem_buf(file.text.data(), static_cast<int>(file.text.size())));
  while (true) {
    const RevocationList list(PEM_read_bio_X509_CRL(reader.get(), nullptr, nullptr, nullptr));
    if (list == nullptr) break;
    std::tm end = {};
    const ASN1_TIME* next_update = X509_CRL_get0_nextUpdate(list.get());
    if (next_update == nullptr || ASN1_TIME_to_tm(next_update, &end) != 1) {
      return FileFault(file, absl::StrCat("list ", list_ends_.size() + 1, " does not say until when it is good"));
    }
    list_ends_.push_back(absl::FromTM(end, absl::UTCTimeZone()));
    if (X509_STORE_add_crl(store_.get(), list.get()) != 1) return FileFault(file, "cannot be held in memory");
  }
  if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
    return FileFault(file, absl::StrCat("list ", list_ends_.size() + 1, " is damaged"));
  }
  if (list_ends_.empty()) return FileFault(file, "holds no revocation list in PEM (BEGIN X509 CRL)");
  std::sort(list_ends_.begin(), list_ends_.end());
  has_revocations_ = true;
  return absl::OkStatus();
}

absl::StatusOr<TrustBundle::Verified> TrustBundle::Verify(const Certificate& caller,
                                                          const std::vector<Certificate>& others,
                                                          absl::Time now) const {
  const OpensslErrors errors;
  if (absl::Status status = CheckKeys(caller, others); !status.ok()) return status;
  const StoreContext context(X509_STORE_CTX_new());
  const CertificateStack untrusted(sk_X509_new_null());
  for (const Certificate& other : others) sk_X509_push(untrusted.get(), other.get());
  if (X509_STORE_CTX_init(context.get(), store_.get(), caller.get(), untrusted.get()) != 1) {
    return absl::UnavailableError("the client certificate cannot be checked now: there is no memory for it");
  }
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST;
  if (has_revocations_) flags |= X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
  X509_VERIFY_PARAM_set_flags(parameters, flags);
  X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT);
  X509_VERIFY_PARAM_set_depth(parameters, kMostIntermediates);
  X509_VERIFY_PARAM_set_time(parameters, absl::ToTimeT(now));
  // A common name may become the caller's: where it is like a DNS name, constraints on those hold for it, too.
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT);
  X509_STORE_CTX_set_verify_cb(context.get(), AllowTrustedWithoutList);
  if (X509_verify_cert(context.get()) != 1) {
    return StatusOf(X509_STORE_CTX_get_error(context.get()), X509_STORE_CTX_get_error_depth(context.get()));
  }
  const STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  if (absl::Status status = CheckSignatures(chain); !status.ok()) return status;

  Verified verified = {absl::InfinitePast(), absl::InfiniteFuture(), absl::InfiniteFuture()};
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const Certificate certificate = Certificate::Of(sk_X509_value(chain, i));
    verified.begins = std::max(verified.begins, certificate.NotBefore());
    verified.expires = std::min(verified.expires, certificate.NotAfter());
  }
  const auto end = std::upper_bound(list_ends_.begin(), list_ends_.end(), now);
  if (end != list_ends_.end()) verified.good_until = *end;
  return verified;
}

}  // namespace sallyport::gateway
