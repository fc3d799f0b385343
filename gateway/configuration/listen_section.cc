// `listen`: where and how callers are let in.
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"
#include "gateway/listen_address.h"
#include "gateway/listener/listening_socket.h"
#include "gateway/tls/server_tls.h"

namespace sallyport::gateway {
namespace {

void CheckTls(ConfigurationCheck& check) {
  GatewayOptions& options = check.options();
  const v1::ServerTls& tls = check.config().listen().tls();
  if (tls.cert().empty()) check.Fail("listen.tls.cert", "is missing: the PEM file of the gateway's certificate chain");
  if (tls.key().empty()) check.Fail("listen.tls.key", "is missing: the PEM file of the certificate's private key");
  if (tls.cert().empty() || tls.key().empty()) return;
  options.tls.emplace();
  options.tls->cert_file = tls.cert();
  options.tls->key_file = tls.key();
  if (!tls.client_ca().empty()) options.tls->client_ca_files.push_back(tls.client_ca());
  const absl::StatusOr<std::unique_ptr<ServerTls>> loaded = ServerTls::Create(*options.tls);
  if (!loaded.ok()) check.Fail("listen.tls", loaded.status().message());
}

void CheckAddress(ConfigurationCheck& check, const std::string& key, const std::string& address) {
  if (const std::string fault = address == kInherited ? "" : ListenFault(address); !fault.empty()) {
    return check.Fail(key, fault);
  }
  check.options().listen.push_back(address);
}

void CheckAddresses(ConfigurationCheck& check) {
  const v1::Config& config = check.config();
  GatewayOptions& options = check.options();
  const int count = config.listen().addresses_size();
  for (int i = 0; i < count; ++i) {
    CheckAddress(check, absl::StrCat("listen.addresses[", i, "]"), config.listen().addresses(i));
  }
  if (!config.listen().address().empty()) CheckAddress(check, "listen.address", config.listen().address());
  if (count == 0 && config.listen().address().empty()) {
    check.Fail("listen.address", "give at least one address, such as 127.0.0.1:50050");
  }
  const v1::CallerKeepalive& keepalive = config.listen().keepalive();
  options.caller_keepalive_time =
      check.DurationBetween("listen.keepalive.time", keepalive.time(), "15s", absl::Hours(1));
  options.caller_keepalive_timeout =
      check.DurationBetween("listen.keepalive.timeout", keepalive.timeout(), "10s", absl::Hours(1));
  if (config.listen().has_tls()) return CheckTls(check);
  if (config.listen().insecure()) return;
  for (const std::string& address : options.listen) {
    if (IsLoopback(address)) continue;
    check.Fail("listen",
               absl::StrCat("\"", address,
                            "\" can be reached from other machines, and without TLS whoever is on "
                            "the way reads and changes all calls: give listen.tls, or say listen.insecure: true (for "
                            "a first try --insecure-listen) if something else protects them"));
  }
}

}  // namespace

void CheckListen(ConfigurationCheck& check) {
  GatewayOptions& options = check.options();
  CheckAddresses(check);
  const bool local = std::all_of(options.listen.begin(), options.listen.end(),
                                 [](const std::string& address) { return IsLoopback(address); });
  options.listen_options = CheckListenOptions(check.config().listen(), check.config().limits(), local, check.Fault());
}

}  // namespace sallyport::gateway
