// The words of a condition.
#ifndef SALLYPORT_POLICY_CONDITIONS_LEXER_H_
#define SALLYPORT_POLICY_CONDITIONS_LEXER_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/conditions/value.h"

namespace sallyport::policy {

struct Token {
  enum class Kind { kEnd, kName, kMark, kConstant };
  Kind kind = Kind::kEnd;
  uint32_t at = 0;
  std::string_view text;  // as it was written
  Value constant;         // of numbers
  std::string content;    // of strings and bytes, without escapes
  bool holds_text = false;
};

// Goes through a condition's text. Lives while it is read.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}
  // The next one, kEnd for ever at the end. INVALID_ARGUMENT, with the place, for what is none.
  absl::StatusOr<Token> Next();

 private:
  absl::Status SkipBlanks();
  absl::StatusOr<Token> Number();
  // After the prefix, which says whether escapes count and whether it is bytes.
  absl::StatusOr<Token> Text(size_t begin, bool raw, bool bytes);
  absl::Status Escape(bool bytes, std::string* out);
  absl::Status CodePoint(int digits, int base, bool bytes, bool point, std::string* out);
  char at(size_t offset) const { return at_ + offset < text_.size() ? text_[at_ + offset] : '\0'; }

  const std::string_view text_;
  size_t at_ = 0;
};

// "line:column: what", both from 1.
absl::Status FaultAt(std::string_view text, size_t at, std::string_view what);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_CONDITIONS_LEXER_H_
