// What the gateway's process takes.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_METRICS_PROCESS_NUMBERS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_METRICS_PROCESS_NUMBERS_H_

#include <cstdint>

namespace sallyport::gateway {

// As client libraries of Prometheus tell it of every program.
struct ProcessNumbers {
  double cpu_seconds = 0;       // user and system, since the start
  uint64_t resident_bytes = 0;  // 0 where it cannot be told, as are the others
  uint64_t open_descriptors = 0;
  uint64_t most_descriptors = 0;
  double start_seconds = 0;  // since the Unix epoch
};

ProcessNumbers ReadProcessNumbers();

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_METRICS_PROCESS_NUMBERS_H_
