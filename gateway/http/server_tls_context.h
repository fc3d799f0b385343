// TLS of the gateway's own HTTP servers, over OpenSSL.
#ifndef SALLYPORT_GATEWAY_HTTP_SERVER_TLS_CONTEXT_H_
#define SALLYPORT_GATEWAY_HTTP_SERVER_TLS_CONTEXT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "recorder/crypto/secret_text.h"

struct ssl_ctx_st;
struct ssl_st;

namespace sallyport::gateway {

// What a server shows, and whom it lets vouch for clients.
struct ServerTlsMaterial {
  enum class Clients { kMustShowOne, kMayShowOne };

  std::string certificates_pem;  // its own first, then those that lead to a root
  recorder::SecretText key_pem;  // without a passphrase
  // Those that vouch for clients' certificates: one that none of them signed ends the handshake. Nobody is asked for
  // one where there are none.
  std::string client_authorities_pem;
  Clients clients = Clients::kMustShowOne;
};

struct FreeTlsContext {
  void operator()(ssl_ctx_st* context) const;
};
using ServerTlsContext = std::unique_ptr<ssl_ctx_st, FreeTlsContext>;

// TLS 1.2 and up, for HTTP/1.1, without renegotiation and without resumption, so that each connection shows what it
// has. INVALID_ARGUMENT says what is not in order, and never what it is.
absl::StatusOr<ServerTlsContext> MakeServerTlsContext(const ServerTlsMaterial& material);

// The certificates that the client showed in a handshake that has gone well, its own first, as PEM; empty if none.
std::string ShownCertificates(const ssl_st* connection);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_HTTP_SERVER_TLS_CONTEXT_H_
