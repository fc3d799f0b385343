#include "policy/conditions/lexer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "policy/text.h"

namespace sallyport::policy {
namespace {

bool BeginsName(char c) { return absl::ascii_isalpha(c) || c == '_'; }
bool IsNamePart(char c) { return absl::ascii_isalnum(c) || c == '_'; }

void AppendUtf8(uint32_t point, std::string* out) {
  if (point < 0x80) {
    out->push_back(static_cast<char>(point));
  } else if (point < 0x800) {
    out->push_back(static_cast<char>(0xC0 | point >> 6));
    out->push_back(static_cast<char>(0x80 | (point & 0x3F)));
  } else if (point < 0x10000) {
    out->push_back(static_cast<char>(0xE0 | point >> 12));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (point & 0x3F)));
  } else {
    out->push_back(static_cast<char>(0xF0 | point >> 18));
    out->push_back(static_cast<char>(0x80 | (point >> 12 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (point >> 6 & 0x3F)));
    out->push_back(static_cast<char>(0x80 | (point & 0x3F)));
  }
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return 99;
}

}  // namespace

absl::Status FaultAt(std::string_view text, size_t at, std::string_view what) {
  const std::string_view before = text.substr(0, std::min(at, text.size()));
  const auto line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? before.size() + 1 : before.size() - newline;
  return absl::InvalidArgumentError(absl::StrCat(line, ":", column, ": ", View(what)));
}

