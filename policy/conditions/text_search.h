// Looks for a text in what was said.
#ifndef SALLYPORT_POLICY_CONDITIONS_TEXT_SEARCH_H_
#define SALLYPORT_POLICY_CONDITIONS_TEXT_SEARCH_H_

#include <google/protobuf/descriptor.h>

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "policy/messages/message_types.h"

namespace sallyport::policy {

// A text that is looked for in any case of letters: characters are compared by their lower case, one by one, as Unicode
// has it, without normalisation; so "STRASSE" is not in "Straße". Immutable; thread-safe.
class TextSearch {
 public:
  enum class Found { kYes, kNo, kUndecodable };

  // INVALID_ARGUMENT if it is empty, longer than kMostBytes, or not UTF-8.
  static constexpr size_t kMostBytes = 1 << 10;
  static absl::StatusOr<TextSearch> Create(std::string_view text);

  bool IsIn(std::string_view text) const;

  // Whether it stands in a text field of the message, whatever its depth, in a key of a map, or in an Any whose type is
  // known. Bytes, numbers and names of fields are no texts. kUndecodable if it was not found, and a part of the message
  // could not be read.
  Found InMessage(const google::protobuf::Descriptor& type, std::string_view message, const MessageTypes& types) const;

 private:
  explicit TextSearch(std::string lower) : lower_(std::move(lower)) {}

  std::string lower_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_TEXT_SEARCH_H_
