// Addresses of people and machines.
#include <arpa/inet.h>

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "policy/masking/sensitive_texts.h"
#include "policy/masking/text_scan.h"

namespace sallyport::policy {
namespace {

bool IsMailName(char c) {
  // Of what RFC 5322 allows besides, most is more often what stands between an address and a text.
  constexpr std::string_view kOthers = "._%+-";
  return IsAlnum(c) || kOthers.find(c) != std::string_view::npos;
}

}  // namespace

std::optional<Found> EmailAt(std::string_view text, size_t at) {
  constexpr size_t kMostName = 64;
  constexpr size_t kMostDomain = 255;
  size_t begin = at;
  while (begin > 0 && at - begin < kMostName && IsMailName(text[begin - 1])) --begin;
  // Two dots are in no name: it begins behind them.
  const size_t dots = text.substr(begin, at - begin).rfind("..");
  if (dots != std::string_view::npos) begin += dots + 2;
  // What a text puts before an address: "mailto:", quotes, and marks that an address may hold but seldom begins with.
  while (begin < at && !IsAlnum(text[begin]) && text[begin] != '_') ++begin;
  if (begin == at || text[at - 1] == '.') return std::nullopt;
  size_t end = at + 1;
  size_t label = end;
  size_t top = 0;  // where the last label begins
  size_t last = 0;
  for (; end < text.size() && end - at <= kMostDomain; ++end) {
    const char c = text[end];
    if (c == '.') {
      if (end == label || text[end - 1] == '-') break;
      label = end + 1;
    } else if (IsAlnum(c) || (c == '-' && end > label)) {
      if (IsAlnum(c)) {
        last = end + 1;
        top = label;
      }
    } else {
      break;
    }
  }
  if (last == 0 || top == at + 1 || last - top < 2) return std::nullopt;
  const std::string_view top_label = text.substr(top, last - top);
  if (!std::all_of(top_label.begin(), top_label.end(),
                   [](char c) { return absl::ascii_isalpha(static_cast<unsigned char>(c)); }) &&
      !absl::StartsWith(absl::string_view(top_label.data(), top_label.size()), "xn--")) {
    return std::nullopt;
  }
  return Found{begin, last};
}

std::optional<Found> Ipv4At(std::string_view text, size_t at) {
  const char before = Before(text, at);
  if (IsWord(before) || before == '.' || before == '-') return std::nullopt;
  size_t end = at;
  for (int part = 0; part < 4; ++part) {
    if (part > 0 && At(text, end++) != '.') return std::nullopt;
    const size_t run = RunOfDigits(text, end, 4);
    if (run == 0 || run > 3 || (run > 1 && text[end] == '0') || Number(text.substr(end, run)) > 255)
      return std::nullopt;
    end += run;
  }
  const char after = At(text, end);
  if (IsWord(after) || (after == '.' && IsWord(At(text, end + 1)))) return std::nullopt;
  return Found{at, end};
}

std::optional<Found> Ipv6At(std::string_view text, size_t at) {
  constexpr size_t kMost = INET6_ADDRSTRLEN - 1;
  const auto belongs = [](char c) { return IsHex(c) || c == ':' || c == '.'; };
  const char next = At(text, at + 1);
  if (next != ':' && !IsHex(next)) return std::nullopt;
  size_t begin = at;
  while (begin > 0 && at - begin <= 4 && belongs(text[begin - 1])) --begin;
  if (IsWord(Before(text, begin)) || at - begin > 4) return std::nullopt;
  size_t end = at;
  while (end < text.size() && end - begin <= kMost && belongs(text[end])) ++end;
  if (end - begin > kMost || IsWord(At(text, end))) return std::nullopt;
  // The end of a sentence.
  while (end > begin && (text[end - 1] == '.' || (text[end - 1] == ':' && Before(text, end - 1) != ':'))) --end;
  const std::string address(text.substr(begin, end - begin));
  in6_addr parsed;
  // "::" and words such as "ab::cd" are more often something else.
  if (std::none_of(address.begin(), address.end(), IsDigit) || inet_pton(AF_INET6, address.c_str(), &parsed) != 1) {
    return std::nullopt;
  }
  return Found{begin, end};
}

}  // namespace sallyport::policy
