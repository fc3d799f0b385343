// What opens doors: tokens and keys.
#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "policy/masking/sensitive_texts.h"
#include "policy/masking/text_scan.h"

namespace sallyport::policy {

std::optional<Found> JwtAt(std::string_view text, size_t at) {
  constexpr size_t kLongest = 64 << 10;
  constexpr size_t kMostHeader = 4096;
  if (IsBase64Url(Before(text, at)) || Before(text, at) == '.') return std::nullopt;
  const std::optional<size_t> header = AtLeast(text, at, 10, kMostHeader, IsBase64Url);
  if (!header.has_value() || At(text, *header) != '.') return std::nullopt;
  const std::optional<size_t> claims = AtLeast(text, *header + 1, 2, kLongest, IsBase64Url);
  if (!claims.has_value() || At(text, *claims) != '.') return std::nullopt;
  // Unsigned ones have nothing there.
  const std::optional<size_t> signature = AtLeast(text, *claims + 1, 0, kLongest, IsBase64Url);
  std::string decoded;
  if (!absl::WebSafeBase64Unescape(absl::string_view(text.data() + at, *header - at), &decoded)) return std::nullopt;
  if (decoded.empty() || decoded.front() != '{' || !absl::StrContains(decoded, "\"alg\"")) return std::nullopt;
  return Found{at, *signature};
}

std::optional<Found> PrivateKeyAt(std::string_view text, size_t at) {
  constexpr std::string_view kBegin = "-----BEGIN ";
  constexpr std::string_view kEnd = "-----END ";
  constexpr size_t kMostLabel = 64;
  if (!Begins(text, at, kBegin)) return std::nullopt;
  const std::string_view label = text.substr(at + kBegin.size(), kMostLabel);
  const size_t dashes = label.find("-----");
  if (dashes == std::string_view::npos || !label.substr(0, dashes).ends_with("PRIVATE KEY")) return std::nullopt;
  const size_t body = at + kBegin.size() + dashes;
  const size_t end = text.find(kEnd, body);
  if (end == std::string_view::npos) return Found{at, text.size()};
  const size_t closing = text.substr(end + kEnd.size(), kMostLabel).find("-----");
  return Found{at, closing == std::string_view::npos ? text.size() : end + kEnd.size() + closing + 5};
}

std::optional<Found> CloudKeyAt(std::string_view text, size_t at) {
  constexpr size_t kLongest = 256;
  if (IsWord(Before(text, at))) return std::nullopt;
  const auto upper = [](char c) { return IsUpper(c) || IsDigit(c); };
  const auto word = [](char c) { return IsAlnum(c) || c == '_'; };
  std::optional<size_t> end;
  size_t begin = at;
  if (Begins(text, at, "AKIA") || Begins(text, at, "ASIA")) {
    end = Exactly(text, at + 4, 16, upper);
  } else if (Begins(text, at, "AIza")) {
    end = Exactly(text, at + 4, 35, IsBase64Url);
  } else if (Begins(text, at, "gh") && At(text, at + 3) == '_' &&
             std::string_view("pousr").find(At(text, at + 2)) != std::string_view::npos) {
    end = AtLeast(text, at + 4, 36, kLongest, IsAlnum);
  } else if (Begins(text, at, "github_pat_")) {
    end = AtLeast(text, at + 11, 22, kLongest, word);
  } else if (Begins(text, at, "xox") && At(text, at + 4) == '-' &&
             std::string_view("abeoprs").find(At(text, at + 3)) != std::string_view::npos) {
    end = AtLeast(text, at + 5, 10, kLongest, [](char c) { return IsAlnum(c) || c == '-'; });
  } else if (Begins(text, at, "sk_live_") || Begins(text, at, "rk_live_")) {
    end = AtLeast(text, at + 8, 16, kLongest, IsAlnum);
  } else {
    // Those that look like nothing in particular stand behind their names.
    for (const std::string_view name : {std::string_view("AccountKey"), std::string_view("aws_secret_access_key"),
                                        std::string_view("SecretAccessKey"), std::string_view("secretAccessKey")}) {
      if (!Begins(text, at, name)) continue;
      begin = at + name.size();
      while (begin - at - name.size() < 5 && std::string_view("=:\"' ").find(At(text, begin)) != std::string_view::npos)
        ++begin;
      const bool azure = name == "AccountKey";
      end = Exactly(text, begin, azure ? 86 : 40, IsBase64);
      if (azure && end.has_value()) {
        if (!Begins(text, *end, "==")) return std::nullopt;
        end = *end + 2;
      }
      break;
    }
  }
  if (!end.has_value()) return std::nullopt;
  return Found{begin, *end};
}

}  // namespace sallyport::policy
