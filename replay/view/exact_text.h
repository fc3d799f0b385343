// Recorded bytes as texts of messages, of which nothing is lost.
#ifndef SALLYPORT_REPLAY_VIEW_EXACT_TEXT_H_
#define SALLYPORT_REPLAY_VIEW_EXACT_TEXT_H_

#include <string>
#include <string_view>

#include "google/protobuf/map.h"

namespace sallyport::replay {

// `exact` of a message in audit.proto: the bytes of its texts that are not UTF-8, by the field's name.
using ExactBytes = google::protobuf::Map<std::string, std::string>;

// Makes `bytes` the text of the field `name`. Where they are not UTF-8, U+FFFD stands for each byte that is not, and
// `exact` gets them as they are.
void SetText(std::string_view bytes, const char* name, std::string* text, ExactBytes* exact);

// What SetText was given: `text` is the field `name` of the message that `exact` belongs to.
const std::string& ExactText(const std::string& text, const char* name, const ExactBytes& exact);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_EXACT_TEXT_H_
