// What the configuration says of tracing.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_TRACING_TRACING_OPTIONS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_TRACING_TRACING_OPTIONS_H_

#include <string>

namespace sallyport::gateway {

struct TracingOptions {
  std::string target;  // of the collector, in gRPC's notation
  double sample = 0.01;
  bool tls = false;
  std::string ca_file;    // the system's authorities if empty
  std::string cert_file;  // with `key_file`, or neither
  std::string key_file;
  std::string server_name;  // expected in its certificate; the target's host if empty

  friend bool operator==(const TracingOptions&, const TracingOptions&) = default;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_TRACING_TRACING_OPTIONS_H_
