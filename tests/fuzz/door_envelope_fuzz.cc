// Bodies of streams, as clients of the API's door may send them: envelopes, and base64 around them.
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "gateway/api/door/envelopes.h"
#include "tests/fuzz/fuzz_target.h"

namespace sallyport::recorder {

void FuzzDoorEnvelope(std::string_view input) {
  const absl::StatusOr<gateway::Envelope> envelope = gateway::ReadOneEnvelope(input);
  if (envelope.ok()) {
    Require(gateway::Enveloped(envelope->flags, envelope->message) == input, "an envelope is written as it was read");
  } else {
    Require(envelope.status().code() == absl::StatusCode::kUnimplemented ||
                envelope.status().code() == absl::StatusCode::kInvalidArgument,
            "a body without one message is the client's fault");
  }
  const absl::StatusOr<std::string> text = gateway::ReadWebText(input);
  if (text.ok()) {
    Require(input.size() % 4 == 0 && text->size() <= input.size() / 4 * 3, "text is not longer than base64 makes it");
    Require(*gateway::ReadWebText(absl::Base64Escape(*text)) == *text, "what was read reads as itself");
  }
  const std::string own = absl::Base64Escape({input.data(), input.size()});
  const absl::StatusOr<std::string> back = gateway::ReadWebText(own + own);
  Require(back.ok() && *back == std::string(input) + std::string(input), "runs follow each other");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzDoorEnvelope)
