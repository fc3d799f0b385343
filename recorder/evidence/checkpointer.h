#ifndef SALLYPORT_RECORDER_EVIDENCE_CHECKPOINTER_H_
#define SALLYPORT_RECORDER_EVIDENCE_CHECKPOINTER_H_
#include "recorder/evidence/merkle.h"
#include "recorder/log/log_format.h"
namespace sallyport::recorder {
struct TreeState {
  CompactRange range;
  Position end;
  uint64_t next_sequence = 1;
};
}
#endif
