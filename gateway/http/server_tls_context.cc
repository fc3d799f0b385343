#include "gateway/http/server_tls_context.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <climits>
#include <cstring>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
using X509Certificate = std::unique_ptr<X509, decltype(&X509_free)>;

constexpr unsigned char kProtocols[] = "\x08http/1.1";

// The first reason that OpenSSL gives for what has just failed; takes all of them off its queue.
std::string LastError() {
  const unsigned long error = ERR_peek_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason == nullptr ? "is not in order" : reason;
}

absl::Status Fault(absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat(what, ": ", LastError())); }

Bio Reading(std::string_view text) {
  return {BIO_new_mem_buf(text.data(), text.size() < INT_MAX ? static_cast<int>(text.size()) : 0), &BIO_free};
}

// All certificates of a text; empty where one is not in order, or there is none.
std::vector<X509Certificate> ReadCertificates(std::string_view pem) {
  std::vector<X509Certificate> all;
  const Bio bio = Reading(pem);
  while (X509* const one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) all.emplace_back(one, &X509_free);
  const unsigned long error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) return {};
  ERR_clear_error();
  return all;
}

// Nobody has a passphrase to give.
int NoPassphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*unused*/) { return -1; }

int PickProtocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                 unsigned int offered_size, void* /*unused*/) {
  unsigned char* picked = nullptr;
  if (SSL_select_next_proto(&picked, out_size, kProtocols, sizeof(kProtocols) - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_NOACK;
  }
  *out = picked;
  return SSL_TLSEXT_ERR_OK;
}

absl::Status UseOwn(SSL_CTX* context, const ServerTlsMaterial& material) {
  const std::vector<X509Certificate> chain = ReadCertificates(material.certificates_pem);
  if (chain.empty() || SSL_CTX_use_certificate(context, chain.front().get()) != 1) return Fault("the certificate");
  for (size_t i = 1; i < chain.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1) return Fault("the certificate's chain");
  }
  const Bio bio = Reading(material.key_pem.view());
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, &NoPassphrase, nullptr), &EVP_PKEY_free);
  if (key == nullptr || SSL_CTX_use_PrivateKey(context, key.get()) != 1) return Fault("the private key");
  return absl::OkStatus();
}

absl::Status UseAuthorities(SSL_CTX* context, const ServerTlsMaterial& material) {
  if (material.client_authorities_pem.empty()) return absl::OkStatus();
  const std::vector<X509Certificate> authorities = ReadCertificates(material.client_authorities_pem);
  if (authorities.empty()) return Fault("the authorities of clients");
  for (const X509Certificate& authority : authorities) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), authority.get()) != 1 ||
        SSL_CTX_add_client_CA(context, authority.get()) != 1) {
      return Fault("the authorities of clients");
    }
  }
  const bool must = material.clients == ServerTlsMaterial::Clients::kMustShowOne;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  return absl::OkStatus();
}

}  // namespace

void FreeTlsContext::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }

absl::StatusOr<ServerTlsContext> MakeServerTlsContext(const ServerTlsMaterial& material) {
  ERR_clear_error();
  ServerTlsContext context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) return Fault("TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                         SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_alpn_select_cb(context.get(), &PickProtocol, nullptr);
  if (absl::Status status = UseOwn(context.get(), material); !status.ok()) return status;
  if (absl::Status status = UseAuthorities(context.get(), material); !status.ok()) return status;
  return context;
}

std::string ShownCertificates(const ssl_st* connection) {
  std::string pem;
  const auto add = [&pem](X509* certificate) {
    const Bio bio(BIO_new(BIO_s_mem()), &BIO_free);
    char* text = nullptr;
    if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) return;
    const long size = BIO_get_mem_data(bio.get(), &text);
    pem.append(text, static_cast<size_t>(size));
  };
  X509* const own = SSL_get0_peer_certificate(connection);
  if (own == nullptr) return pem;
  add(own);
  const STACK_OF(X509)* others = SSL_get_peer_cert_chain(connection);
  for (int i = 0; i < sk_X509_num(others); ++i) add(sk_X509_value(others, i));
  return pem;
}

}  // namespace sallyport::gateway
