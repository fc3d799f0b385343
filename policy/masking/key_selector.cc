#include "policy/masking/key_selector.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace sallyport::policy {
namespace {

using pb_field = google::protobuf::FieldDescriptor;

constexpr size_t kMostPatterns = 1024;
constexpr char kWildcards[] = "*?";

bool IsName(std::string_view text) {
  return !text.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(text.front())) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_'; });
}

bool StandsForItself(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > ' ' && byte != 0x7F && std::string_view("[]\"'|=,\\").find(c) == std::string_view::npos;
}

// Reads what is between brackets.
class SelectorReader {
 public:
  SelectorReader(std::string_view text, size_t at) : text_(text), at_(at) {}

  size_t at() const { return at_; }

  absl::Status Read(KeySelector* selector) {
    ++at_;  // the bracket
    selector->field = "key";
    for (bool first = true;; first = false) {
      KeyPattern pattern;
      bool quoted = false;
      if (absl::Status status = ReadPattern(&pattern, &quoted); !status.ok()) return status;
      if (at_ == text_.size()) return absl::InvalidArgumentError("has a bracket that is not closed");
      const char next = text_[at_++];
      if (next == '=' && first && !quoted && IsName(pattern.text)) {
        selector->field = std::move(pattern.text);
        continue;
      }
      if (pattern.text.empty() && !quoted) {
        return absl::InvalidArgumentError("has an empty key: for the key that is empty write [\"\"]");
      }
      selector->patterns.push_back(std::move(pattern));
      if (selector->patterns.size() > kMostPatterns) {
        return absl::InvalidArgumentError(absl::StrCat("has more than ", kMostPatterns, " keys in brackets"));
      }
      if (next == ']') return absl::OkStatus();
      if (next != '|') return Misplaced(next);
    }
  }

 private:
  static absl::Status Misplaced(char c) {
    if (c == ',')
      return absl::InvalidArgumentError("has a comma in brackets: write `|` between keys, or quote the key");
    const std::string shown = absl::ascii_isprint(static_cast<unsigned char>(c))
                                  ? absl::StrCat("`", std::string(1, c), "`")
                                  : std::string("a control character");
    return absl::InvalidArgumentError(
        absl::StrCat("has ", c == ' ' ? "a space" : shown, " in a key: quote the key, as in [\"a b\"]"));
  }

  // Up to what cannot be part of one.
  absl::Status ReadPattern(KeyPattern* pattern, bool* quoted) {
    bool wild_in_quotes = false;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        *quoted = true;
        const size_t before = pattern->text.size();
        if (absl::Status status = ReadQuoted(c, &pattern->text); !status.ok()) return status;
        wild_in_quotes = wild_in_quotes || pattern->text.find_first_of(kWildcards, before) != std::string::npos;
      } else if (StandsForItself(c)) {
        pattern->glob = pattern->glob || c == '*' || c == '?';
        pattern->text.push_back(c);
      } else {
        break;
      }
    }
    if (!pattern->glob || !wild_in_quotes) return absl::OkStatus();
    return absl::InvalidArgumentError("has `*` or `?` in quotes and outside in one key");
  }

  // Leaves at_ at the closing quote.
  absl::Status ReadQuoted(char quote, std::string* out) {
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\') {
        if (++at_ == text_.size()) break;
        if (text_[at_] != '\\' && text_[at_] != '"' && text_[at_] != '\'') {
          return absl::InvalidArgumentError("has a backslash in quotes before something that is no quote or backslash");
        }
      }
      out->push_back(text_[at_]);
    }
    if (at_ < text_.size()) return absl::OkStatus();
    return absl::InvalidArgumentError("has a quote that is not closed");
  }

  const std::string_view text_;
  size_t at_;
};

template <typename Number>
bool IsDecimal(const std::string& text) {
  Number number = 0;
  return absl::SimpleAtoi(text, &number) && absl::StrCat(number) == text;
}

}  // namespace

absl::StatusOr<KeySelector> KeySelector::Parse(std::string_view text, size_t* at) {
  KeySelector selector;
  SelectorReader reader(text, *at);
  if (absl::Status status = reader.Read(&selector); !status.ok()) return status;
  selector.text = std::string(text.substr(*at, reader.at() - *at));
  *at = reader.at();
  return selector;
}

bool CanBeKey(const pb_field& field) {
  if (field.is_repeated()) return false;
  switch (field.cpp_type()) {
    case pb_field::CPPTYPE_STRING:
    case pb_field::CPPTYPE_BOOL:
    case pb_field::CPPTYPE_INT32:
    case pb_field::CPPTYPE_INT64:
    case pb_field::CPPTYPE_UINT32:
    case pb_field::CPPTYPE_UINT64:
      return true;
    default:
      return false;
  }
}

const pb_field* KeyFieldOf(const google::protobuf::Descriptor& type, const KeySelector& selector) {
  if (type.full_name() == "google.protobuf.Any") return nullptr;
  const pb_field* const field = type.FindFieldByName(selector.field);
  return field != nullptr && CanBeKey(*field) ? field : nullptr;
}

bool MayHold(const pb_field& field, const KeyPattern& pattern) {
  if (pattern.glob) return true;
  switch (field.cpp_type()) {
    case pb_field::CPPTYPE_BOOL:
      return pattern.text == "true" || pattern.text == "false";
    case pb_field::CPPTYPE_INT32:
      return IsDecimal<int32_t>(pattern.text);
    case pb_field::CPPTYPE_INT64:
      return IsDecimal<int64_t>(pattern.text);
    case pb_field::CPPTYPE_UINT32:
      return IsDecimal<uint32_t>(pattern.text);
    case pb_field::CPPTYPE_UINT64:
      return IsDecimal<uint64_t>(pattern.text);
    default:
      return true;
  }
}

}  // namespace sallyport::policy
