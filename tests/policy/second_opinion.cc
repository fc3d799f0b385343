#include <arpa/inet.h>

#include <algorithm>
#include <cstdlib>

#include "absl/time/civil_time.h"
#include "tests/policy/made_policy.h"

namespace sallyport::policy {
namespace {

bool Glob(const char* pattern, const char* text) {
  if (*pattern == '\0') return *text == '\0';
  if (*pattern == '*') return Glob(pattern + 1, text) || (*text != '\0' && Glob(pattern, text + 1));
  return *text != '\0' && (*pattern == '?' || *pattern == *text) && Glob(pattern + 1, text + 1);
}

template <typename Globs>
bool AnyGlob(const Globs& globs, const std::string& text) {
  return !text.empty() && std::any_of(globs.begin(), globs.end(),
                                      [&](const std::string& glob) { return Glob(glob.c_str(), text.c_str()); });
}

// An address as a text of 0s and 1s, of IPv6; one of IPv4 as it is written there. Empty if it is none.
std::string Bits(const std::string& address) {
  unsigned char bytes[16];
  const bool four = address.find(':') == std::string::npos;
  if (inet_pton(AF_INET6, (four ? "::ffff:" + address : address).c_str(), bytes) != 1) return "";
  std::string bits;
  for (const unsigned char byte : bytes) {
    for (int bit = 7; bit >= 0; --bit) bits += (byte >> bit & 1) != 0 ? '1' : '0';
  }
  return bits;
}

bool IsIpv4(const std::string& bits) { return bits.starts_with(std::string(80, '0') + std::string(16, '1')); }

bool InNetwork(const std::string& network, std::string peer) {
  if (peer.starts_with("unix:") || network == "unix") return peer.starts_with("unix:") && network == "unix";
  if (peer.starts_with("ipv6:")) {
    const size_t from = peer.starts_with("ipv6:[") ? 6 : 8;
    peer = peer.substr(from, peer.find_first_of("]%", from) - from);
  } else {
    peer = peer.substr(5, peer.rfind(':') - 5);
  }
  const size_t slash = network.find('/');
  const std::string text = network.substr(0, slash);
  std::string prefix = Bits(text);
  if (slash != std::string::npos) {
    const auto length = static_cast<size_t>(std::atoi(network.c_str() + slash + 1));
    prefix.resize(text.find(':') == std::string::npos ? 96 + length : length);
  }
  // A network of IPv6 has no hosts of IPv4, however few bits it fixes.
  return Bits(peer).starts_with(prefix) && IsIpv4(Bits(peer)) == IsIpv4(prefix);
}

int Minutes(const std::string& text, int otherwise) {
  return text.empty() ? otherwise : std::atoi(text.c_str()) * 60 + std::atoi(text.c_str() + 3);
}

bool InTime(const v1::TimeOfDay& window, absl::Time now) {
  absl::TimeZone zone = absl::UTCTimeZone();
  if (!window.zone().empty()) absl::LoadTimeZone(window.zone(), &zone);
  const absl::CivilMinute minute = absl::ToCivilMinute(now, zone);
  const int from = Minutes(window.from(), 0);
  const int to = Minutes(window.to(), 24 * 60);
  // Every window that began today or yesterday.
  for (const absl::CivilDay day : {absl::CivilDay(minute), absl::CivilDay(minute) - 1}) {
    const auto name = static_cast<int>(absl::GetWeekday(day));
    if (!window.days().empty() && std::find(window.days().begin(), window.days().end(), name) == window.days().end()) {
      continue;
    }
    const absl::CivilMinute begin = absl::CivilMinute(day) + from;
    const absl::CivilMinute end = absl::CivilMinute(day) + (to > from ? to : to + 24 * 60);
    if (begin <= minute && minute < end) return true;
  }
  return false;
}

bool Shown(int proof, const MadeCall& call) {
  if (proof == v1::Match::none) return call.proofs.empty();
  return std::any_of(call.proofs.begin(), call.proofs.end(), [&](v1::Proof shown) {
    return (proof == v1::Match::jwt && shown == v1::PROOF_JWT) ||
           (proof == v1::Match::mtls && shown == v1::PROOF_MTLS) ||
           (proof == v1::Match::api_key && shown == v1::PROOF_API_KEY) ||
           (proof == v1::Match::local && shown == v1::PROOF_LOCAL);
  });
}

bool MetadataHolds(const v1::Match& match, const MadeCall& call) {
  const auto values = [&](const std::string& name) {
    std::vector<std::string> found;
    for (const auto& [other, value] : call.metadata) {
      if (other == name) found.push_back(value);
    }
    return found;
  };
  for (const auto& [name, glob] : match.metadata()) {
    const auto found = values(name);
    if (std::none_of(found.begin(), found.end(),
                     [&, &g = glob](const auto& v) { return Glob(g.c_str(), v.c_str()); })) {
      return false;
    }
  }
  for (const auto& [name, glob] : match.all_metadata()) {
    const auto found = values(name);
    if (found.empty()) return false;
    if (!std::all_of(found.begin(), found.end(),
                     [&, &g = glob](const auto& v) { return Glob(g.c_str(), v.c_str()); })) {
      return false;
    }
  }
  return true;
}

bool Holds(const v1::Match& match, const MadeCall& call) {
  const std::string method = call.method.substr(call.method.starts_with('/') ? 1 : 0);
  if (!match.identities().empty() && !AnyGlob(match.identities(), call.subject)) return false;
  if (!match.issuers().empty() && !AnyGlob(match.issuers(), call.issuer)) return false;
  if (!match.methods().empty() && !AnyGlob(match.methods(), method)) return false;
  if (!match.upstreams().empty() && !AnyGlob(match.upstreams(), call.upstream)) return false;
  if (!match.groups().empty() && std::none_of(call.groups.begin(), call.groups.end(), [&](const std::string& group) {
        return AnyGlob(match.groups(), group);
      })) {
    return false;
  }
  const auto shown = [&](int proof) { return Shown(proof, call); };
  if (!match.proofs().empty() && std::none_of(match.proofs().begin(), match.proofs().end(), shown)) return false;
  if (!std::all_of(match.all_proofs().begin(), match.all_proofs().end(), shown)) return false;
  if (!MetadataHolds(match, call)) return false;
  if (!match.networks().empty() &&
      std::none_of(match.networks().begin(), match.networks().end(),
                   [&](const std::string& network) { return InNetwork(network, call.peer); })) {
    return false;
  }
  if (!match.times().empty() && std::none_of(match.times().begin(), match.times().end(),
                                             [&](const auto& window) { return InTime(window, call.now); })) {
    return false;
  }
  return std::none_of(match.except().begin(), match.except().end(),
                      [&](const v1::Match& except) { return Holds(except, call); });
}

}  // namespace

SecondOpinion DecideSlowly(const v1::Policy& policy, const MadeCall& call) {
  SecondOpinion opinion{policy.access().default_() == v1::AccessRule::allow, "default", {}};
  for (const v1::AccessRule& rule : policy.access().rules()) {
    if (!Holds(rule.match(), call)) continue;
    if (rule.shadow()) {
      opinion.shadow_denied.push_back(rule.name());
      continue;
    }
    opinion.allowed = rule.action() == v1::AccessRule::allow;
    opinion.rule = rule.name();
    break;
  }
  if (policy.shadow() && !opinion.allowed) {
    opinion.allowed = true;
    opinion.shadow_denied.push_back(opinion.rule);
  }
  return opinion;
}

}  // namespace sallyport::policy
