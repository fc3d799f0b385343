// `api`: the door for those who read the record.
#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"
#include "gateway/http/http_server.h"
#include "gateway/listen_address.h"
#include "gateway/relay/durability.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostTexts = 100;

// A scheme with a host and maybe a port, as browsers send it; nothing behind that.
bool IsOrigin(const std::string& text) {
  for (const char* const scheme : {"https://", "http://"}) {
    if (!absl::StartsWith(text, scheme)) continue;
    const std::string host = text.substr(std::string(scheme).size());
    return !host.empty() && std::none_of(host.begin(), host.end(), [](unsigned char c) {
      return c <= ' ' || c >= 0x7f || c == '/' || c == '?' || c == '#' || c == '@' || c == '*' || c == ',' ||
             (c >= 'A' && c <= 'Z');
    });
  }
  return false;
}

bool IsHostName(const std::string& text) {
  return !text.empty() && text.size() <= 253 && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':' || c == '[' || c == ']';
  });
}

void CheckTls(ConfigurationCheck& check, const v1::ServerTls& tls, ApiOptions& api) {
  if (tls.cert().empty()) check.Fail("api.tls.cert", "is missing: the PEM file of the door's certificate chain");
  if (tls.key().empty()) check.Fail("api.tls.key", "is missing: the PEM file of the certificate's private key");
  if (tls.cert().empty() || tls.key().empty()) return;
  api.tls.emplace();
  api.tls->cert_file = tls.cert();
  api.tls->key_file = tls.key();
  if (!tls.client_ca().empty()) {
    api.tls->client_ca_files.push_back(tls.client_ca());
  } else if (const std::optional<v1::MtlsIdentity>& mtls = check.options().identity.mtls; mtls.has_value()) {
    // Readers prove themselves as callers do; those who have another proof need no certificate.
    if (!mtls->ca().empty()) api.tls->client_ca_files.push_back(mtls->ca());
    for (const v1::TrustDomain& domain : mtls->trust_domains()) api.tls->client_ca_files.push_back(domain.bundle());
    api.tls->callers = ServerTlsOptions::Callers::kMayShowOne;
  }
  const absl::StatusOr<std::unique_ptr<ServerTls>> loaded = ServerTls::Create(*api.tls);
  if (!loaded.ok()) check.Fail("api.tls", loaded.status().message());
}

void CheckAddress(ConfigurationCheck& check, const std::string& key, const std::string& address) {
  if (address.empty()) return;
  if (absl::Status status = CheckHttpAddress(address); !status.ok()) {
    return check.Fail(key, absl::StrCat("\"", address, "\" ", status.message()));
  }
  if (const std::string fault = ListenFault(address); !fault.empty()) return check.Fail(key, fault);
  const v1::Api& api = check.config().api();
  if (api.has_tls() || api.insecure() || IsLoopback(address)) return;
  check.Fail(key,
             absl::StrCat("\"", address,
                          "\" can be reached from other machines, and without TLS whoever is on the way reads what "
                          "is recorded, and tokens: give api.tls, or say api.insecure: true if something else "
                          "protects them"));
}

void CheckLogin(ConfigurationCheck& check, const v1::Login& login, LoginOptions& options) {
  options.lasts = check.DurationBetween("api.login.lasts", login.lasts(), "12h", absl::Hours(24 * 30));
  options.idle = check.DurationBetween("api.login.idle", login.idle(), "1h", absl::Hours(24 * 30));
  if (options.lasts < absl::Minutes(1)) check.Fail("api.login.lasts", "must be at least 1m");
  if (!login.has_oidc()) return;
  const v1::OidcLogin& oidc = login.oidc();
  OidcLoginOptions& made = options.oidc.emplace();
  made.issuer = oidc.issuer();
  made.client_id = oidc.client_id();
  made.secret_file = oidc.client_secret().from_file();
  made.scopes.assign(oidc.scopes().begin(), oidc.scopes().end());
  made.url = oidc.url();
  const auto& issuers = check.options().identity.issuers;
  const bool known = std::any_of(issuers.begin(), issuers.end(), [&oidc](const OidcIssuerOptions& issuer) {
    return issuer.rules.issuer == oidc.issuer();
  });
  if (!known) {
    check.Fail("api.login.oidc.issuer",
               absl::StrCat("\"", oidc.issuer(), "\" is none of identity.oidc, which says what its tokens are like"));
  }
  if (oidc.client_id().empty()) check.Fail("api.login.oidc.client_id", "is missing: the name of this client there");
  if (oidc.has_client_secret() && made.secret_file.empty()) {
    check.Fail("api.login.oidc.client_secret.from_file", "is missing: the file that the secret is in");
  }
  if (!made.url.empty() && !IsOrigin(made.url)) {
    check.Fail("api.login.oidc.url", absl::StrCat("\"", made.url, "\" is not like https://sallyport.example"));
  }
}

}  // namespace

void CheckApi(ConfigurationCheck& check) {
  if (!check.config().has_api()) return;
  const v1::Api& api = check.config().api();
  ApiOptions& options = check.options().api;
  options.address = api.address();
  options.grpc = api.grpc();
  options.origins.assign(api.origins().begin(), api.origins().end());
  options.hosts.assign(api.hosts().begin(), api.hosts().end());
  if (check.options().durability == Durability::kOff) {
    check.Fail("api", "shows what is recorded, and data.durability is off: nothing is");
  }
  CheckAddress(check, "api.address", api.address());
  CheckAddress(check, "api.grpc", api.grpc());
  if (api.has_tls()) CheckTls(check, api.tls(), options);
  if (options.origins.size() > kMostTexts) check.Fail("api.origins", absl::StrCat("at most ", kMostTexts));
  for (int i = 0; i < api.origins_size(); ++i) {
    if (IsOrigin(api.origins(i))) continue;
    check.Fail(absl::StrCat("api.origins[", i, "]"),
               absl::StrCat("\"", api.origins(i), "\" is no origin, such as https://sallyport.example"));
  }
  if (options.hosts.size() > kMostTexts) check.Fail("api.hosts", absl::StrCat("at most ", kMostTexts));
  for (int i = 0; i < api.hosts_size(); ++i) {
    if (IsHostName(api.hosts(i))) continue;
    check.Fail(absl::StrCat("api.hosts[", i, "]"),
               absl::StrCat("\"", api.hosts(i), "\" is no name of a host, such as sallyport.example"));
  }
  if (api.has_login()) CheckLogin(check, api.login(), options.login);
}

}  // namespace sallyport::gateway
