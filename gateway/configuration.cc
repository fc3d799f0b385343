#include "gateway/configuration.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gateway/health/health_service.h"
#include "gateway/http/http_client.h"
#include "gateway/http/http_server.h"
#include "gateway/identity/identity_options.h"
#include "gateway/listen_address.h"
#include "gateway/listener/listening_socket.h"
#include "gateway/reflection/reflection_server.h"
#include "gateway/stream_windows.h"
#include "gateway/upstream/authority.h"
#include "gateway/upstream/credentials/credentials_check.h"
#include "policy/method_globs.h"
#include "policy/policy.h"
#include "protos/faults.h"
#include "protos/grpc_target.h"
#include "protos/quantities.h"
#include "protos/yaml_message.h"

namespace sallyport::gateway {
namespace {

constexpr char kDefaultMessageSize[] = "64MiB";
constexpr char kDefaultMetadataSize[] = "64KiB";
constexpr char kDefaultWindow[] = "1MiB";
constexpr char kDefaultRetryBuffer[] = "256KiB";
constexpr char kDefaultRefusalsSize[] = "1GiB";
constexpr char kDefaultBuffer[] = "64MiB";
constexpr char kDefaultSegmentSize[] = "256MiB";
constexpr char kDefaultSessionIdle[] = "30m";
constexpr char kDefaultCheckpointInterval[] = "1s";
constexpr char kDefaultRefresh[] = "5m";

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  }
  return std::move(text).str();
}

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

class Checker {
 public:
  Checker(const v1::Config& config, const std::string& name, const KeyLines& lines, const FormFaults& form)
      : config_(config), name_(name), lines_(lines), faults_(name, lines, form) {}

  absl::StatusOr<GatewayOptions> Check() {
    CheckListen();
    CheckIdentityAndPolicy();
    CheckData();
    CheckLimits();
    CheckAdmin();
    CheckUpstreams();
    CheckRoutes();
    CheckDescriptors();
    CheckCheckpoints();
    if (absl::Status status = faults_.status(); !status.ok()) return status;
    options_.source = config_;
    options_.file = name_;
    options_.lines = lines_;
    return std::move(options_);
  }

 private:
  void Fail(const std::string& key, absl::string_view problem) { faults_.Add(key, problem); }

  uint64_t Size(const std::string& key, const std::string& text, const char* otherwise, uint64_t least, uint64_t most) {
    absl::StatusOr<uint64_t> size = ParseSize(text.empty() ? otherwise : text);
    if (!size.ok()) {
      Fail(key, size.status().message());
      return 0;
    }
    if (*size < least || *size > most)
      Fail(key, absl::StrCat(text, " is not between ", least, " and ", most, " bytes"));
    return *size;
  }

  absl::Duration Duration(const std::string& key, const std::string& text, const char* otherwise) {
    absl::StatusOr<absl::Duration> duration = ParseDuration(text.empty() ? otherwise : text);
    if (!duration.ok()) {
      Fail(key, duration.status().message());
      return absl::ZeroDuration();
    }
    return *duration;
  }

  std::string File(const std::string& key, const std::string& path) {
    if (path.empty()) return "";
    absl::StatusOr<std::string> text = ReadFile(path);
    if (!text.ok()) {
      Fail(key, text.status().message());
      return "";
    }
    return *std::move(text);
  }

  // The same of one that holds PEM texts of this kind, such as "CERTIFICATE".
  std::string PemFile(const std::string& key, const std::string& path, const char* kind, const char* thing) {
    std::string text = File(key, path);
    if (!text.empty() && !absl::StrContains(text, absl::StrCat(kind, "-----"))) {
      Fail(key, absl::StrCat(path, " has no ", thing, " in PEM (-----BEGIN ", kind, "-----)"));
    }
    return text;
  }

  // The path, of a file that is read later on.
  std::string ReadableFile(const std::string& key, const std::string& path, const char* kind, const char* thing) {
    PemFile(key, path, kind, thing);
    return path;
  }

  // What the checks of other files tell their faults to.
  auto Faults() {
    return [this](const std::string& key, absl::string_view problem) { Fail(key, problem); };
  }

  void CheckListen() {
    CheckAddresses();
    const bool local = std::all_of(options_.listen.begin(), options_.listen.end(),
                                   [](const std::string& address) { return IsLoopback(address); });
    options_.listen_options = CheckListenOptions(config_.listen(), config_.limits(), local, Faults());
  }

