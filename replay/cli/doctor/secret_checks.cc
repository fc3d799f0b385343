// What the doctor says of secrets that are shown to the gateway and by it: how old they are, and when they end.
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/api_keys/api_key_file.h"
#include "replay/cli/doctor/checks.h"
#include "replay/cli/doctor/finding_list.h"

namespace sallyport::replay {
namespace {

constexpr char kApiKey[] = "api-key";
constexpr char kCredential[] = "credential";
constexpr absl::Duration kSoon = absl::Hours(24 * 30);
constexpr absl::Duration kOld = absl::Hours(24 * 365);
// A file may have very many keys. More are counted.
constexpr size_t kMostNamed = 10;

int64_t Days(absl::Duration age) { return absl::ToInt64Hours(age) / 24; }

std::string Day(absl::Time time) { return absl::FormatTime("%Y-%m-%d", time, absl::UTCTimeZone()); }

// Named by their ids: whose they are is nothing for a support bundle.
void WarnOfKeys(const std::string& path, std::vector<std::string> whats, const std::string& advice,
                Findings& findings) {
  const size_t all = whats.size();
  whats.resize(std::min(all, kMostNamed));
  for (std::string& what : whats) Warn(findings, kApiKey, path, std::move(what), advice);
  if (all > kMostNamed) {
    Warn(findings, kApiKey, path, absl::StrCat("the same is so of ", all - kMostNamed, " more"), advice);
  }
}

// Of one kind of credentials: v1::UpstreamCredentials and v1::GroupCredentials have these alike.
template <typename Credentials>
void AddSecretFiles(const Credentials& credentials, const std::string& upstream,
                    std::map<std::string, std::set<std::string>>& files) {
  const auto add = [&](const v1::SecretSource& source) {
    if (!source.from_file().empty()) files[source.from_file()].insert(upstream);
  };
  for (const auto& [name, source] : credentials.metadata()) add(source);
  add(credentials.client_credentials().client_secret());
  add(credentials.token_exchange().client_secret());
}

void CheckSecretFile(const std::string& path, const std::set<std::string>& upstreams, absl::Time now,
                     Findings& findings) {
  struct stat info = {};
  if (stat(path.c_str(), &info) != 0) {
    Problem(findings, kCredential, path, absl::StrCat("it cannot be looked at: ", strerror(errno)),
            absl::StrCat("calls to ", *upstreams.begin(), " are refused without it: put it there"));
    return;
  }
  const absl::Duration age = now - absl::TimeFromTimespec(info.st_mtim);
  const std::string what = absl::StrCat("what upstream ", *upstreams.begin(), " is shown was last changed ",
                                        std::max<int64_t>(0, Days(age)), " days ago");
  if (age > kOld) {
    Warn(findings, kCredential, path, what, "have the upstream's owner issue another, and put it there");
  } else {
    Fine(findings, kCredential, path, what);
  }
}

}  // namespace

void CheckApiKeys(const DoctorSubject& subject, Findings& findings) {
  if (!subject.config.has_value()) return;
  const std::string& path = subject.config->identity().api_keys().file();
  if (path.empty()) return;
  absl::StatusOr<std::vector<recorder::ApiKey>> keys = recorder::ReadApiKeys(path);
  if (!keys.ok()) {
    Problem(findings, kApiKey, path, std::string(keys.status().message()),
            "without it no caller is let in by an API key: put it in order");
    return;
  }
  std::erase_if(*keys, [](const recorder::ApiKey& key) { return key.revoked.has_value(); });
  // What ends next comes first, and then what is oldest.
  std::sort(keys->begin(), keys->end(), [](const recorder::ApiKey& a, const recorder::ApiKey& b) {
    return std::pair(a.expires, a.created) < std::pair(b.expires, b.created);
  });
  std::vector<std::string> soon;
  std::vector<std::string> old;
  size_t expired = 0;
  for (const recorder::ApiKey& key : *keys) {
    if (key.expires <= subject.now) {
      ++expired;
    } else if (key.expires < subject.now + kSoon) {
      soon.push_back(absl::StrCat("key ", key.id, " expires on ", Day(key.expires)));
    } else if (key.expires == absl::InfiniteFuture() && subject.now - key.created > kOld) {
      old.push_back(
          absl::StrCat("key ", key.id, " is ", Days(subject.now - key.created), " days old and never expires"));
    }
  }
  Fine(findings, kApiKey, path,
       absl::StrCat("keys that let callers in: ", keys->size() - expired, "; expired: ", expired));
  WarnOfKeys(path, std::move(soon), "issue another for its caller (`sallyport keys issue-api-key`)", findings);
  WarnOfKeys(path, std::move(old), "issue another with an end (--expires), and revoke this one", findings);
}

void CheckCredentials(const DoctorSubject& subject, Findings& findings) {
  if (!subject.config.has_value()) return;
  std::map<std::string, std::set<std::string>> files;
  for (const auto& [name, upstream] : subject.config->upstreams()) {
    AddSecretFiles(upstream.credentials(), name, files);
    for (const v1::GroupCredentials& group : upstream.credentials().by_group()) AddSecretFiles(group, name, files);
  }
  for (const auto& [path, upstreams] : files) CheckSecretFile(path, upstreams, subject.now, findings);
}

}  // namespace sallyport::replay
