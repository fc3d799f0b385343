// `events`: who is told what happens.
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gateway/configuration/sections.h"
#include "gateway/files/small_file.h"
#include "gateway/http/http_client.h"

namespace sallyport::gateway {
namespace {

constexpr char kDefaultFileSize[] = "64MiB";
constexpr uint64_t kLeastFileSize = 64 << 10;
constexpr uint64_t kMostFileSize = uint64_t{1} << 40;
constexpr uint32_t kMostFiles = 1000;
// sockaddr_un takes no longer path.
constexpr size_t kMostSocketPath = 107;

EventTlsOptions CheckTls(ConfigurationCheck& check, const std::string& key, const v1::EventTls& tls) {
  EventTlsOptions options;
  options.ca_file = check.ReadableFile(key + ".ca", tls.ca(), "CERTIFICATE", "certificate");
  options.cert_file = check.ReadableFile(key + ".cert", tls.cert(), "CERTIFICATE", "certificate");
  options.key_file = check.ReadableFile(key + ".key", tls.key(), "PRIVATE KEY", "private key");
  options.server_name = tls.server_name();
  if (tls.cert().empty() != tls.key().empty()) check.Fail(key, "needs both cert and key, or neither");
  return options;
}

EventFileOptions CheckFile(ConfigurationCheck& check, const std::string& key, const v1::EventFile& file) {
  EventFileOptions options;
  options.path = file.path();
  if (!absl::StartsWith(options.path, "/") || absl::EndsWith(options.path, "/")) {
    check.Fail(
        key + ".path",
        absl::StrCat("\"", options.path, "\" is not the whole path of a file, such as /var/log/sallyport/events.json"));
  } else {
    check.Directory(key + ".path", options.path.substr(0, options.path.rfind('/') + 1));
  }
  options.most_bytes = check.Size(key + ".size", file.size(), kDefaultFileSize, kLeastFileSize, kMostFileSize);
  if (file.keep() > kMostFiles)
    check.Fail(key + ".keep", absl::StrCat(file.keep(), " is not between 1 and ", kMostFiles));
  if (file.keep() != 0) options.keep = file.keep();
  return options;
}

// Splits "host:port" and "[::1]:port".
void CheckHostAndPort(ConfigurationCheck& check, const std::string& key, const std::string& address,
                      EventSyslogOptions& options) {
  const size_t colon = address.rfind(':');
  const std::string host = address.substr(0, colon == std::string::npos ? 0 : colon);
  const bool bracketed = absl::StartsWith(host, "[") && absl::EndsWith(host, "]");
  const bool named = !host.empty() && host.find_first_of("/@?#% \t") == std::string::npos &&
                     (bracketed || host.find_first_of(":[]") == std::string::npos);
  int port = 0;
  if (!named || !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return check.Fail(key, absl::StrCat("\"", address, "\" is neither host:port nor unix:/path"));
  }
  options.host = host;
  options.port = port;
}

EventSyslogOptions CheckSyslog(ConfigurationCheck& check, const std::string& key, const v1::EventSyslog& syslog) {
  EventSyslogOptions options;
  options.use_tls = syslog.has_tls();
  options.tls = CheckTls(check, key + ".tls", syslog.tls());
  if (absl::StartsWith(syslog.address(), "unix:")) {
    options.unix_path = std::string(absl::StripPrefix(syslog.address(), "unix:"));
    if (!absl::StartsWith(options.unix_path, "/") || options.unix_path.size() > kMostSocketPath) {
      check.Fail(key + ".address", absl::StrCat("needs a whole path of at most ", kMostSocketPath,
                                                " bytes behind unix:, such as unix:/run/syslog.sock"));
    }
    if (options.use_tls) check.Fail(key + ".tls", "is for host:port: a UNIX socket does not leave the machine");
    return options;
  }
  CheckHostAndPort(check, key + ".address", syslog.address(), options);
  // The same judgement of what is this machine as of URLs.
  if (!options.host.empty() && !options.use_tls && !syslog.insecure() && IsExposed("http://" + options.host)) {
    check.Fail(key,
               "has no tls, so whoever is on the way reads and changes what is sent: give tls (an empty one, tls: {}, "
               "takes the system's authorities), or say insecure: true if something else protects it");
  }
  return options;
}

EventHttpOptions CheckHttp(ConfigurationCheck& check, const std::string& key, const v1::EventHttp& http) {
  EventHttpOptions options;
  options.url = http.url();
  if (absl::Status status = CheckProtectedUrl(http.url(), http.insecure()); !status.ok()) {
    check.Fail(key + ".url", status.message());
  }
  options.token_file = http.token_file();
  if (!options.token_file.empty()) {
    if (const absl::Status read = ReadTokenFile(options.token_file).status(); !read.ok()) {
      check.Fail(key + ".token_file", read.message());
    }
  }
  options.tls = CheckTls(check, key + ".tls", http.tls());
  if (!http.tls().server_name().empty()) {
    check.Fail(key + ".tls.server_name", "is for syslog: the certificate is of the url's host");
  }
  options.timeout = check.DurationBetween(key + ".timeout", http.timeout(), "10s", absl::Minutes(10));
  return options;
}

void CheckKinds(ConfigurationCheck& check, const std::string& key, const v1::EventReceiver& receiver,
                EventReceiverOptions& options) {
  if (receiver.only().empty()) return;
  options.call_ends = options.refusals = options.decisions = false;
  for (const int kind : receiver.only()) {
    switch (kind) {
      case v1::EventReceiver::call_end:
        options.call_ends = true;
        break;
      case v1::EventReceiver::refusal:
        options.refusals = true;
        break;
      case v1::EventReceiver::decision:
        options.decisions = true;
        break;
      default:
        check.Fail(key + ".only", "is none of call_end, refusal and decision");
    }
  }
}

}  // namespace

void CheckEvents(ConfigurationCheck& check) {
  const v1::Events& events = check.config().events();
  // In the order of their names: the map's own order is random.
  const std::map<std::string, v1::EventReceiver> sorted(events.receivers().begin(), events.receivers().end());
  if (!sorted.empty() && check.options().durability == Durability::kOff) {
    check.Fail("events", "is made from the record, and with data.durability: off nothing is recorded");
  }
  for (const auto& [name, receiver] : sorted) {
    const std::string key = absl::StrCat("events.receivers.", name);
    EventReceiverOptions options;
    options.name = name;
    options.from_oldest = receiver.from_oldest();
    if (!IsReceiverName(name)) check.Fail(key, "has a name that is not 1 to 64 letters, digits, - and _");
    CheckKinds(check, key, receiver, options);
    if (receiver.has_file() + receiver.has_syslog() + receiver.has_http() != 1) {
      check.Fail(key, "needs exactly one of file, syslog and http");
      continue;
    }
    if (receiver.has_file()) options.kind = CheckFile(check, key + ".file", receiver.file());
    if (receiver.has_syslog()) options.kind = CheckSyslog(check, key + ".syslog", receiver.syslog());
    if (receiver.has_http()) options.kind = CheckHttp(check, key + ".http", receiver.http());
    check.options().events.push_back(std::move(options));
  }
}

}  // namespace sallyport::gateway
