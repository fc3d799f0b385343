#include "gateway/tls/server_tls.h"

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/listen_address.h"
#include "gateway/tls/certificate.h"
#include "gateway/tls/trust_bundle.h"
#include "recorder/crypto/secret_text.h"
#include "recorder/system/file.h"

namespace sallyport::gateway {
namespace {

constexpr size_t kMostBytes = size_t{16} << 20;
constexpr size_t kMostChain = 16;

absl::Status FileFault(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, " ", what));
}

// The whole chain, and the certificate that the key must belong to.
absl::StatusOr<Certificate> CheckChain(const std::string& path, const std::string& pem) {
  const absl::StatusOr<std::vector<Certificate>> chain = Certificate::ReadPem(pem, kMostChain);
  if (!chain.ok()) return FileFault(path, chain.status().message());
  size_t number = 0;
  for (const Certificate& certificate : *chain) {
    ++number;
    absl::Status status = certificate.CheckKey();
    // What is wrong with the signature of a root is no matter.
    if (!certificate.IsSelfIssued()) status.Update(certificate.CheckSignatureAlgorithm());
    if (!status.ok()) return FileFault(path, absl::StrCat("certificate ", number, " ", status.message()));
  }
  return chain->front();
}

}  // namespace

struct ServerTls::Material {
  std::string cert_pem;
  recorder::SecretText key_pem;
  std::string client_ca_pem;
};

// What gRPC asks before each handshake of one port. It makes a connector of the credentials for each port, and each of
// those needs to be told of what is new.
class ServerTls::Port {
 public:
  explicit Port(const ServerTls* tls) : tls_(tls) {}

  static grpc_ssl_certificate_config_reload_status Fetch(void* port, grpc_ssl_server_certificate_config** config) {
    return static_cast<Port*>(port)->Fetch(config);
  }

 private:
  grpc_ssl_certificate_config_reload_status Fetch(grpc_ssl_server_certificate_config** config) {
    std::shared_ptr<const Material> material = tls_->Current();
    if (material == given_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    // Of a std::string, and so with a zero at its end.
    const char* key = material->key_pem.view().data();
    const grpc_ssl_pem_key_cert_pair pair = {key, material->cert_pem.c_str()};
    // gRPC asserts that there are authorities, even where it asks nobody for a certificate: any will do then.
    const std::string& authorities = material->client_ca_pem.empty() ? material->cert_pem : material->client_ca_pem;
    *config = grpc_ssl_server_certificate_config_create(authorities.c_str(), &pair, 1);
    given_ = std::move(material);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  const ServerTls* const tls_;
  std::shared_ptr<const Material> given_;  // only used under gRPC's lock
};

// grpc::SslServerCredentials cannot be told of new files, and the credentials with a file watcher of gRPC 1.51 stop to
// accept connections where a certificate and its key were not replaced in the same instant. What gRPC's core has for
// this is not in its C++ interface; this is the way to it.
class ServerTls::PortCredentials : public grpc::ServerCredentials {
 public:
  explicit PortCredentials(ServerTls* tls) : tls_(tls) {}
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>& processor) override {
    spdlog::critical("the gateway's credentials take no metadata processor");
    std::abort();
  }

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return tls_->Listen(address, server);
  }

  ServerTls* const tls_;
};

ServerTls::ServerTls(ServerTlsOptions options) : options_(std::move(options)) {}
ServerTls::~ServerTls() = default;

absl::StatusOr<std::unique_ptr<ServerTls>> ServerTls::Create(ServerTlsOptions options) {
  std::unique_ptr<ServerTls> tls(new ServerTls(std::move(options)));
  if (absl::Status status = tls->Reload(); !status.ok()) return status;
  return tls;
}

std::shared_ptr<grpc::ServerCredentials> ServerTls::Credentials() { return std::make_shared<PortCredentials>(this); }

std::vector<std::string> ServerTls::Files() const {
  std::vector<std::string> files = {options_.cert_file, options_.key_file};
  files.insert(files.end(), options_.client_ca_files.begin(), options_.client_ca_files.end());
  return files;
}

absl::StatusOr<std::shared_ptr<const ServerTls::Material>> ServerTls::Load() const {
  auto material = std::make_shared<Material>();
  absl::StatusOr<std::string> cert = recorder::ReadWholeFile(options_.cert_file, kMostBytes);
  if (!cert.ok()) return cert.status();
  absl::StatusOr<std::string> key = recorder::ReadWholeFile(options_.key_file, kMostBytes);
  if (!key.ok()) return key.status();
  material->cert_pem = *std::move(cert);
  material->key_pem = recorder::SecretText(*std::move(key));
  const absl::StatusOr<Certificate> certificate = CheckChain(options_.cert_file, material->cert_pem);
  if (!certificate.ok()) return certificate.status();
  if (absl::Status status = CheckPrivateKey(*certificate, material->key_pem.view()); !status.ok()) {
    return FileFault(options_.key_file,
                     absl::StrCat("holds no private key for ", options_.cert_file, ": it ", status.message()));
  }
  for (const std::string& path : options_.client_ca_files) {
    absl::StatusOr<std::string> authorities = recorder::ReadWholeFile(path, kMostBytes);
    if (!authorities.ok()) return authorities.status();
    // Only to check it: gRPC stops reading where something is wrong, and says nothing.
    const absl::StatusOr<TrustBundle> bundle = TrustBundle::Create({path, *authorities}, std::nullopt);
    if (!bundle.ok()) return bundle.status();
    absl::StrAppend(&material->client_ca_pem, *authorities, "\n");
  }
  return material;
}

absl::Status ServerTls::Reload() {
  absl::StatusOr<std::shared_ptr<const Material>> material = Load();
  if (!material.ok()) return material.status();
  const std::lock_guard lock(mutex_);
  material_ = *std::move(material);
  return absl::OkStatus();
}

std::shared_ptr<const ServerTls::Material> ServerTls::Current() const {
  const std::lock_guard lock(mutex_);
  return material_;
}

absl::Time ServerTls::Expires() const {
  absl::Time first = absl::InfiniteFuture();
  const absl::StatusOr<std::vector<Certificate>> chain = Certificate::ReadPem(Current()->cert_pem, kMostChain);
  // It was read before.
  if (!chain.ok()) return first;
  for (const Certificate& certificate : *chain) first = std::min(first, certificate.NotAfter());
  return first;
}

int ServerTls::Listen(const std::string& address, grpc_server* server) {
  grpc_ssl_client_certificate_request_type request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  const bool optional = options_.callers == ServerTlsOptions::Callers::kMayShowOne;
  if (optional) request = GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY;
  if (options_.client_ca_files.empty()) request = GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE;
  int port = 0;
  // Each address as a port of its own: sockets that share a connector could use its certificate while another replaces
  // it, which gRPC 1.51 does not guard against.
  for (const std::string& one : NumericAddresses(address)) {
    auto owner = std::make_unique<Port>(this);
    Port* const fetcher = owner.get();
    {
      const std::lock_guard lock(mutex_);
      ports_.push_back(std::move(owner));
    }
    grpc_server_credentials* credentials = grpc_ssl_server_credentials_create_with_options(
        grpc_ssl_server_credentials_create_options_using_config_fetcher(request, Port::Fetch, fetcher));
    const std::string target = port != 0 && absl::EndsWith(one, ":0") ? WithPort(one, port) : one;
    const int taken = grpc_server_add_http2_port(server, target.c_str(), credentials);
    grpc_server_credentials_release(credentials);
    if (port == 0) port = taken;
  }
  return port;
}

}  // namespace sallyport::gateway