  void CheckAddresses() {
    const int count = config_.listen().addresses_size();
    for (int i = 0; i < count; ++i) {
      CheckAddress(absl::StrCat("listen.addresses[", i, "]"), config_.listen().addresses(i));
    }
    if (!config_.listen().address().empty()) CheckAddress("listen.address", config_.listen().address());
    if (count == 0 && config_.listen().address().empty()) {
      Fail("listen.address", "give at least one address, such as 127.0.0.1:50050");
    }
    const v1::CallerKeepalive& keepalive = config_.listen().keepalive();
    options_.caller_keepalive_time = DurationBetween("listen.keepalive.time", keepalive.time(), "15s", absl::Hours(1));
    options_.caller_keepalive_timeout =
        DurationBetween("listen.keepalive.timeout", keepalive.timeout(), "10s", absl::Hours(1));
    if (config_.listen().has_tls()) return CheckTls();
    if (config_.listen().insecure()) return;
    for (const std::string& address : options_.listen) {
      if (IsLoopback(address)) continue;
      Fail("listen",
           absl::StrCat("\"", address,
                        "\" can be reached from other machines, and without TLS whoever is on "
                        "the way reads and changes all calls: give listen.tls, or say listen.insecure: true (for "
                        "a first try --insecure-listen) if something else protects them"));
    }
  }

  void CheckAddress(const std::string& key, const std::string& address) {
    if (const std::string fault = address == kInherited ? "" : ListenFault(address); !fault.empty()) {
      return Fail(key, fault);
    }
    options_.listen.push_back(address);
  }

  void CheckTarget(const std::string& key, const std::string& target) {
    if (target.empty()) return Fail(key, "is missing: host:port or any other target gRPC understands");
    if (const std::string fault = TargetFault(target); !fault.empty()) Fail(key, fault);
  }

  void CheckIdentityAndPolicy() {
    v1::IdentityConfig identity = config_.identity();
    const std::string& client_ca = config_.listen().tls().client_ca();
    if (!client_ca.empty()) {
      if (identity.has_mtls()) {
        Fail("listen.tls.client_ca", "stands beside identity.mtls: name the authorities there only");
      }
      identity.mutable_mtls()->set_ca(client_ca);
    }
    if (identity.has_mtls() && !config_.listen().has_tls() && !faults_.Unread("listen.tls")) {
      Fail("identity.mtls", "needs listen.tls: certificates are shown in TLS handshakes");
    }
    const bool local = std::all_of(options_.listen.begin(), options_.listen.end(),
                                   [](const std::string& address) { return IsLoopback(address); });
    options_.identity = CheckIdentity(identity, local, Faults());
    if (options_.identity.mtls.has_value() && options_.tls.has_value()) {
      const v1::MtlsIdentity& mtls = *options_.identity.mtls;
      ServerTlsOptions& tls = *options_.tls;
      tls.client_ca_files.clear();
      if (!mtls.ca().empty()) tls.client_ca_files.push_back(mtls.ca());
      for (const v1::TrustDomain& domain : mtls.trust_domains()) tls.client_ca_files.push_back(domain.bundle());
      if (mtls.optional()) tls.callers = ServerTlsOptions::Callers::kMayShowOne;
    }
    options_.policy_file = config_.policy();
    if (options_.policy_file.empty()) return;
    const absl::StatusOr<std::shared_ptr<const policy::Policy>> policy = policy::Policy::Load(options_.policy_file);
    if (!policy.ok()) Fail("policy", policy.status().message());
  }

  void CheckTls() {
    const v1::ServerTls& tls = config_.listen().tls();
    if (tls.cert().empty()) Fail("listen.tls.cert", "is missing: the PEM file of the gateway's certificate chain");
    if (tls.key().empty()) Fail("listen.tls.key", "is missing: the PEM file of the certificate's private key");
    if (tls.cert().empty() || tls.key().empty()) return;
    options_.tls.emplace();
    options_.tls->cert_file = tls.cert();
    options_.tls->key_file = tls.key();
    if (!tls.client_ca().empty()) options_.tls->client_ca_files.push_back(tls.client_ca());
    const absl::StatusOr<std::unique_ptr<ServerTls>> loaded = ServerTls::Create(*options_.tls);
    if (!loaded.ok()) Fail("listen.tls", loaded.status().message());
  }

