// The index finds what reading the matches one by one finds: with values at every edge, of every kind, in every order.
#include <arpa/inet.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policy/matching/match_index.h"
#include "tests/policy/made_policy.h"

namespace sallyport::policy {
namespace {

using Numbers = std::vector<size_t>;

class Edges {
 public:
  explicit Edges(uint32_t seed) : random_(seed) {}

  size_t Below(size_t end) { return random_() % end; }
  bool OneIn(size_t n) { return Below(n) == 0; }
  template <typename List>
  const auto& Of(const List& list) {
    return list[Below(std::size(list))];
  }

  Match MakeMatch(bool with_exceptions) {
    Match match;
    // Of some kinds several at once, of most none; now and then one of each.
    const size_t each = OneIn(20) ? 1 : 4;
    if (OneIn(each)) AddTexts(kTextGlobs, &match.methods);
    if (OneIn(each)) AddTexts(kTextGlobs, &match.identities);
    if (OneIn(each)) AddTexts(kTextGlobs, &match.groups);
    if (OneIn(each)) AddTexts(kTextGlobs, &match.issuers);
    if (OneIn(each)) AddTexts(kTextGlobs, &match.upstreams);
    if (OneIn(each)) match.proofs = static_cast<ProofSet>(1 + Below(15));
    if (OneIn(2 * each)) match.all_proofs = static_cast<ProofSet>(2 * Below(8));
    if (OneIn(each)) AddMetadata(&match.metadata);
    if (OneIn(each)) AddMetadata(&match.all_metadata);
    for (size_t n = OneIn(each) ? 1 + Below(3) : 0; n > 0; --n) match.networks.push_back(MakeNetwork());
    for (size_t n = OneIn(each) ? 1 + Below(2) : 0; n > 0; --n) match.times.push_back(MakeWindow());
    for (; with_exceptions && OneIn(3);) match.except.push_back(MakeMatch(false));
    return match;
  }

