#include "policy/method_globs.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "policy/glob.h"
#include "protos/fault_list.h"

namespace sallyport::policy {
namespace {

constexpr char kAllMethods[] = "*/*";
constexpr std::string_view kWild = "*?";

// The glob with the slash in each place where a method may have it.
std::vector<std::string> WithSlash(const std::string& glob) {
  constexpr size_t kMostPlaces = 16;
  std::vector<std::string> all;
  if (glob.find('/') == std::string::npos) {
    for (size_t at = glob.find_first_of(kWild); at != std::string::npos; at = glob.find_first_of(kWild, at + 1)) {
      all.push_back(absl::StrCat(glob.substr(0, at), glob[at] == '*' ? "*/*" : "/", glob.substr(at + 1)));
    }
  }
  return all.empty() || all.size() > kMostPlaces ? std::vector<std::string>{glob} : all;
}

}  // namespace

bool MethodGlobsCover(const std::vector<std::string>& wide, const std::vector<std::string>& narrow) {
  if (wide.empty()) return true;
  const auto covered = [&wide](const std::string& glob) {
    return std::any_of(wide.begin(), wide.end(), [&glob](const std::string& each) { return GlobCovers(each, glob); });
  };
  const auto all_covered = [&covered](const std::string& glob) {
    if (covered(glob)) return true;
    const std::vector<std::string> places = WithSlash(glob);
    return std::all_of(places.begin(), places.end(), covered);
  };
  return narrow.empty() ? covered(kAllMethods) : std::all_of(narrow.begin(), narrow.end(), all_covered);
}

std::string MethodLike(std::string_view glob) {
  const std::string one = WithSlash(std::string(glob)).front();
  std::string text;
  for (const char c : one) {
    if (c != '*') text += c == '?' ? 'x' : c;
  }
  return text;
}

std::string SlashFault(std::string_view method_glob) {
  const std::string glob(method_glob);
  if (glob.empty() || glob.find('/') != std::string::npos || glob.find_first_of(kWild) != std::string::npos) return "";
  const std::string slashed = WithSlashForDot(glob);
  return absl::StrCat(Quoted(glob), " matches no method, for a slash stands before a method's own name: write ",
                      Quoted(slashed.empty() ? absl::StrCat("*/", glob) : slashed), ", or ",
                      Quoted(absl::StrCat(glob, "/*")), " for all methods of a service");
}

std::string WithSlashForDot(std::string_view method_glob) {
  const size_t dot = method_glob.rfind('.');
  if (dot == std::string_view::npos || method_glob.find('/') != std::string_view::npos) return "";
  std::string slashed(method_glob);
  slashed[dot] = '/';
  return slashed;
}

}  // namespace sallyport::policy