  void CheckData() {
    const v1::Data& data = config_.data();
    switch (data.durability()) {
      case v1::write_ahead:
        options_.durability = Durability::kWriteAhead;
        break;
      case v1::relaxed:
        options_.durability = Durability::kRelaxed;
        break;
      case v1::off:
        options_.durability = Durability::kOff;
        break;
      default:
        options_.durability = Durability::kCommit;
    }
    options_.data_directory = data.directory();
    if (data.directory().empty() && options_.durability != Durability::kOff) {
      Fail("data.directory", "is missing: where to keep what is recorded");
    }
    if (!data.directory().empty()) CheckDirectory("data.directory", data.directory());
    if (!data.keys().empty()) {
      absl::StatusOr<recorder::KeySource> keys = recorder::KeySource::Parse(data.keys());
      if (!keys.ok()) {
        Fail("data.keys", keys.status().message());
      } else {
        CheckKeys("data.keys", *keys);
        options_.keys = *std::move(keys);
      }
    }
    options_.buffer_bytes = Size("data.buffer", data.buffer(), kDefaultBuffer, 64 << 10, uint64_t{64} << 30);
    options_.segment_bytes =
        Size("data.segment_size", data.segment_size(), kDefaultSegmentSize, 1 << 20, uint64_t{64} << 30);
    if (!data.retention().empty()) {
      options_.retention.age = Duration("data.retention", data.retention(), "");
      if (*options_.retention.age <= absl::ZeroDuration()) Fail("data.retention", "must be longer than nothing");
    }
    if (!data.retention_min_age().empty()) {
      options_.retention.min_age = Duration("data.retention_min_age", data.retention_min_age(), "");
      if (data.retention_size().empty() && !faults_.Unread("data.retention_size")) {
        Fail("data.retention_min_age", "goes with retention_size");
      }
    }
    if (!data.reveal_key().empty()) {
      absl::StatusOr<recorder::RevealKey> key = recorder::RevealKey::Parse(data.reveal_key());
      if (key.ok()) {
        options_.reveal_key = *std::move(key);
      } else {
        Fail("data.reveal_key", key.status().message());
      }
    }
    if (!data.retention_size().empty()) {
      options_.retention.bytes =
          Size("data.retention_size", data.retention_size(), "", options_.segment_bytes, uint64_t{1} << 60);
    }
  }

  // That the path is one of a directory, or of one that can be made.
  void CheckDirectory(const std::string& key, const std::string& path) {
    std::error_code error;
    std::filesystem::path at = std::filesystem::absolute(path, error);
    while (at.has_relative_path()) {
      const std::filesystem::file_status status = std::filesystem::status(at, error);
      if (std::filesystem::is_directory(status)) return;
      if (std::filesystem::exists(status)) {
        return Fail(key, absl::StrCat(at.string(), " is a file: give a directory, which is made if it is not there"));
      }
      at = at.parent_path();
    }
  }

  // A keyring is read when the gateway starts, and a command is run only then.
  void CheckKeys(const std::string& key, const recorder::KeySource& source) {
    std::error_code error;
    if (source.kind == recorder::KeySource::Kind::kFile && std::filesystem::is_directory(source.value, error)) {
      Fail(key, absl::StrCat(source.value, " is a directory, and no keyring file"));
    }
    if (source.kind == recorder::KeySource::Kind::kEnvironment && std::getenv(source.value.c_str()) == nullptr) {
      Fail(key, absl::StrCat("the environment has no variable ", source.value));
    }
  }

  void CheckLimits() {
    // A frame must fit into one block of the log, which holds 1 GiB (recorder/FORMAT.md).
    uint64_t most = uint64_t{1000} << 20;
    options_.message_bytes = Size("limits.message_size", config_.limits().message_size(), kDefaultMessageSize, 1, most);
    options_.metadata_bytes =
        Size("limits.metadata_size", config_.limits().metadata_size(), kDefaultMetadataSize, 1024, 64 << 20);
    options_.window = static_cast<uint32_t>(
        Size("limits.window", config_.limits().window(), kDefaultWindow, kLeastWindow, kMostWindow));
    options_.session_idle = Duration("sessions.idle", config_.sessions().idle(), kDefaultSessionIdle);
    CheckRefusals();
  }

