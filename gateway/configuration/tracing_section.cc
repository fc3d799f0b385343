// `tracing` and `log`: what operators see of calls, besides the record.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"
#include "gateway/http/http_client.h"
#include "protos/grpc_target.h"

namespace sallyport::gateway {
namespace {

// Whether what goes to a target leaves this machine.
bool LeavesMachine(const std::string& target) {
  if (absl::StartsWith(target, "unix")) return false;
  std::string host = target;
  for (const char* scheme : {"dns:///", "dns:", "ipv4:", "ipv6:"}) {
    if (absl::StartsWith(host, scheme)) {
      host = host.substr(std::string(scheme).size());
      break;
    }
  }
  // Of several addresses each could be another machine's.
  return absl::StrContains(host, ',') || IsExposed(absl::StrCat("http://", host, "/"));
}

void CheckTls(ConfigurationCheck& check, const v1::TracingTls& tls, TracingOptions& options) {
  options.tls = true;
  options.ca_file = check.ReadableFile("tracing.tls.ca", tls.ca(), "CERTIFICATE", "certificate");
  options.cert_file = check.ReadableFile("tracing.tls.cert", tls.cert(), "CERTIFICATE", "certificate");
  options.key_file = check.ReadableFile("tracing.tls.key", tls.key(), "PRIVATE KEY", "private key");
  options.server_name = tls.server_name();
  if (tls.cert().empty() != tls.key().empty()) check.Fail("tracing.tls", "needs both cert and key, or neither");
}

}  // namespace

void CheckTracing(ConfigurationCheck& check) {
  if (!check.config().has_tracing()) return;
  const v1::Tracing& tracing = check.config().tracing();
  TracingOptions& options = check.options().tracing.emplace();
  options.target = tracing.otlp();
  if (options.target.empty()) {
    check.Fail("tracing.otlp", "is missing: host:port of a collector that takes OTLP/gRPC, such as \"127.0.0.1:4317\"");
  } else if (const std::string fault = TargetFault(options.target); !fault.empty()) {
    check.Fail("tracing.otlp", fault);
  } else if (!tracing.has_tls() && !tracing.insecure() && LeavesMachine(options.target)) {
    check.Fail("tracing.otlp", absl::StrCat("\"", options.target,
                                            "\" is another machine: give tracing.tls (an empty one, {}, takes the "
                                            "system's authorities), or insecure: true if something else protects the "
                                            "way"));
  }
  if (tracing.has_sample()) options.sample = tracing.sample();
  if (!(options.sample >= 0 && options.sample <= 1)) {
    check.Fail("tracing.sample", absl::StrCat(options.sample, " is not between 0 and 1"));
  }
  if (tracing.has_tls()) CheckTls(check, tracing.tls(), options);
}

void CheckLog(ConfigurationCheck& check) {
  const v1::Log& log = check.config().log();
  LogOptions& options = check.options().log;
  options.json = log.format() == v1::Log::json;
  if (log.calls() == v1::Log::failed) options.calls = LogOptions::Calls::kFailed;
  if (log.calls() == v1::Log::all) options.calls = LogOptions::Calls::kAll;
  options.level = log.level();
  for (const char* level : {"", "trace", "debug", "info", "warn", "error"}) {
    if (options.level == level) return;
  }
  check.Fail("log.level", absl::StrCat("\"", options.level, "\" is none of trace, debug, info, warn and error"));
}

}  // namespace sallyport::gateway
