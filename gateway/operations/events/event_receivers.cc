// Makes receivers from what the configuration says of them.
#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "gateway/http/http_client.h"
#include "gateway/http/stream_client.h"
#include "gateway/operations/events/event_receiver.h"
#include "gateway/operations/events/file_receiver.h"
#include "gateway/operations/events/http_receiver.h"
#include "gateway/operations/events/syslog_receiver.h"

namespace sallyport::gateway {
namespace {

using Made = absl::StatusOr<std::unique_ptr<EventReceiver>>;

Made MakeSyslog(const EventSyslogOptions& syslog, const EventSource& source) {
  StreamClient::Options options;
  options.host = syslog.host;
  options.port = syslog.port;
  options.unix_path = syslog.unix_path;
  options.use_tls = syslog.use_tls;
  options.ca_file = syslog.tls.ca_file;
  options.cert_file = syslog.tls.cert_file;
  options.key_file = syslog.tls.key_file;
  options.server_name = syslog.tls.server_name;
  absl::StatusOr<std::unique_ptr<StreamClient>> client = StreamClient::Create(options);
  if (!client.ok()) return client.status();
  return std::make_unique<SyslogReceiver>(*std::move(client), source.host);
}

Made MakeHttp(const EventHttpOptions& http) {
  HttpClient::Options options;
  options.timeout = http.timeout;
  options.ca_file = http.tls.ca_file;
  options.cert_file = http.tls.cert_file;
  options.key_file = http.tls.key_file;
  absl::StatusOr<std::unique_ptr<HttpClient>> client = HttpClient::Create(options);
  if (!client.ok()) return client.status();
  return std::make_unique<HttpReceiver>(http, *std::move(client));
}

}  // namespace

Made MakeEventReceiver(const EventReceiverOptions& options, const EventSource& source) {
  if (const auto* file = std::get_if<EventFileOptions>(&options.kind)) return std::make_unique<FileReceiver>(*file);
  if (const auto* syslog = std::get_if<EventSyslogOptions>(&options.kind)) return MakeSyslog(*syslog, source);
  return MakeHttp(std::get<EventHttpOptions>(options.kind));
}

bool IsReceiverName(const std::string& name) {
  constexpr size_t kMost = 64;
  return !name.empty() && name.size() <= kMost && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_';
  });
}

}  // namespace sallyport::gateway