  void CheckRefusals() {
    const v1::Refusals& refusals = config_.limits().refusals();
    Rate("limits.refusals.per_peer", refusals.per_peer(), &options_.refusals.per_peer);
    Rate("limits.refusals.recorded", refusals.recorded(), &options_.refusals.recorded);
    options_.refusals.daily_bytes =
        Size("limits.refusals.daily_size", refusals.daily_size(), kDefaultRefusalsSize, 16 << 20, uint64_t{1} << 50);
  }

  // A number of times a second; what `*rate` holds unless given.
  void Rate(const std::string& key, double given, double* rate) {
    if (given == 0) return;
    if (!(given >= 0.01 && given <= 1e6)) Fail(key, absl::StrCat(given, " is not between 0.01 and 1000000"));
    *rate = given;
  }

  void CheckAdmin() {
    options_.admin_address = config_.admin().address();
    if (!options_.admin_address.empty()) {
      if (absl::Status status = CheckHttpAddress(options_.admin_address); !status.ok()) {
        Fail("admin.address", absl::StrCat("\"", options_.admin_address, "\" ", status.message()));
      } else if (const std::string fault = ListenFault(options_.admin_address); !fault.empty()) {
        Fail("admin.address", fault);
      }
    }
    if (!config_.has_token_signing()) return;
    options_.token_signing = CheckTokenSigning(config_.token_signing(), "token_signing", Faults());
  }

  void CheckUpstreams() {
    if (config_.upstreams().empty())
      Fail("upstreams", "give at least one upstream, such as etcd: {target: \"host:port\"}");
    // In the order of their names: the map's own order is random.
    std::map<std::string, v1::Upstream> sorted(config_.upstreams().begin(), config_.upstreams().end());
    for (const auto& [name, upstream] : sorted) {
      std::string key = absl::StrCat("upstreams.", name);
      UpstreamOptions options;
      if (name == kOwnUpstream) Fail(key, "has the name that stands for the gateway itself: call it something else");
      options.name = name;
      options.source = SerializedOf(upstream);
      options.target = upstream.target();
      CheckTarget(key + ".target", options.target);
      if (!upstream.load_balancing().empty()) options.load_balancing = upstream.load_balancing();
      CheckConnections(key, upstream, options);
      if (upstream.has_tls()) {
        options.tls = true;
        options.ca_file = ReadableFile(key + ".tls.ca", upstream.tls().ca(), "CERTIFICATE", "certificate");
        options.cert_file = ReadableFile(key + ".tls.cert", upstream.tls().cert(), "CERTIFICATE", "certificate");
        options.key_file = ReadableFile(key + ".tls.key", upstream.tls().key(), "PRIVATE KEY", "private key");
        options.server_name = upstream.tls().server_name();
        if (upstream.tls().cert().empty() != upstream.tls().key().empty()) {
          Fail(key + ".tls", "needs both cert and key, or neither");
        }
      }
      options.message_bytes = options_.message_bytes;
      options.metadata_bytes = options_.metadata_bytes;
      if (upstream.has_credentials()) {
        options.credentials =
            CheckCredentials(upstream.credentials(), key + ".credentials", name,
                             config_.has_token_signing() || faults_.Unread("token_signing"), Faults());
      }
      options_.upstreams.push_back(std::move(options));
    }
  }

  void CheckConnections(const std::string& key, const v1::Upstream& upstream, UpstreamOptions& options) {
    if (!upstream.authority().empty() && !IsAuthority(upstream.authority())) {
      Fail(key + ".authority", absl::StrCat("\"", upstream.authority(), "\" is neither host nor host:port"));
    }
    options.authority = upstream.authority();
    const v1::UpstreamConnections& connections = upstream.connections();
    if (connections.most() > 64) Fail(key + ".connections.most", "is more than 64");
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
        DurationBetween(key + ".connections.lost_after", connections.lost_after(), "10s", absl::Hours(1));
    if (upstream.has_keepalive()) {
      options.keepalive_time =
          DurationBetween(key + ".keepalive.time", upstream.keepalive().time(), "", absl::Hours(24));
      options.keepalive_timeout =
          DurationBetween(key + ".keepalive.timeout", upstream.keepalive().timeout(), "20s", absl::Hours(1));
    }
    options.retry_bytes = Size(key + ".retry_buffer", upstream.retry_buffer(), kDefaultRetryBuffer, 0, 1 << 30);
  }

