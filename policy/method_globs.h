// Globs of methods. Every call has a method "package.Service/Method", with one slash in it (others are refused before
// anything is asked about them), so that more can be said of these globs than of others.
#ifndef SALLYPORT_POLICY_METHOD_GLOBS_H_
#define SALLYPORT_POLICY_METHOD_GLOBS_H_

#include <string>
#include <string_view>
#include <vector>

namespace sallyport::policy {

// True only if each method that one of `narrow` matches is matched by one of `wide`. An empty list is all methods. For
// people: takes time with the product of the lists.
bool MethodGlobsCover(const std::vector<std::string>& wide, const std::vector<std::string>& narrow);

// A method that the glob matches, if there is one; what covers the glob matches it too.
std::string MethodLike(std::string_view glob);

// What is wrong with a glob that no method is like for want of a slash, with what to write instead; empty if that is
// not so.
std::string SlashFault(std::string_view method_glob);

// The glob with a slash in place of its last dot: "a.B.C" as "a.B/C". Empty if it has no dot, or a slash already.
std::string WithSlashForDot(std::string_view method_glob);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_METHOD_GLOBS_H_
