#include "policy/glob.h"

#include <cstddef>

namespace sallyport::policy {

namespace {

// Whether `pattern` matches all of `text`, of which `accepts` says whether a pattern's byte other than `*` takes one of
// its.
template <typename Accepts>
bool MatchesAll(std::string_view pattern, std::string_view text, Accepts accepts) {
  size_t p = 0;
  size_t t = 0;
  // Where to go on after a mismatch: the last `*` seen, and the text position it has swallowed up to.
  size_t star = std::string_view::npos;
  size_t swallowed = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      swallowed = t;
    } else if (p < pattern.size() && accepts(pattern[p], text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++swallowed;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view text) {
  return MatchesAll(pattern, text, [](char expected, char given) { return expected == '?' || expected == given; });
}

bool GlobCovers(std::string_view wide, std::string_view narrow) {
  // What stands for many bytes in `narrow` must fall to a `*` of `wide`, and what stands for any one at least to a `?`.
  return MatchesAll(wide, narrow, [](char expected, char given) {
    if (given == '*') return false;
    return expected == '?' || (given != '?' && expected == given);
  });
}

}  // namespace sallyport::policy
