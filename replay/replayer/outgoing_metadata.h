// Which metadata a replayed call carries.
#ifndef SALLYPORT_REPLAY_REPLAYER_OUTGOING_METADATA_H_
#define SALLYPORT_REPLAY_REPLAYER_OUTGOING_METADATA_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

struct MetadataPair {
  std::string name;
  std::string value;  // bytes as an application sees them: a `-bin` value is not base64
};

struct MetadataLeftOut {
  std::string name;
  std::string reason;
};

struct OutgoingMetadata {
  std::vector<MetadataPair> sent;         // in order
  std::vector<MetadataLeftOut> left_out;  // in order
};

// "name=value"; the value of a `-bin` name in base64. INVALID_ARGUMENT for what gRPC cannot send.
absl::StatusOr<MetadataPair> ParseMetadataPair(std::string_view text);

// What was recorded, without what must not or cannot be sent again: credentials (only their fingerprints are known),
// what belongs to gRPC or to the caller's connection, and the name of the recorded session. `added` comes on top;
// recorded values of the same names give way to it.
OutgoingMetadata ChooseMetadata(const v1::CallStart& start, const std::vector<MetadataPair>& added);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_OUTGOING_METADATA_H_
