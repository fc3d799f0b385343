// What is recorded of calls that were refused before anybody was proved.
#ifndef SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSED_RECORD_H_
#define SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSED_RECORD_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "gateway/relay/recording/refusal_table.h"
#include "recorder/format/entry_batch.h"

namespace sallyport::gateway {

// Cuts the record of one call to RefusalTable::kMostRecordBytes, and notes in it what was left out, so that nobody
// takes it for whole. One for each call; must outlive the batch calls that take what it has cut.
class RefusedRecord {
 public:
  // Both in this order, for the start and the end of the call.
  void CutStart(recorder::CallStart& start, std::vector<recorder::Metadatum>& metadata);
  void CutEnd(recorder::CallEnd& end, std::vector<recorder::Metadatum>& trailers);

 private:
  std::string_view Cut(std::string_view text, size_t most, absl::string_view what);
  void Note(const std::string& what);

  std::string note_;
};

// Fills `batch` with a call that stands for those: its method says about how many they were, its metadata and its
// status message exactly. At most RefusalTable::kMostCountedBytes.
void AddCountedCalls(recorder::EntryBatch& batch, const CountedCalls& counted);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_RELAY_RECORDING_REFUSED_RECORD_H_
