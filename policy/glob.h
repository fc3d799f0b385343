// Globs as routes, rules and searches use them.
#ifndef SALLYPORT_POLICY_GLOB_H_
#define SALLYPORT_POLICY_GLOB_H_

#include <string_view>

namespace sallyport::policy {

// True if `pattern` matches all of `text`: `*` stands for any run of characters (dots and slashes too), `?` for one;
// everything else for itself, by case. Linear in practice, never worse than the product of the lengths.
bool GlobMatches(std::string_view pattern, std::string_view text);

// True only if `wide` matches every text that `narrow` matches. False where that would take more than a comparison of
// the two to see, as with "?*" and "*?".
bool GlobCovers(std::string_view wide, std::string_view narrow);

// Whether some text is matched by both. Takes time with the product of the lengths.
bool GlobsMeet(std::string_view a, std::string_view b);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_GLOB_H_
