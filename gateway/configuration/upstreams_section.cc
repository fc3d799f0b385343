// `upstreams`: where calls go, and what is shown there.
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <map>

#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"
#include "gateway/relay/own/own_services.h"
#include "gateway/upstream/authority.h"
#include "gateway/upstream/credentials/credentials_check.h"
#include "protos/grpc_target.h"

namespace sallyport::gateway {
namespace {

constexpr char kDefaultRetryBuffer[] = "256KiB";

// The same bytes for equal messages, within a process.
std::string SerializedOf(const google::protobuf::MessageLite& message) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

void CheckTarget(ConfigurationCheck& check, const std::string& key, const std::string& target) {
  if (target.empty()) return check.Fail(key, "is missing: host:port or any other target gRPC understands");
  if (const std::string fault = TargetFault(target); !fault.empty()) check.Fail(key, fault);
}

void CheckConnections(ConfigurationCheck& check, const std::string& key, const v1::Upstream& upstream,
                      UpstreamOptions& options) {
  if (!upstream.authority().empty() && !IsAuthority(upstream.authority())) {
    check.Fail(key + ".authority", absl::StrCat("\"", upstream.authority(), "\" is neither host nor host:port"));
  }
  options.authority = upstream.authority();
  const v1::UpstreamConnections& connections = upstream.connections();
  if (connections.most() > 64) check.Fail(key + ".connections.most", "is more than 64");
  if (connections.most() != 0) options.connections.most = connections.most();
  options.connections.streams = connections.streams();
  switch (connections.share()) {
    case v1::UpstreamConnections::identity:
      options.connections.share = ConnectionShare::kIdentity;
      break;
    case v1::UpstreamConnections::caller_connection:
      options.connections.share = ConnectionShare::kCallerConnection;
      break;
    default:
      options.connections.share = ConnectionShare::kAll;
  }
  options.connections.lost_after =
      check.DurationBetween(key + ".connections.lost_after", connections.lost_after(), "10s", absl::Hours(1));
  if (upstream.has_keepalive()) {
    options.keepalive_time =
        check.DurationBetween(key + ".keepalive.time", upstream.keepalive().time(), "", absl::Hours(24));
    options.keepalive_timeout =
        check.DurationBetween(key + ".keepalive.timeout", upstream.keepalive().timeout(), "20s", absl::Hours(1));
  }
  options.retry_bytes = check.Size(key + ".retry_buffer", upstream.retry_buffer(), kDefaultRetryBuffer, 0, 1 << 30);
}

}  // namespace

void CheckUpstreams(ConfigurationCheck& check) {
  const v1::Config& config = check.config();
  if (config.upstreams().empty())
    check.Fail("upstreams", "give at least one upstream, such as etcd: {target: \"host:port\"}");
  // In the order of their names: the map's own order is random.
  std::map<std::string, v1::Upstream> sorted(config.upstreams().begin(), config.upstreams().end());
  for (const auto& [name, upstream] : sorted) {
    std::string key = absl::StrCat("upstreams.", name);
    UpstreamOptions options;
    if (name == kOwnUpstream)
      check.Fail(key, "has the name that stands for the gateway itself: call it something else");
    options.name = name;
    options.source = SerializedOf(upstream);
    options.target = upstream.target();
    CheckTarget(check, key + ".target", options.target);
    if (!upstream.load_balancing().empty()) options.load_balancing = upstream.load_balancing();
    CheckConnections(check, key, upstream, options);
    if (upstream.has_tls()) {
      options.tls = true;
      options.ca_file = check.ReadableFile(key + ".tls.ca", upstream.tls().ca(), "CERTIFICATE", "certificate");
      options.cert_file = check.ReadableFile(key + ".tls.cert", upstream.tls().cert(), "CERTIFICATE", "certificate");
      options.key_file = check.ReadableFile(key + ".tls.key", upstream.tls().key(), "PRIVATE KEY", "private key");
      options.server_name = upstream.tls().server_name();
      if (upstream.tls().cert().empty() != upstream.tls().key().empty()) {
        check.Fail(key + ".tls", "needs both cert and key, or neither");
      }
    }
    options.message_bytes = check.options().message_bytes;
    options.metadata_bytes = check.options().metadata_bytes;
    if (upstream.has_credentials()) {
      options.credentials =
          CheckCredentials(upstream.credentials(), key + ".credentials", name,
                           config.has_token_signing() || check.faults().Unread("token_signing"), check.Fault());
    }
    check.options().upstreams.push_back(std::move(options));
  }
}

}  // namespace sallyport::gateway
