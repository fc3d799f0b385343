// Writes JSON piece by piece.
#ifndef SALLYPORT_POLICY_MESSAGES_JSON_WRITER_H_
#define SALLYPORT_POLICY_MESSAGES_JSON_WRITER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "policy/messages/json_text.h"

namespace sallyport::policy {

enum class JsonStyle {
  kOneLine,   // {"a":1,"b":[2]}
  kIndented,  // a member or element a line, each level a space further in
};

// Appends to a string: punctuation and places of lines are its work, what comes in which order is its user's. It says
// when so much has been written that it should end; it can always be ended in order.
class JsonWriter {
 public:
  JsonWriter(JsonStyle style, size_t most_bytes, std::string* out)
      : style_(style), out_(*out), most_(out->size() + most_bytes) {}

  // More has been written than there should be.
  bool full() const { return out_.size() > most_; }

  void BeginObject() { Begin('{'); }
  void EndObject() { End('}'); }
  void BeginArray() { Begin('['); }
  void EndArray() { End(']'); }
  // The next thing that is written is an element of an array, or a member's value.
  void Element() {
    if (!first_) out_.push_back(',');
    if (!first_ && style_ == JsonStyle::kIndented && lines_ > 0) out_.push_back(' ');
    first_ = false;
    NewLine();
  }
  // `name` as it stands between the quotes.
  void Member(std::string_view name) {
    Element();
    out_.push_back('"');
    out_.append(name);
    EndName();
  }
  // What is appended to text() between these is the name, escaped.
  void BeginName() {
    Element();
    out_.push_back('"');
  }
  void EndName() {
    out_.append("\":", 2);
    if (style_ == JsonStyle::kIndented) out_.push_back(' ');
  }

  // Values are appended to this.
  std::string* text() { return &out_; }
  void Text(std::string_view value) { AppendJsonString(value, &out_); }
  void Raw(std::string_view value) { out_.append(value); }
  void Base64(std::string_view bytes) {
    out_.push_back('"');
    AppendBase64(bytes, &out_);
    out_.push_back('"');
  }
  // Numbers, and in quotes where JSON's readers would not keep all digits.
  void Unsigned(uint64_t value);
  void Signed(int64_t value);
  void QuotedUnsigned(uint64_t value) {
    out_.push_back('"');
    Unsigned(value);
    out_.push_back('"');
  }
  void QuotedSigned(int64_t value) {
    out_.push_back('"');
    Signed(value);
    out_.push_back('"');
  }

  // Until the end of the innermost object or array that is begun next, everything is on one line.
  void BeginLine() { ++lines_; }
  void EndLine() { --lines_; }

 private:
  void Begin(char bracket) {
    out_.push_back(bracket);
    ++depth_;
    first_ = true;
  }
  void End(char bracket) {
    --depth_;
    if (!first_) NewLine();
    first_ = false;
    out_.push_back(bracket);
  }
  void NewLine() {
    if (style_ != JsonStyle::kIndented || lines_ > 0) return;
    out_.push_back('\n');
    out_.append(depth_ < kDeepestIndent ? depth_ : kDeepestIndent, ' ');
  }

  // Deep nesting would make lines of almost nothing but spaces.
  static constexpr size_t kDeepestIndent = 64;

  const JsonStyle style_;
  std::string& out_;
  const size_t most_;
  size_t depth_ = 0;
  int lines_ = 0;
  bool first_ = true;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_JSON_WRITER_H_
