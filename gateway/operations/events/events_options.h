// What the configuration says of receivers of events, checked.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENTS_OPTIONS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENTS_OPTIONS_H_

#include <cstdint>
#include <string>
#include <variant>

#include "absl/time/time.h"

namespace sallyport::gateway {

// Files, which may be empty: the system's authorities, and no certificate of the gateway's own.
struct EventTlsOptions {
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string server_name;  // the address's host if empty

  bool operator==(const EventTlsOptions&) const = default;
};

struct EventFileOptions {
  std::string path;
  uint64_t most_bytes = 64 << 20;
  uint32_t keep = 10;  // files set aside

  bool operator==(const EventFileOptions&) const = default;
};

struct EventSyslogOptions {
  std::string host;
  int port = 0;
  std::string unix_path;  // in place of host and port
  bool use_tls = false;
  EventTlsOptions tls;

  bool operator==(const EventSyslogOptions&) const = default;
};

struct EventHttpOptions {
  std::string url;
  std::string token_file;  // none if empty
  EventTlsOptions tls;
  absl::Duration timeout = absl::Seconds(10);

  bool operator==(const EventHttpOptions&) const = default;
};

struct EventReceiverOptions {
  std::string name;  // what IsReceiverName says yes to
  std::variant<EventFileOptions, EventSyslogOptions, EventHttpOptions> kind;
  bool call_ends = true;
  bool refusals = true;
  bool decisions = true;
  bool from_oldest = false;

  bool operator==(const EventReceiverOptions&) const = default;
};

// 1 to 64 letters, digits, `-` and `_`: it is a part of a file's name, and a label of metrics.
bool IsReceiverName(const std::string& name);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_EVENTS_EVENTS_OPTIONS_H_
