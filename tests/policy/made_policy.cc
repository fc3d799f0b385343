#include "tests/policy/made_policy.h"

#include <arpa/inet.h>
#include <google/protobuf/util/json_util.h>

#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace sallyport::policy {
namespace {

// The network of so many bits that an address is in, as text; IPv4 sometimes in IPv6 notation.
std::string NetworkAround(const std::string& address, int length, bool mapped) {
  const int family = absl::StrContains(address, ":") ? AF_INET6 : AF_INET;
  const int size = family == AF_INET ? 4 : 16;
  unsigned char bytes[16] = {};
  inet_pton(family, address.c_str(), bytes);
  length = std::min(length, 8 * size);
  for (int bit = length; bit < 8 * size; ++bit) bytes[bit / 8] &= static_cast<unsigned char>(~(0x80 >> bit % 8));
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(family, bytes, text, sizeof text);
  if (family == AF_INET && mapped) return absl::StrCat("::ffff:", text, "/", 96 + length);
  return absl::StrCat(text, "/", length);
}

}  // namespace

AccessRequest MadeCall::request() const {
  AccessRequest request(*this);
  request.proofs = proofs;
  request.subject = subject;
  request.issuer = issuer;
  request.groups = groups;
  request.method = method;
  request.upstream = upstream;
  request.peer = peer;
  request.now = now;
  return request;
}

std::string Maker::Service() {
  const int service = Below(world_.services);
  return absl::StrCat(service % 2 == 0 ? "shop.v1." : "bank.internal.v2.", "Service", service);
}

std::string Maker::Method() {
  constexpr const char* kVerbs[] = {"Get", "List", "Delete", "Update"};
  const int method = Below(world_.methods);
  return absl::StrCat(Service(), "/", kVerbs[method % 4], "Thing", method / 4);
}

std::string Maker::Subject() {
  const int subject = Below(world_.subjects);
  if (subject % 3 == 0) return absl::StrCat("spiffe://prod.example/ns/team", subject % 5, "/sa/", subject);
  return absl::StrCat("user", subject, subject % 3 == 1 ? "@example.com" : "");
}

std::string Maker::Group() { return absl::StrCat("team-", Below(world_.groups)); }
std::string Maker::Issuer() { return absl::StrCat("https://idp", Below(3), ".example"); }
std::string Maker::Tenant() { return absl::StrCat("eu-", Below(world_.tenants)); }

std::string Maker::Host() {
  const int host = Below(world_.hosts);
  if (Chance(10)) {
    // Where networks begin and end.
    constexpr const char* kEdges[] = {"0.0.0.0",   "255.255.255.255", "10.0.255.255",          "10.1.0.0",
                                      "::",        "2001:db8:ffff::", "::ffff:10.1.0.0",       "::ffff:255.255.255.255",
                                      "128.0.0.0", "8000::",          "ffff:ffff:ffff:ffff::", "::fffe:10.1.0.0"};
    return kEdges[Below(std::size(kEdges))];
  }
  if (host % 4 == 3) return absl::StrFormat("2001:db8:%x::%x", host % 7, host);
  return absl::StrFormat("10.%d.%d.%d", host % 3, host / 3 % 256, host % 256);
}

std::string Maker::GlobOver(std::string text, const std::string& sensible) {
  if (!Chance(world_.odd_globs)) return Chance(70) ? text : sensible;
  const size_t at = static_cast<size_t>(Below(static_cast<int>(text.size())));
  switch (Below(8)) {
    case 0:
      return text.substr(0, at) + "*";
    case 1:
      return "*" + text.substr(at);
    case 2:
      text[at] = '?';
      return text;
    case 3:
      return text.substr(0, at / 2) + "*" + text.substr(at);
    default:
      return text;
  }
}

std::string Maker::MethodGlob() {
  switch (Below(8)) {
    case 0:
    case 1:
      return Service() + "/*";
    case 2:
      return absl::StrCat("*/", Below(2) == 0 ? "Get*" : "Delete*");
    case 3: {
      const std::string glob = GlobOver(Method(), "shop.v1.*");
      // What can match no method is a fault.
      return glob.find_first_of("/*?") == std::string::npos ? glob + "*" : glob;
    }
    default:
      return Method();
  }
}

std::string Maker::NetworkText() {
  switch (Below(8)) {
    case 0:
      return "unix";
    case 1:
      return absl::StrFormat("10.%d.0.0/16", Below(3));
    case 2:
      return absl::StrFormat("2001:db8:%x::/48", Below(7));
    case 3:
      return absl::StrFormat("10.%d.%d.0/24", Below(3), Below(world_.hosts) / 3 % 256);
    case 4:
    case 5: {
      // Both families have networks of these lengths.
      constexpr int kLengths[] = {0, 1, 8, 16, 24, 31, 32, 33, 48, 64, 95, 127, 128};
      return NetworkAround(Host(), kLengths[Below(std::size(kLengths))], Chance(30));
    }
    default:
      return Host();
  }
}

