#include "policy/settings_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "policy/glob.h"
#include "policy/issuer_check.h"
#include "policy/masking/field_check.h"
#include "policy/method_globs.h"
#include "protos/faults.h"
#include "protos/suggestion.h"

namespace sallyport::policy {
namespace {

// What stands for the gateway itself among upstreams.
constexpr char kOwnUpstream[] = "sallyport";
// What the gateway answers itself.
constexpr const char* kOwnServices[] = {"grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection",
                                        "grpc.reflection.v1alpha.ServerReflection"};

// The methods and services of some sets of descriptors.
class KnownMethods {
 public:
  explicit KnownMethods(const std::vector<std::shared_ptr<const Descriptors>>& sets) {
    for (const auto& set : sets) {
      for (const KnownService& service : set->KnownServices()) {
        services_.insert(service.name);
        for (const std::string& method : service.methods) methods_.insert(absl::StrCat(service.name, "/", method));
      }
    }
    known_ = !services_.empty();
    services_.insert(std::begin(kOwnServices), std::end(kOwnServices));
    methods_.insert({"grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch",
                     "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                     "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"});
  }

  // Without descriptors nothing can be said.
  bool known() const { return known_; }
  const std::set<std::string>& methods() const { return methods_; }
  const std::set<std::string>& services() const { return services_; }

 private:
  bool known_ = false;
  std::set<std::string> methods_;  // "package.Service/Method"
  std::set<std::string> services_;
};

// What was probably meant; for globs, only with another sign in place of the last dot.
std::string DidYouMean(const std::string& glob, const std::set<std::string>& names) {
  const std::string slashed = WithSlashForDot(glob);
  for (const std::string& other : {slashed, slashed.empty() ? "" : glob + "/*"}) {
    const auto like = [&other](const std::string& name) { return GlobMatches(other, name); };
    if (!other.empty() && std::any_of(names.begin(), names.end(), like)) {
      return absl::StrCat(" (did you mean \"", other, "\"?)");
    }
  }
  if (glob.find_first_of("*?") != std::string::npos) return "";
  const std::optional<std::string> nearest = Nearest(glob, std::vector<std::string>(names.begin(), names.end()));
  return nearest.has_value() ? absl::StrCat(" (did you mean \"", *nearest, "\"?)") : "";
}

class SettingsChecker {
 public:
  explicit SettingsChecker(const Settings& settings) : settings_(settings), methods_(settings.descriptors) {}

  std::vector<PolicyWarning> Check() && {
    if (settings_.policy != nullptr) {
      AddOfPolicy(CheckPolicy(*settings_.policy));
      if (methods_.known()) AddOfPolicy(CheckFields(*settings_.policy, settings_.descriptors));
      CheckMatches(settings_.policy->rules());
      CheckMatches(settings_.policy->limits());
      CheckMatches(settings_.policy->masks());
      CheckMatches(settings_.policy->content_rules());
      CheckMatches(settings_.policy->record_rules());
      CheckKeptTypes();
      CheckRecording();
      CheckRoles();
    }
    for (const Remark& remark : settings_.remarks) {
      remark.key.empty() ? warnings_.push_back({0, "", remark.text}) : AddOfConfig(remark.key, remark.text);
    }
    if (settings_.config != nullptr) {
      CheckRoutes();
      for (PolicyWarning& warning : CheckIssuers(*settings_.config, settings_.policy)) {
        // Those about the policy have lines; those about the configuration begin with their key.
        if (warning.line > 0) {
          warning.file = settings_.policy_file;
          warnings_.push_back(std::move(warning));
        } else {
          AddOfConfig(warning.text.substr(0, warning.text.find(' ')), warning.text.substr(warning.text.find(' ') + 1));
        }
      }
    }
    std::stable_sort(warnings_.begin(), warnings_.end(), [](const PolicyWarning& a, const PolicyWarning& b) {
      return std::tie(a.file, a.line) < std::tie(b.file, b.line);
    });
    return std::move(warnings_);
  }

 private:
  void AddOfPolicy(std::vector<PolicyWarning> found) {
    for (PolicyWarning& warning : found) {
      warning.file = settings_.policy_file;
      warnings_.push_back(std::move(warning));
    }
  }

  void AddOfConfig(const std::string& key, const std::string& text) {
    static const KeyLines kNone;
    const Faults places(settings_.config_file, settings_.config_lines == nullptr ? kNone : *settings_.config_lines);
    warnings_.push_back({places.LineOf(key), "", absl::StrCat(key, ": ", text), settings_.config_file});
  }

  // Empty if the glob means a method, or nothing is known.
  std::string NoMethod(const std::string& glob, const std::set<std::string>& names, const char* thing) const {
    if (!methods_.known()) return "";
    const auto like = [&](const std::string& name) { return GlobMatches(glob, name); };
    if (std::any_of(names.begin(), names.end(), like)) return "";
    if (settings_.called != nullptr && settings_.called(glob)) return "";
    return absl::StrCat("no ", thing, " is meant by \"", glob, "\"", DidYouMean(glob, names),
                        " in the descriptors known",
                        settings_.called != nullptr ? ", nor was there a call of one lately" : "");
  }

  // Empty if the glob means an upstream, or nothing is known.
  std::string NoUpstream(const std::string& glob) const {
    if (settings_.config == nullptr) return "";
    std::set<std::string> names = {kOwnUpstream};
    for (const auto& [name, upstream] : settings_.config->upstreams()) names.insert(name);
    const auto like = [&](const std::string& name) { return GlobMatches(glob, name); };
    if (std::any_of(names.begin(), names.end(), like)) return "";
    return absl::StrCat("no upstream is meant by \"", glob, "\"", DidYouMean(glob, names), " in ",
                        settings_.config_file);
  }

  // That what they match by is there.
  template <typename Rules>
  void CheckMatches(const Rules& rules) {
    for (const auto& rule : rules) {
      const auto note = [&](std::string text) {
        if (!text.empty()) warnings_.push_back({rule.line, rule.name, std::move(text), settings_.policy_file});
      };
      const auto check = [&](const Match& match) {
        for (const std::string& glob : match.methods) note(NoMethod(glob, methods_.methods(), "method"));
        for (const std::string& glob : match.upstreams) note(NoUpstream(glob));
      };
      check(rule.match);
      for (const Match& except : rule.match.except) check(except);
    }
  }

  void CheckKeptTypes() {
    const std::vector<std::string>& globs = settings_.policy->keep_unknown_fields();
    if (!methods_.known() || globs.empty()) return;
    std::set<std::string> names;
    for (const auto& set : settings_.descriptors) {
      const std::vector<std::string> types = set->message_types();
      names.insert(types.begin(), types.end());
    }
    for (size_t i = 0; i < globs.size(); ++i) {
      const auto like = [&](const std::string& name) { return GlobMatches(globs[i], name); };
      if (std::any_of(names.begin(), names.end(), like)) continue;
      warnings_.push_back({settings_.policy->keep_unknown_lines()[i], "",
                           absl::StrCat("keep_unknown_fields[", i, "]: no type of messages is meant by \"", globs[i],
                                        "\"", DidYouMean(globs[i], names), " in the descriptors known"),
                           settings_.policy_file});
    }
  }

  void CheckRecording() {
    if (settings_.policy->record_rules().empty() || settings_.config == nullptr) return;
    if (settings_.config->data().durability() != v1::off) return;
    AddOfConfig("data.durability", "is off: nothing is recorded, whatever the policy's record rules say");
  }

  // That what they show is there, and that there is somebody to show it to.
  void CheckRoles() {
    const absl::Span<const RoleRule> roles = settings_.policy->roles();
    for (const RoleRule& role : roles) {
      const auto note = [&](std::string text) {
        if (!text.empty()) warnings_.push_back({role.line, role.name, std::move(text), settings_.policy_file});
      };
      for (const std::string& glob : role.calls.methods) note(NoMethod(glob, methods_.methods(), "method"));
      for (const std::string& glob : role.calls.upstreams) note(NoUpstream(glob));
    }
    if (settings_.config == nullptr) return;
    if (settings_.config->has_api() && roles.empty()) {
      AddOfConfig("api", "nobody is shown anything there: the policy has no roles");
    }
    if (!settings_.config->has_api() && !roles.empty()) {
      warnings_.push_back({roles.front().line, "",
                           absl::StrCat("roles: mean nothing, for there is no `api` in ", settings_.config_file),
                           settings_.policy_file});
    }
  }

  void CheckRoutes() {
    const v1::Config& config = *settings_.config;
    std::set<std::string> led_to;
    for (int i = 0; i < config.routes_size(); ++i) {
      const v1::Route& route = config.routes(i);
      const std::string key = absl::StrCat("routes[", i, "]");
      led_to.insert(route.upstream());
      for (int earlier = 0; earlier < i; ++earlier) {
        if (!Covers(config.routes(earlier), route)) continue;
        AddOfConfig(key, absl::StrCat("no call reaches this route: routes[", earlier,
                                      "] matches every call that it matches, and comes first"));
        break;
      }
      for (const std::string& given : route.services()) {
        const std::string service(absl::StripPrefix(given, "/"));
        if (std::string text = NoMethod(service, methods_.services(), "service"); !text.empty()) {
          AddOfConfig(key + ".services", text);
        }
      }
      for (const std::string& method : route.methods()) {
        const std::string glob(absl::StripPrefix(method, "/"));
        if (std::string text = NoMethod(glob, methods_.methods(), "method"); !text.empty()) {
          AddOfConfig(key + ".methods", text);
        }
      }
    }
    if (config.routes().empty()) return;
    const std::map<std::string, v1::Upstream> sorted(config.upstreams().begin(), config.upstreams().end());
    for (const auto& [name, upstream] : sorted) {
      if (led_to.contains(name)) continue;
      AddOfConfig(absl::StrCat("upstreams.", name), "no route leads to this upstream");
    }
  }

  // Every text that one of `narrow` matches; no globs match everything.
  template <typename Globs>
  static bool AllCovered(const Globs& wide, const Globs& narrow) {
    if (wide.empty()) return true;
    return !narrow.empty() && std::all_of(narrow.begin(), narrow.end(), [&](const std::string& glob) {
      return std::any_of(wide.begin(), wide.end(), [&](const std::string& each) { return GlobCovers(each, glob); });
    });
  }

  static bool MatchesAll(const std::string& glob) { return GlobCovers(glob, "*"); }

  // The globs of a list as those of methods.
  template <typename Globs>
  static std::vector<std::string> OfMethods(const Globs& globs, const char* end) {
    std::vector<std::string> methods;
    methods.reserve(static_cast<size_t>(globs.size()));
    for (const std::string& glob : globs) methods.push_back(absl::StrCat(absl::StripPrefix(glob, "/"), end));
    return methods;
  }

  // Both of services and of methods bound a route.
  static bool CoversMethods(const v1::Route& wide, const v1::Route& narrow) {
    const std::vector<std::string> services = OfMethods(narrow.services(), "/*");
    const std::vector<std::string> methods = OfMethods(narrow.methods(), "");
    const auto covers = [&](const std::vector<std::string>& globs) {
      return MethodGlobsCover(globs, services) || MethodGlobsCover(globs, methods);
    };
    return covers(OfMethods(wide.services(), "/*")) && covers(OfMethods(wide.methods(), ""));
  }

  static bool CoversMetadata(const v1::Route& wide, const v1::Route& narrow) {
    return std::all_of(wide.metadata().begin(), wide.metadata().end(), [&](const auto& wanted) {
      const auto found = narrow.metadata().find(wanted.first);
      return found != narrow.metadata().end() && GlobCovers(wanted.second, found->second);
    });
  }

  static bool Covers(const v1::Route& wide, const v1::Route& narrow) {
    const bool any_authority = std::any_of(wide.authorities().begin(), wide.authorities().end(), MatchesAll);
    return CoversMetadata(wide, narrow) && CoversMethods(wide, narrow) &&
           (any_authority || AllCovered(wide.authorities(), narrow.authorities()));
  }

  const Settings& settings_;
  const KnownMethods methods_;
  std::vector<PolicyWarning> warnings_;
};

}  // namespace

Remark LeftOut(const v1::Config& config, const std::string& descriptor_file, const std::string& what) {
  for (int i = 0; i < config.descriptors_size(); ++i) {
    if (config.descriptors(i).file() == descriptor_file) return {absl::StrCat("descriptors[", i, "].file"), what};
  }
  return {"", what};
}

std::vector<PolicyWarning> CheckSettings(const Settings& settings) { return SettingsChecker(settings).Check(); }

std::string WarningText(const PolicyWarning& warning) {
  std::string text;
  if (!warning.file.empty()) absl::StrAppend(&text, warning.file, ":");
  if (warning.line > 0) absl::StrAppend(&text, warning.line, ":");
  if (!text.empty()) text += ' ';
  if (!warning.rule.empty()) absl::StrAppend(&text, "rule \"", warning.rule, "\": ");
  return text + warning.text;
}

}  // namespace sallyport::policy