  // From a second on.
  absl::Duration DurationBetween(const std::string& key, const std::string& text, const char* otherwise,
                                 absl::Duration most) {
    const absl::Duration duration = Duration(key, text, otherwise);
    if (duration < absl::Seconds(1) || duration > most) {
      Fail(key, absl::StrCat("\"", text, "\" is not between 1s and ", absl::FormatDuration(most)));
    }
    return duration;
  }

  // Of a route; nothing given is no bound.
  absl::Duration RouteDuration(const std::string& key, const std::string& text) {
    if (text.empty()) return absl::InfiniteDuration();
    const absl::Duration duration = Duration(key, text, "");
    if (duration <= absl::ZeroDuration()) Fail(key, "must be longer than nothing");
    return duration;
  }

  void CheckRoutes() {
    for (int i = 0; i < config_.routes_size(); ++i) {
      const v1::Route& route = config_.routes(i);
      if (route.upstream() != kOwnUpstream) {
        CheckUpstreamName(absl::StrCat("routes[", i, "].upstream"), route.upstream());
      }
      CheckRouteMetadata(absl::StrCat("routes[", i, "].metadata"), route);
      CheckForwarding(absl::StrCat("routes[", i, "].forward_authorization"), route);
      const std::string key = absl::StrCat("routes[", i, "]");
      RouteOptions options{route, route.upstream()};
      for (std::string& glob : *options.match.mutable_services()) CheckService(key + ".services", glob);
      for (std::string& glob : *options.match.mutable_methods()) {
        glob = WithoutSlash(glob);
        if (const std::string fault = policy::SlashFault(glob); !fault.empty()) Fail(key + ".methods", fault);
      }
      options.default_deadline = RouteDuration(key + ".deadline.default", route.deadline().default_());
      options.most_deadline = RouteDuration(key + ".deadline.most", route.deadline().most());
      options.idle = RouteDuration(key + ".idle", route.idle());
      options_.routes.push_back(std::move(options));
    }
    if (config_.routes().empty()) {
      if (config_.upstreams_size() > 1) Fail("routes", "is missing: with several upstreams, say which calls go where");
      if (config_.upstreams_size() == 1) {
        options_.routes.push_back({v1::Route(), config_.upstreams().begin()->first});
      }
    }
    AddOwnRoute("grpc.reflection.",
                {"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"});
    AddOwnRoute("grpc.health.", {HealthService::kServiceName});
  }

  // With several upstreams no single one knows what there is, and how all are: the gateway answers itself, unless a
  // route says by name where such calls go.
  void AddOwnRoute(absl::string_view package, const std::vector<std::string>& services) {
    if (options_.upstreams.size() < 2) return;
    for (const RouteOptions& route : options_.routes) {
      for (const auto* globs : {&route.match.services(), &route.match.methods()}) {
        for (const std::string& glob : *globs) {
          if (absl::StartsWith(glob, package)) return;
        }
      }
    }
    RouteOptions route;
    for (const std::string& service : services) route.match.add_services(service);
    route.upstream = kOwnUpstream;
    options_.routes.insert(options_.routes.begin(), std::move(route));
  }

  // As policies take it: the first slash of a path is not part of a method's name.
  static std::string WithoutSlash(const std::string& glob) { return glob.substr(absl::StartsWith(glob, "/") ? 1 : 0); }

  void CheckService(const std::string& key, std::string& glob) {
    glob = WithoutSlash(glob);
    if (!absl::StrContains(glob, '/')) return;
    Fail(key,
         absl::StrCat("\"", glob, "\" names a method, and services have no slash: write methods: [\"", glob, "\"]"));
  }

  // A name that gRPC never delivers would match no call.
  void CheckRouteMetadata(const std::string& key, const v1::Route& route) {
    // In the order of their names: the map's own order is random.
    const std::map<std::string, std::string> sorted(route.metadata().begin(), route.metadata().end());
    for (const auto& [name, glob] : sorted) {
      if (!name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-") == std::string::npos) {
        continue;
      }
      Fail(key, absl::StrCat("\"", name, "\" is no name of metadata: those have a-z, 0-9, _, . and - only"));
    }
  }

  void CheckForwarding(const std::string& key, const v1::Route& route) {
    if (!route.forward_authorization()) return;
    for (const UpstreamOptions& upstream : options_.upstreams) {
      if (upstream.name == route.upstream() && upstream.credentials.has_value() &&
          upstream.credentials->Names("authorization")) {
        Fail(key, absl::StrCat("cannot stand with credentials of upstream ", upstream.name,
                               " that are sent as authorization too"));
      }
    }
  }