absl::Status Lexer::SkipBlanks() {
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '/' && at(1) == '/') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f') {
      ++at_;
    } else {
      break;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Token> Lexer::Next() {
  if (absl::Status status = SkipBlanks(); !status.ok()) return status;
  Token token;
  token.at = static_cast<uint32_t>(at_);
  if (at_ == text_.size()) return token;
  const size_t begin = at_;
  const char c = text_[at_];
  if (absl::ascii_isdigit(c) || (c == '.' && absl::ascii_isdigit(at(1)))) return Number();
  bool raw = false;
  bool bytes = false;
  size_t prefix = 0;
  for (; prefix < 2; ++prefix) {
    const char p = absl::ascii_tolower(at(prefix));
    if (p == 'r' && !raw) {
      raw = true;
    } else if (p == 'b' && !bytes) {
      bytes = true;
    } else {
      break;
    }
  }
  if (at(prefix) == '"' || at(prefix) == '\'') {
    at_ += prefix;
    return Text(begin, raw, bytes);
  }
  if (BeginsName(c)) {
    while (at_ < text_.size() && IsNamePart(text_[at_])) ++at_;
    token.kind = Token::Kind::kName;
    token.text = text_.substr(begin, at_ - begin);
    return token;
  }
  for (const std::string_view mark : {"&&", "||", "==", "!=", "<=", ">="}) {
    if (text_.substr(at_, 2) == mark) {
      at_ += 2;
      token.kind = Token::Kind::kMark;
      token.text = mark;
      return token;
    }
  }
  if (c != '\0' && std::string_view("<>!+-*/%?:.,()[]{}").find(c) != std::string_view::npos) {
    ++at_;
    token.kind = Token::Kind::kMark;
    token.text = text_.substr(begin, 1);
    return token;
  }
  return FaultAt(text_, at_, "this character has no meaning here");
}

absl::StatusOr<Token> Lexer::Number() {
  Token token;
  token.kind = Token::Kind::kConstant;
  token.at = static_cast<uint32_t>(at_);
  const size_t begin = at_;
  const bool hex = text_[at_] == '0' && (at(1) == 'x' || at(1) == 'X');
  bool real = false;
  if (hex) {
    at_ += 2;
    while (absl::ascii_isxdigit(at(0))) ++at_;
  } else {
    while (absl::ascii_isdigit(at(0))) ++at_;
    if (at(0) == '.' && absl::ascii_isdigit(at(1))) {
      real = true;
      ++at_;
      while (absl::ascii_isdigit(at(0))) ++at_;
    }
    const size_t sign = at(1) == '+' || at(1) == '-' ? 2 : 1;
    if ((at(0) == 'e' || at(0) == 'E') && absl::ascii_isdigit(at(sign))) {
      real = true;
      at_ += sign;
      while (absl::ascii_isdigit(at(0))) ++at_;
    }
  }
  token.text = text_.substr(begin, at_ - begin);
  const std::string_view digits = hex ? token.text.substr(2) : token.text;
  if (real) {
    double value = 0;
    if (!absl::SimpleAtod(View(digits), &value) || !std::isfinite(value)) {
      return FaultAt(text_, begin, "this number is too large");
    }
    token.constant = Value::Double(value);
  } else {
    uint64_t value = 0;
    const bool read = hex ? absl::SimpleHexAtoi(View(digits), &value) : absl::SimpleAtoi(View(digits), &value);
    if (!read) return FaultAt(text_, begin, "this number has no digits, or is too large");
    token.constant = Value::Uint(value);
    // An int is told from a uint by its kind; whether it fits is for the parser, who knows of a sign before it.
    if (at(0) == 'u' || at(0) == 'U') {
      ++at_;
    } else {
      token.constant.kind = Kind::kInt;
    }
  }
  if (IsNamePart(at(0))) return FaultAt(text_, at_, "a number ends here, and no name begins");
  token.text = text_.substr(begin, at_ - begin);
  return token;
}

absl::StatusOr<Token> Lexer::Text(size_t begin, bool raw, bool bytes) {
  Token token;
  token.kind = Token::Kind::kConstant;
  token.at = static_cast<uint32_t>(begin);
  token.holds_text = true;
  const char quote = text_[at_];
  const bool triple = at(1) == quote && at(2) == quote;
  at_ += triple ? 3 : 1;
  while (true) {
    if (at_ >= text_.size()) return FaultAt(text_, begin, "this text does not end");
    const char c = text_[at_];
    if (c == quote && (!triple || (at(1) == quote && at(2) == quote))) break;
    if (!triple && (c == '\n' || c == '\r')) return FaultAt(text_, begin, "this text does not end in its line");
    if (c == '\\' && !raw) {
      if (absl::Status status = Escape(bytes, &token.content); !status.ok()) return status;
    } else {
      token.content.push_back(c);
      ++at_;
    }
  }
  at_ += triple ? 3 : 1;
  token.text = text_.substr(begin, at_ - begin);
  if (!bytes && !IsUtf8(token.content)) return FaultAt(text_, begin, "this text is not UTF-8");
  token.constant.kind = bytes ? Kind::kBytes : Kind::kString;
  return token;
}

absl::Status Lexer::Escape(bool bytes, std::string* out) {
  const char c = at(1);
  static constexpr std::string_view kFrom = "abfnrtv\\?\"'`";
  static constexpr std::string_view kTo = "\a\b\f\n\r\t\v\\?\"'`";
  if (const size_t simple = c == '\0' ? std::string_view::npos : kFrom.find(c); simple != std::string_view::npos) {
    out->push_back(kTo[simple]);
    at_ += 2;
    return absl::OkStatus();
  }
  if (c >= '0' && c <= '3') {
    at_ += 1;
    return CodePoint(3, 8, bytes, false, out);
  }
  if (c == 'x' || c == 'X') {
    at_ += 2;
    return CodePoint(2, 16, bytes, false, out);
  }
  if (!bytes && (c == 'u' || c == 'U')) {
    at_ += 2;
    return CodePoint(c == 'u' ? 4 : 8, 16, bytes, true, out);
  }
  return FaultAt(text_, at_, "there is no such escape");
}

absl::Status Lexer::CodePoint(int digits, int base, bool bytes, bool point, std::string* out) {
  const size_t begin = at_;
  uint64_t value = 0;
  for (int i = 0; i < digits; ++i, ++at_) {
    const int digit = DigitOf(at(0));
    if (digit >= base) return FaultAt(text_, begin, absl::StrCat("this escape has ", digits, " digits"));
    value = value * static_cast<uint64_t>(base) + static_cast<uint64_t>(digit);
  }
  if (bytes) {
    out->push_back(static_cast<char>(value));
    return absl::OkStatus();
  }
  if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return FaultAt(text_, begin, "this is no character");
  AppendUtf8(static_cast<uint32_t>(value), out);
  return absl::OkStatus();
}

}  // namespace sallyport::policy
