// When a call may go on, as far as the log is concerned.
#ifndef SALLYPORT_GATEWAY_RELAY_DURABILITY_H_
#define SALLYPORT_GATEWAY_RELAY_DURABILITY_H_

#include <string_view>

namespace sallyport::gateway {

enum class Durability {
  kCommit,      // the caller sees the end of a call only when all its entries are synced
  kWriteAhead,  // no frame crosses, either way, before its entry is synced
  kRelaxed,     // entries follow within a bounded time
  kOff,         // nothing is recorded
};

constexpr std::string_view DurabilityName(Durability durability) {
  switch (durability) {
    case Durability::kCommit:
      return "commit";
    case Durability::kWriteAhead:
      return "write_ahead";
    case Durability::kRelaxed:
      return "relaxed";
    case Durability::kOff:
      return "off";
  }
  return "";
}

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_DURABILITY_H_
