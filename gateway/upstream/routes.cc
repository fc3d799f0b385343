#include "gateway/upstream/routes.h"

#include <algorithm>

#include "policy/glob.h"

namespace sallyport::gateway {
namespace {

bool AnyMatches(const std::vector<std::string>& globs, std::string_view text) {
  return globs.empty() || std::any_of(globs.begin(), globs.end(),
                                      [text](const std::string& glob) { return policy::GlobMatches(glob, text); });
}

}  // namespace

const RouteRule* Routes::Find(std::string_view path, std::string_view authority, HasMetadata has_metadata) const {
  std::string_view method = path.substr(path.empty() ? 0 : 1);
  std::string_view service = method.substr(0, method.rfind('/'));
  for (const RouteRule& rule : rules_) {
    if (!AnyMatches(rule.services, service) || !AnyMatches(rule.methods, method) ||
        !AnyMatches(rule.authorities, authority)) {
      continue;
    }
    if (std::all_of(rule.metadata.begin(), rule.metadata.end(),
                    [&](const auto& pair) { return has_metadata(pair.first, pair.second); })) {
      return &rule;
    }
  }
  return nullptr;
}

const RouteRule* Routes::FindService(std::string_view service, std::string_view authority,
                                     HasMetadata has_metadata) const {
  const auto has_method = [service](std::string_view glob) {
    return policy::GlobMatches(glob.substr(0, glob.rfind('/')), service);
  };
  for (const RouteRule& rule : rules_) {
    const bool methods = rule.methods.empty() || std::any_of(rule.methods.begin(), rule.methods.end(), has_method);
    if (!methods || !AnyMatches(rule.services, service) || !AnyMatches(rule.authorities, authority)) continue;
    if (std::all_of(rule.metadata.begin(), rule.metadata.end(),
                    [&](const auto& pair) { return has_metadata(pair.first, pair.second); })) {
      return &rule;
    }
  }
  return nullptr;
}

}  // namespace sallyport::gateway