  MadeCall MakeCall() {
    MadeCall call;
    for (size_t proof = 1; proof <= 3; ++proof) {
      if (!OneIn(3)) call.proofs.push_back(static_cast<v1::Proof>(proof));
    }
    std::shuffle(call.proofs.begin(), call.proofs.end(), random_);
    call.subject = Of(kTexts);
    call.issuer = Of(kTexts);
    for (size_t n = Below(4); n > 0; --n) call.groups.emplace_back(Of(kTexts));
    call.method = absl::StrCat(OneIn(2) ? "/" : "", Of(kTexts));
    call.upstream = Of(kTexts);
    call.peer = MakePeer();
    // On the minute, and the last second before it.
    call.now = absl::FromUnixSeconds(1'767'571'200 + static_cast<int64_t>(60 * MinuteAtEdge()) - (OneIn(2) ? 1 : 0));
    for (size_t n = Below(5); n > 0; --n) call.metadata.emplace_back(Of(kNames), Of(kTexts));
    return call;
  }

 private:
  static constexpr const char* kTexts[] = {"", "a", "aa", "abcd", "abcde", "xabcd", "aabcda", "abxcd", "bcd", "*", "?"};
  static constexpr const char* kTextGlobs[] = {"*",  "?",    "a",    "aa",   "abcd",   "abcd*", "*abcd", "a*",
                                               "*a", "?bcd", "abc?", "a?cd", "*abcd*", "a*d",   "**",    "ab*cd"};
  static constexpr const char* kNames[] = {"m", "n", "o"};

  template <typename List>
  void AddTexts(const List& from, std::vector<std::string>* to) {
    for (size_t n = 1 + Below(3); n > 0; --n) to->emplace_back(Of(from));
  }

  void AddMetadata(std::vector<MetadataCondition>* conditions) {
    std::vector<std::string> names(std::begin(kNames), std::end(kNames));
    std::shuffle(names.begin(), names.end(), random_);
    for (size_t n = 1 + Below(3); n > 0; --n) conditions->push_back({names[n - 1], OneIn(5) ? "" : Of(kTextGlobs)});
  }

  // Bits at the borders of prefixes; the families overlap where one is read as the other.
  absl::uint128 MakeBits() {
    static const absl::uint128 kBits[] = {0, absl::Uint128Max(), absl::MakeUint128(0x0a00'0000'0000'0000, 0),
                                          absl::MakeUint128(0x2001'0db8'0000'0000, 1), absl::uint128(1) << 127};
    absl::uint128 bits = Of(kBits);
    // One step to either side of a border.
    if (OneIn(2)) bits += absl::uint128(1) << (127 - static_cast<int>(Below(128)));
    if (OneIn(4)) bits -= 1;
    return bits;
  }

  Network MakeNetwork() {
    static constexpr int kLengths[] = {0, 1, 8, 31, 32, 33, 63, 64, 65, 96, 127, 128};
    if (OneIn(12)) return {AddressKind::kUnix, 0, 0};
    const AddressKind kind = OneIn(2) ? AddressKind::kIpv4 : AddressKind::kIpv6;
    const int length = std::min(kLengths[Below(std::size(kLengths))], kind == AddressKind::kIpv4 ? 32 : 128);
    return {kind, length, Prefix(MakeBits(), length)};
  }

  std::string MakePeer() {
    if (OneIn(12)) return OneIn(2) ? "unix:/x" : "nowhere";
    const absl::uint128 bits = MakeBits();
    unsigned char bytes[16];
    for (int i = 0; i < 16; ++i) bytes[i] = static_cast<unsigned char>(bits >> (8 * (15 - i)));
    char text[INET6_ADDRSTRLEN] = {};
    const bool four = OneIn(2);
    inet_ntop(four ? AF_INET : AF_INET6, bytes, text, sizeof text);
    if (!four) return absl::StrCat("ipv6:[", text, "]:1");
    return OneIn(3) ? absl::StrCat("ipv6:[::ffff:", text, "]:1") : absl::StrCat("ipv4:", text, ":1");
  }

  size_t MinuteAtEdge() {
    static constexpr size_t kTimes[] = {0, 1, 510, 720, 1439};
    return Below(8) * kDayMinutes + Of(kTimes);
  }

  TimeWindow MakeWindow() {
    TimeWindow window;
    window.days = static_cast<uint8_t>(1 + Below(127));
    window.from = static_cast<int>(MinuteAtEdge()) % kDayMinutes;
    do {
      window.to = OneIn(6) ? kDayMinutes : static_cast<int>(MinuteAtEdge()) % kDayMinutes;
    } while (window.to == window.from);
    if (OneIn(2)) window.zone = *FindTimeZone(OneIn(2) ? "Asia/Kathmandu" : "America/New_York");
    return window;
  }

  std::mt19937 random_;
};

Numbers Found(const MatchIndex& index, const RequestFacts& facts, size_t most = ~size_t{0}) {
  Numbers found;
  if (most == 0) return found;
  index.ForEachMatch(facts, [&](size_t number) {
    found.push_back(number);
    return found.size() < most;
  });
  return found;
}

Numbers Candidates(const MatchIndex& index, const RequestFacts& facts, size_t end) {
  Numbers found;
  index.ForEachCandidate(facts, end, [&](size_t number) {
    found.push_back(number);
    return true;
  });
  return found;
}

TEST_CASE("an index finds what trying match after match finds, in order and no further than it is asked to") {
  Edges edges(20261130);
  size_t held = 0;
  size_t failed = 0;
  // The sets' words and blocks of words end at some of these.
  for (const size_t count : {0, 1, 2, 3, 63, 64, 65, 127, 128, 129, 511, 512, 513, 1000, 1, 2, 3, 5, 8, 13, 21, 34}) {
    for (int round = 0; round < 12; ++round) {
      std::vector<Match> matches;
      for (size_t i = 0; i < count; ++i) matches.push_back(edges.MakeMatch(true));
      std::vector<const Match*> pointers;
      pointers.reserve(matches.size());
      for (const Match& match : matches) pointers.push_back(&match);
      const MatchIndex index(pointers);
      for (int i = 0; i < 60; ++i) {
        const MadeCall call = edges.MakeCall();
        const AccessRequest request = call.request();
        const RequestFacts facts(request);
        Numbers expected;
        for (size_t number = 0; number < count; ++number) {
          if (Matches(matches[number], facts)) expected.push_back(number);
        }
        held += expected.size();
        failed += count - expected.size();
        CAPTURE(count, call.subject, call.method, call.peer, absl::FormatTime(call.now));
        REQUIRE(Found(index, facts) == expected);
        const size_t most = edges.Below(expected.size() + 1);
        REQUIRE(Found(index, facts, most) == Numbers(expected.begin(), expected.begin() + static_cast<long>(most)));
        // Candidates: none beyond the end, in order, and all that match among them.
        const size_t end = edges.Below(count + 2);
        const Numbers candidates = Candidates(index, facts, end);
        REQUIRE(std::is_sorted(candidates.begin(), candidates.end()));
        REQUIRE((candidates.empty() || candidates.back() < std::min(end, count)));
        expected.erase(std::lower_bound(expected.begin(), expected.end(), end), expected.end());
        REQUIRE(std::includes(candidates.begin(), candidates.end(), expected.begin(), expected.end()));
      }
    }
  }
  CHECK(held > 20'000);
  CHECK(failed > 20'000);
}

TEST_CASE("each kind of condition by itself is found as it is read, beside every other of its kind") {
  // One condition a match: whatever an index confuses within a kind decides.
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    Edges edges(seed);
    std::vector<Match> matches;
    while (matches.size() < 70) {
      const Match whole = edges.MakeMatch(false);
      for (const auto member :
           {&Match::identities, &Match::groups, &Match::issuers, &Match::methods, &Match::upstreams}) {
        if (!(whole.*member).empty()) matches.emplace_back().*member = whole.*member;
      }
      if (!whole.networks.empty()) matches.emplace_back().networks = whole.networks;
      if (!whole.metadata.empty()) matches.emplace_back().metadata = whole.metadata;
      if (!whole.all_metadata.empty()) matches.emplace_back().all_metadata = whole.all_metadata;
      if (whole.proofs != 0) matches.emplace_back().proofs = whole.proofs;
      if (whole.all_proofs != 0) matches.emplace_back().all_proofs = whole.all_proofs;
      if (!whole.times.empty()) matches.emplace_back().times = whole.times;
    }
    std::vector<const Match*> pointers;
    pointers.reserve(matches.size());
    for (const Match& match : matches) pointers.push_back(&match);
    const MatchIndex index(pointers);
    for (int i = 0; i < 100; ++i) {
      const MadeCall call = edges.MakeCall();
      const AccessRequest request = call.request();
      const RequestFacts facts(request);
      Numbers expected;
      for (size_t number = 0; number < matches.size(); ++number) {
        if (Matches(matches[number], facts)) expected.push_back(number);
      }
      CAPTURE(seed, call.subject, call.method, call.peer);
      REQUIRE(Found(index, facts) == expected);
      // What explains agrees with what decides.
      for (size_t number = 0; number < matches.size(); ++number) {
        REQUIRE(Mismatches(matches[number], facts).empty() ==
                std::binary_search(expected.begin(), expected.end(), number));
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::policy
