// The parts that conditions are made of.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "policy/glob.h"
#include "policy/matching/glob_set.h"
#include "policy/matching/network.h"
#include "policy/matching/time_window.h"
#include "policy/method_globs.h"

namespace sallyport::policy {
namespace {

std::string HostText(std::string_view peer) {
  const HostAddress host = PeerHost(peer);
  if (host.kind == AddressKind::kUnknown) return "unknown";
  return FormatNetwork({host.kind, host.kind == AddressKind::kIpv4 ? 32 : 128, host.bits});
}

TEST_CASE("peers are read in every notation that gRPC uses") {
  CHECK(HostText("ipv4:10.0.0.7:51514") == "10.0.0.7/32");
  CHECK(HostText("ipv6:[2001:db8::1]:80") == "2001:db8::1/128");
  CHECK(HostText("ipv6:%5B2001:db8::1%5D:80") == "2001:db8::1/128");
  CHECK(HostText("ipv6:%5b::1%5d:80") == "::1/128");
  CHECK(HostText("ipv6:[fe80::1%25eth0]:80") == "fe80::1/128");
  CHECK(HostText("ipv6:%5Bfe80::1%25eth0%5D:80") == "fe80::1/128");
  CHECK(HostText("ipv6:[::ffff:10.0.0.7]:80") == "10.0.0.7/32");
  CHECK(HostText("ipv6:%5B::ffff:a00:7%5D:80") == "10.0.0.7/32");
  CHECK(HostText("unix:/run/x.sock") == "unix");
  CHECK(HostText("unix:") == "unix");
  CHECK(HostText("unix-abstract:name") == "unix");
}

TEST_CASE("a peer that is not an address is in no network") {
  for (const std::string_view peer :
       {"", "ipv4:", "ipv4:10.0.0:1", "ipv4:::1", "ipv4:010.0.0.7:1", "ipv6:::1:80", "ipv6:[10.0.0.7]:80", "ipv6:[",
        "10.0.0.7:80", "vsock:1:2", "IPV4:10.0.0.7:80", "ipv4:10.0.0.7\n:80"}) {
    CAPTURE(peer);
    CHECK(HostText(peer) == "unknown");
  }
  CHECK(HostText(std::string_view("ipv4:10.0.0.7\0:80", 17)) == "unknown");
  CHECK(HostText("ipv6:[" + std::string(100'000, ':') + "]:80") == "unknown");
  const Network everything = *ParseNetwork("0.0.0.0/0");
  CHECK_FALSE(everything.Contains(PeerHost("nonsense")));
}

TEST_CASE("networks contain what their prefix says") {
  struct Case {
    const char* network;
    const char* peer;
    bool contains;
  };
  const Case one = GENERATE(values<Case>({
      {"10.0.0.0/8", "ipv4:10.255.255.255:1", true},
      {"10.0.0.0/8", "ipv4:11.0.0.0:1", false},
      {"10.0.0.0/31", "ipv4:10.0.0.1:1", true},
      {"10.0.0.0/31", "ipv4:10.0.0.2:1", false},
      {"0.0.0.0/0", "ipv4:255.1.2.3:1", true},
      {"0.0.0.0/0", "ipv6:[::1]:1", false},
      {"::/0", "ipv6:[2001:db8::1]:1", true},
      {"::/0", "ipv4:10.0.0.1:1", false},
      {"::/0", "ipv6:[::ffff:10.0.0.1]:1", false},
      {"2001:db8:8000::/33", "ipv6:[2001:db8:8000::1]:1", true},
      {"2001:db8:8000::/33", "ipv6:[2001:db8:7fff::1]:1", false},
      {"::ffff:10.0.0.0/104", "ipv4:10.9.9.9:1", true},
      {"10.0.0.0/8", "ipv6:[::ffff:10.9.9.9]:1", true},
      {"2001:db8::1", "ipv6:[2001:db8::1]:1", true},
      {"2001:db8::1", "ipv6:[2001:db8::2]:1", false},
      {"unix", "unix:/x", true},
      {"unix", "ipv4:127.0.0.1:1", false},
  }));
  CAPTURE(one.network, one.peer);
  CHECK(ParseNetwork(one.network)->Contains(PeerHost(one.peer)) == one.contains);
}

TEST_CASE("a network of IPv4 is the same one in IPv6 notation, at every length") {
  std::mt19937 random(9);
  for (int length = 0; length <= 32; ++length) {
    for (int i = 0; i < 20; ++i) {
      const auto bits = static_cast<uint32_t>(length == 0 ? 0 : (uint64_t{random()} >> (32 - length) << (32 - length)));
      const Network network{AddressKind::kIpv4, length, absl::uint128(bits) << 96};
      const std::string text = FormatNetwork(network);
      const std::string mapped = "::ffff:" + text.substr(0, text.find('/')) + "/" + std::to_string(96 + length);
      CAPTURE(text, mapped);
      for (const std::string& written : {text, mapped}) {
        const auto read = ParseNetwork(written);
        REQUIRE(read.ok());
        CHECK(FormatNetwork(*read) == text);
        CHECK(read->Contains({AddressKind::kIpv4, network.bits}));
        CHECK_FALSE(read->Contains({AddressKind::kIpv6, network.bits}));
      }
    }
  }
  CHECK(ParseNetwork("::ffff:0:0/96")->Contains(PeerHost("ipv4:10.0.0.7:1")));
  CHECK(ParseNetwork("::ffff:0:0/96")->Contains(PeerHost("ipv6:[::ffff:255.255.255.255]:1")));
  CHECK_FALSE(ParseNetwork("::ffff:0:0/96")->Contains(PeerHost("ipv6:[::fffe:10.0.0.7]:1")));
  // Shorter ones are of IPv6, and have no hosts of IPv4.
  CHECK_FALSE(ParseNetwork("::/95")->Contains(PeerHost("ipv4:10.0.0.7:1")));
  CHECK(ParseNetwork("::/95")->Contains(PeerHost("ipv6:[::10.0.0.7]:1")));
}

TEST_CASE("what is not a network is refused") {
  for (const std::string_view text :
       {"", "10.0.0.0/", "10.0.0.0/+8", "10.0.0.0/8 ", " 10.0.0.0/8", "10.0.0.0/08x", "10.0.0.0/-1", "10.0.0.0/33",
        "10.0.0/8", "::/129", "fe80::1%eth0", "UNIX", "10.0.0.0/8/8", "10.1.0.0/8", "2001:db8::1/64", "[::1]"}) {
    CAPTURE(text);
    CHECK(ParseNetwork(text).status().code() == absl::StatusCode::kInvalidArgument);
  }
}

TEST_CASE("networks cover those within them") {
  const auto covers = [](const char* wide, const char* narrow) {
    return ParseNetwork(wide)->Covers(*ParseNetwork(narrow));
  };
  CHECK(covers("10.0.0.0/8", "10.1.0.0/16"));
  CHECK(covers("10.0.0.0/8", "10.0.0.0/8"));
  CHECK_FALSE(covers("10.1.0.0/16", "10.0.0.0/8"));
  CHECK_FALSE(covers("0.0.0.0/0", "::/0"));
  CHECK(covers("unix", "unix"));
}

TEST_CASE("a network covers another if the first and the last address of that are in it") {
  const auto last_of = [](const Network& network) {
    return HostAddress{network.kind, network.bits | ~Prefix(absl::Uint128Max(), network.length)};
  };
  std::mt19937 random(13);
  std::vector<Network> networks = {{AddressKind::kUnix, 0, 0}};
  for (int i = 0; i < 400; ++i) {
    const bool four = random() % 2 == 0;
    // Few bits that differ, so that they are often within each other.
    const absl::uint128 bits = absl::uint128(random() % 4) << (four ? 126 : 100) | absl::uint128(random() % 4) << 96;
    const int length = static_cast<int>(random() % (four ? 33 : 129));
    networks.push_back({four ? AddressKind::kIpv4 : AddressKind::kIpv6, length, Prefix(bits, length)});
  }
  int covering = 0;
  for (const Network& wide : networks) {
    for (const Network& narrow : networks) {
      const bool unix_socket = narrow.kind == AddressKind::kUnix;
      const bool expected =
          wide.Contains({narrow.kind, narrow.bits}) && (unix_socket || wide.Contains(last_of(narrow)));
      CAPTURE(FormatNetwork(wide), FormatNetwork(narrow));
      REQUIRE(wide.Covers(narrow) == expected);
      covering += expected ? 1 : 0;
    }
  }
  CHECK(covering > 5000);
  CHECK(covering < 100'000);
}

TEST_CASE("a window over midnight ends on the day after") {
  TimeWindow night;
  night.days = 1 << 4;  // Friday
  night.from = 22 * 60;
  night.to = 6 * 60;
  const auto at = [&](int day, int hour, int minute = 0) {
    return night.Contains(day * kDayMinutes + hour * 60 + minute);
  };
  CHECK_FALSE(at(4, 21, 59));
  CHECK(at(4, 22));
  CHECK(at(5, 0));
  CHECK(at(5, 5, 59));
  CHECK_FALSE(at(5, 6));
  CHECK_FALSE(at(5, 22));
  CHECK_FALSE(at(4, 3));
  night.days = 1 << 6;  // Sunday: ends on Monday
  CHECK(at(0, 3));
  CHECK(at(6, 23));
  CHECK_FALSE(at(1, 3));
}

TEST_CASE("wall clocks follow summer time") {
  const absl::TimeZone berlin = *FindTimeZone("Europe/Berlin");
  // 2026-01-05 is a Monday in winter, 2026-07-06 one in summer.
  CHECK(MinuteOfWeek(absl::FromUnixSeconds(1'767'607'200), berlin) == 11 * 60);
  CHECK(MinuteOfWeek(absl::FromUnixSeconds(1'783'332'000), berlin) == 12 * 60);
  CHECK(MinuteOfWeek(absl::FromUnixSeconds(1'767'571'199), absl::UTCTimeZone()) == kWeekMinutes - 1);
  CHECK(FormatMinuteOfWeek(kWeekMinutes - 1) == "sun 23:59");
}

TEST_CASE("times of day have two digits each") {
  CHECK(ParseTimeOfDay("00:00") == 0);
  CHECK(ParseTimeOfDay("23:59") == 1439);
  CHECK(ParseTimeOfDay("24:00") == 1440);
  for (const char* text : {"", "8:30", "08:60", "24:01", "25:00", "08-30", "0a:30", "08:30 ", "-1:30"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseTimeOfDay(text).has_value());
  }
}

TEST_CASE("a glob covers those that match nothing else than it does") {
  CHECK(GlobCovers("*", "a*b?"));
  CHECK(GlobCovers("a*", "ab*"));
  CHECK(GlobCovers("a*", "a*"));
  CHECK(GlobCovers("a?c", "abc"));
  CHECK(GlobCovers("a?c", "a?c"));
  CHECK(GlobCovers("*/Get*", "shop.v1.Orders/Get*"));
  CHECK(GlobCovers("*b*", "a*b"));
  CHECK_FALSE(GlobCovers("ab*", "a*"));
  CHECK_FALSE(GlobCovers("abc", "a?c"));
  CHECK_FALSE(GlobCovers("a?c", "a*c"));
  CHECK_FALSE(GlobCovers("", "*"));
  CHECK_FALSE(GlobCovers("?", "*"));
}

std::string RandomText(std::mt19937& random, const std::string& letters, size_t longest) {
  std::string text(random() % (longest + 1), ' ');
  for (char& c : text) c = letters[random() % letters.size()];
  return text;
}

TEST_CASE("covering means matching no less, for globs and texts made at random") {
  std::mt19937 random(3);
  int covering = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string wide = RandomText(random, "ab*?", 5);
    const std::string narrow = RandomText(random, "ab*?", 5);
    if (!GlobCovers(wide, narrow)) continue;
    ++covering;
    for (int i = 0; i < 20; ++i) {
      const std::string text = RandomText(random, "abc", 6);
      if (GlobMatches(narrow, text)) REQUIRE(GlobMatches(wide, text));
    }
  }
  CHECK(covering > 1000);
}

TEST_CASE("covering methods means matching no less of them, for globs and methods made at random") {
  std::mt19937 random(7);
  int covering = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::vector<std::string> wide = {RandomText(random, "ab*?/", 5), RandomText(random, "b*/", 4)};
    const std::string narrow = RandomText(random, "ab*?/", 5);
    const std::string like = MethodLike(narrow);
    const auto any = [&wide](const std::string& text) {
      return GlobMatches(wide[0], text) || GlobMatches(wide[1], text);
    };
    CAPTURE(wide, narrow, like);
    if (std::count(like.begin(), like.end(), '/') == 1) REQUIRE(GlobMatches(narrow, like));
    if (!MethodGlobsCover(wide, {narrow})) continue;
    ++covering;
    if (std::count(like.begin(), like.end(), '/') == 1) REQUIRE(any(like));
    for (int i = 0; i < 20; ++i) {
      const std::string text = RandomText(random, "abc", 3) + "/" + RandomText(random, "abc", 3);
      if (GlobMatches(narrow, text)) REQUIRE(any(text));
    }
  }
  CHECK(covering > 1000);
}

TEST_CASE("a set of globs finds exactly those that match, for globs and texts made at random") {
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    // Few letters: affixes, anchors and literals meet often.
    GlobSet set;
    std::vector<std::string> globs;
    for (int i = 0; i < 60; ++i) {
      const std::string glob = RandomText(random, round % 2 == 0 ? "aab*?" : "abcde/*", 9);
      const uint32_t number = set.Add(glob);
      if (number == globs.size()) globs.push_back(glob);
      REQUIRE(globs[number] == glob);
    }
    set.Seal();
    for (int i = 0; i < 60; ++i) {
      const std::string text = RandomText(random, round % 2 == 0 ? "ab" : "abcde/", 12);
      std::set<uint32_t> found;
      set.ForEachMatch(text, [&](uint32_t number) { found.insert(number); });
      for (uint32_t number = 0; number < globs.size(); ++number) {
        CAPTURE(globs[number], text);
        REQUIRE(found.contains(number) == GlobMatches(globs[number], text));
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::policy
