#ifndef SALLYPORT_RECORDER_EVIDENCE_CHECKPOINTER_H_
#define SALLYPORT_RECORDER_EVIDENCE_CHECKPOINTER_H_
#include "recorder/evidence/merkle.h"
#include <optional>
#include "recorder/log/log_format.h"
#include "recorder/keys/store_keys.h"
namespace sallyport::recorder {
struct TreeState {
  CompactRange range;
  Position end;
  uint64_t next_sequence = 1;
};
inline absl::StatusOr<std::optional<TreeState>> LoadTreeState(const StoreLayout&, const StoreKeys&) { return std::optional<TreeState>(); }
}
#endif