  void CheckDescriptors() {
    for (int i = 0; i < config_.descriptors_size(); ++i) {
      const v1::DescriptorSource& source = config_.descriptors(i);
      std::string key = absl::StrCat("descriptors[", i, "]");
      if (source.file().empty() == source.reflection().empty()) {
        Fail(key, "give either file or reflection");
      } else if (!source.file().empty()) {
        options_.descriptor_files.push_back(source.file());
        options_.descriptor_places.emplace(source.file(), faults_.Place(key + ".file"));
        CheckDescriptorFile(key + ".file", source.file());
      } else {
        CheckUpstreamName(key + ".reflection", source.reflection());
        absl::Duration refresh = Duration(key + ".refresh", source.refresh(), kDefaultRefresh);
        if (refresh < absl::Seconds(1)) Fail(key + ".refresh", "is too short: at least 1s");
        options_.reflection.push_back({source.reflection(), refresh, false});
      }
    }
  }

  // What is in it is looked at by those who use it.
  void CheckDescriptorFile(const std::string& key, const std::string& path) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status)) {
      Fail(key, absl::StrCat(path, ": ", error ? error.message() : "there is no such file or directory"));
    } else if (!std::filesystem::is_directory(status) && !std::ifstream(path)) {
      Fail(key, absl::StrCat("cannot read ", path));
    }
  }

  void CheckCheckpoints() {
    const v1::Checkpoints& checkpoints = config_.checkpoints();
    CheckpointOptions& options = options_.checkpoints;
    options.interval = Duration("checkpoints.interval", checkpoints.interval(), kDefaultCheckpointInterval);
    if (options.interval < absl::Milliseconds(100) || options.interval > absl::Hours(1)) {
      Fail("checkpoints.interval", absl::StrCat(checkpoints.interval(), " is not between 100ms and 1h"));
    }
    options.directory = checkpoints.directory();
    if (!options.directory.empty()) CheckDirectory("checkpoints.directory", options.directory);
    options.url = checkpoints.url();
    if (!options.url.empty()) CheckCheckpointUrl("checkpoints.url", options.url);
    options.ca_pem = PemFile("checkpoints.ca", checkpoints.ca(), "CERTIFICATE", "certificate");
    for (int i = 0; i < checkpoints.witnesses_size(); ++i) {
      const v1::Witness& witness = checkpoints.witnesses(i);
      const std::string key = absl::StrCat("checkpoints.witnesses[", i, "]");
      CheckCheckpointUrl(key + ".url", witness.url());
      absl::StatusOr<recorder::VerifierKey> verifier = recorder::VerifierKey::Parse(witness.key());
      if (!verifier.ok()) {
        Fail(key + ".key", verifier.status().message());
      } else if (verifier->type() != recorder::SignatureType::kCosignature) {
        Fail(key + ".key", "is not of a witness: its type is 1, and that of cosignatures is 4");
      } else {
        options.witnesses.push_back({witness.url(), *std::move(verifier)});
      }
    }
  }

  void CheckCheckpointUrl(const std::string& key, const std::string& url) {
    absl::Status status = CheckProtectedUrl(url, config_.checkpoints().insecure());
    if (!status.ok()) Fail(key, status.message());
  }

  void CheckUpstreamName(const std::string& key, const std::string& name) {
    if (name.empty()) {
      Fail(key, "is missing: the name of one of upstreams");
    } else if (!config_.upstreams().contains(name) && !faults_.Unread("upstreams")) {
      Fail(key, absl::StrCat("\"", name, "\" is not one of upstreams"));
    }
  }

  const v1::Config& config_;
  const std::string& name_;
  const KeyLines& lines_;
  sallyport::Faults faults_;
  GatewayOptions options_;
};

}  // namespace

absl::StatusOr<GatewayOptions> CheckConfiguration(const v1::Config& config, const std::string& name,
                                                  const KeyLines& lines, const FormFaults& form) {
  return Checker(config, name, lines, form).Check();
}

absl::StatusOr<GatewayOptions> LoadConfiguration(const std::string& path) {
  v1::Config config;
  KeyLines lines;
  FormFaults form;
  if (absl::Status status = ReadYamlFile(path, &config, &lines, &form); !status.ok()) return status;
  return CheckConfiguration(config, path, lines, form);
}

}  // namespace sallyport::gateway
