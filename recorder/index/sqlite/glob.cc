#include "recorder/index/sqlite/glob.h"

#include <cstddef>

namespace sallyport::recorder {

bool GlobMatches(std::string_view pattern, std::string_view text) {
  size_t at_pattern = 0;
  size_t at_text = 0;
  // Where to go on after a mismatch: the last star seen, and the text it has swallowed so far.
  size_t star = std::string_view::npos;
  size_t swallowed = 0;
  while (at_text < text.size()) {
    if (at_pattern < pattern.size() && pattern[at_pattern] == '*') {
      star = at_pattern++;
      swallowed = at_text;
    } else if (at_pattern < pattern.size() && (pattern[at_pattern] == '?' || pattern[at_pattern] == text[at_text])) {
      ++at_pattern;
      ++at_text;
    } else if (star != std::string_view::npos) {
      at_pattern = star + 1;
      at_text = ++swallowed;
    } else {
      return false;
    }
  }
  while (at_pattern < pattern.size() && pattern[at_pattern] == '*') ++at_pattern;
  return at_pattern == pattern.size();
}

}  // namespace sallyport::recorder
