#include "policy/glob.h"

#include <cstddef>
#include <vector>

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

bool GlobsMeet(std::string_view a, std::string_view b) {
  // Whether what is left of `a` and of `b` meet, for each place in `b`; from the end of `a` on.
  std::vector<bool> below(b.size() + 1);
  std::vector<bool> row(b.size() + 1);
  for (size_t i = a.size() + 1; i-- > 0;) {
    for (size_t j = b.size() + 1; j-- > 0;) {
      const bool a_over = i == a.size();
      const bool b_over = j == b.size();
      if (a_over && b_over) {
        row[j] = true;
      } else if ((!a_over && a[i] == '*') || (!b_over && b[j] == '*')) {
        // One `*` takes nothing more, or the next of the other side.
        row[j] = (!a_over && below[j] && (a[i] == '*' || b_over || b[j] == '*')) ||
                 (!b_over && row[j + 1] && (b[j] == '*' || a_over || a[i] == '*'));
      } else {
        row[j] = !a_over && !b_over && (a[i] == '?' || b[j] == '?' || a[i] == b[j]) && below[j + 1];
      }
    }
    below.swap(row);
  }
  return below[0];
}

}  // namespace sallyport::policy
