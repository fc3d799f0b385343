// Opens payloads that stand apart from their entries, for the verifier. Shares no code with the writer.
#ifndef SALLYPORT_RECORDER_VERIFY_PART_OPENER_H_
#define SALLYPORT_RECORDER_VERIFY_PART_OPENER_H_

#include <optional>
#include <string>
#include <string_view>

#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {

// Checks a part as stored against what its entry says of it, and, where the key is there, replaces `payload` by what is
// in it; otherwise empties it. Returns what is wrong, or nothing.
std::optional<std::string> OpenPart(const v1::PayloadPart& part, std::string_view stored, std::string& payload);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_VERIFY_PART_OPENER_H_