void Maker::AddTime(v1::Match* match) {
  constexpr const char* kZones[] = {"UTC", "Europe/Berlin", "America/New_York"};
  v1::TimeOfDay& time = *match->add_times();
  for (int day = 0; day < 7; ++day) {
    if (Chance(60)) time.add_days(static_cast<v1::TimeOfDay::Day>(day));
  }
  const int from = Below(24 * 60);
  const int to = (from + 1 + Below(24 * 60 - 1)) % (24 * 60);
  time.set_from(absl::StrFormat("%02d:%02d", from / 60, from % 60));
  time.set_to(absl::StrFormat("%02d:%02d", to / 60, to % 60));
  time.set_zone(kZones[Below(3)]);
}

void Maker::AddCondition(v1::Match* match) {
  switch (Below(12)) {
    case 0:
      return match->add_identities(
          GlobOver(Subject(), Chance(50) ? "*@example.com" : "spiffe://prod.example/ns/team1/*"));
    case 1:
    case 2:
      return match->add_groups(Chance(80) ? Group() : GlobOver(Group(), "team-1*"));
    case 3:
      return match->add_issuers(GlobOver(Issuer(), "https://*.example"));
    case 4:
      return match->add_proofs(static_cast<v1::Match::Proof>(Below(4)));
    case 5:
      return match->add_all_proofs(static_cast<v1::Match::Proof>(1 + Below(3)));
    case 6:
      return match->add_upstreams(GlobOver(absl::StrCat("upstream", Below(4)), "up*"));
    case 7:
      (*match->mutable_metadata())[absl::StrCat("x-tenant", Below(3))] = GlobOver(Tenant(), "eu-*");
      return;
    case 8:
      (*match->mutable_all_metadata())[absl::StrCat("x-tenant", Below(3))] = GlobOver(Tenant(), "eu-*");
      return;
    case 9:
      return match->add_networks(NetworkText());
    case 10:
      return AddTime(match);
    default:
      return match->add_methods(MethodGlob());
  }
}

v1::Match Maker::MakeMatch() {
  v1::Match match;
  if (Chance(70)) match.add_methods(MethodGlob());
  for (int conditions = 1 + Below(4); conditions > 0; --conditions) AddCondition(&match);
  while (Chance(15)) {
    v1::Match& except = *match.add_except();
    for (int conditions = 1 + Below(2); conditions > 0; --conditions) AddCondition(&except);
  }
  return match;
}

v1::Policy Maker::MakePolicy(int rules) {
  v1::Policy policy;
  policy.set_shadow(Chance(5));
  policy.mutable_access()->set_default_(Chance(20) ? v1::AccessRule::allow : v1::AccessRule::deny);
  for (int i = 0; i < rules; ++i) {
    v1::AccessRule& rule = *policy.mutable_access()->add_rules();
    rule.set_name(absl::StrCat("rule-", i));
    *rule.mutable_match() = MakeMatch();
    rule.set_action(Chance(60) ? v1::AccessRule::allow : v1::AccessRule::deny);
    rule.set_shadow(rule.action() == v1::AccessRule::deny && Chance(20));
  }
  return policy;
}

MadeCall Maker::MakeCall() {
  MadeCall call;
  if (Chance(90)) {
    call.proofs.push_back(static_cast<v1::Proof>(1 + Below(3)));
    if (Chance(20)) call.proofs.push_back(static_cast<v1::Proof>(1 + Below(3)));
    call.subject = Subject();
    call.issuer = Issuer();
    for (int groups = Below(8); groups > 0; --groups) call.groups.push_back(Group());
  }
  call.method = Method();
  if (Chance(50)) call.method.insert(0, "/");
  if (Chance(95)) call.upstream = absl::StrCat("upstream", Below(4));
  const std::string host = Host();
  if (host.find(':') != std::string::npos) {
    call.peer = Chance(50) ? absl::StrCat("ipv6:[", host, "]:51514") : absl::StrCat("ipv6:%5B", host, "%5D:51514");
  } else {
    call.peer = absl::StrCat("ipv4:", host, ":51514");
  }
  if (Chance(5)) call.peer = "unix:/run/x.sock";
  call.now = absl::FromUnixSeconds(1'767'571'200 + Below(28 * 24 * 3600));
  call.metadata = {{"user-agent", "grpc-c++/1.51.1"}, {"te", "trailers"}};
  for (int pairs = Below(4); pairs > 0; --pairs) {
    call.metadata.emplace_back(absl::StrCat("x-tenant", Below(3)), Tenant());
  }
  return call;
}

std::string FileOf(const v1::Policy& policy) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.add_whitespace = true;
  std::string json;
  return google::protobuf::util::MessageToJsonString(policy, &json, options).ok() ? json : "";
}

}  // namespace sallyport::policy
