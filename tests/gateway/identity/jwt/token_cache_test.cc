#include "gateway/identity/jwt/token_cache.h"

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

ProofResult Named(const std::string& subject) {
  auto identity = std::make_shared<ProvedIdentity>();
  identity->subject = subject;
  return std::shared_ptr<const ProvedIdentity>(identity);
}

}  // namespace

TEST_CASE("what was kept is found until it expires or its keys change") {
  KeyStanding standing;
  TokenCache cache(1000);
  const TokenCache::Key key = TokenCache::KeyOf("token");
  const absl::Time until = kNow + absl::Minutes(5);
  standing.Set(1, kNow + absl::Hours(1));
  cache.Put(key, {Named("ada"), &standing, 1, until});
  CHECK((**cache.Find(key, kNow))->subject == "ada");
  CHECK_FALSE(cache.Find(TokenCache::KeyOf("tokeN"), kNow).has_value());
  CHECK(cache.Find(key, until - absl::Nanoseconds(1)).has_value());
  CHECK_FALSE(cache.Find(key, until).has_value());
  // Found out of time, it is gone.
  CHECK_FALSE(cache.Find(key, kNow).has_value());

  cache.Put(key, {Named("ada"), &standing, 1, until});
  standing.Set(1, kNow + absl::Minutes(1));
  CHECK(cache.Find(key, kNow).has_value());
  CHECK_FALSE(cache.Find(key, kNow + absl::Minutes(1)).has_value());

  cache.Put(key, {Named("ada"), &standing, 1, until});
  standing.Set(2, kNow + absl::Hours(1));
  CHECK_FALSE(cache.Find(key, kNow).has_value());
}

TEST_CASE("the cache is bounded, and keeps what is used") {
  KeyStanding standing;
  standing.Set(1, kNow + absl::Hours(1));
  constexpr size_t kMost = 1600;
  TokenCache cache(kMost);
  const TokenCache::Key used = TokenCache::KeyOf("used");
  const absl::Time until = kNow + absl::Minutes(5);
  cache.Put(used, {Named("ada"), &standing, 1, until});
  for (int i = 0; i < 100'000; ++i) {
    cache.Put(TokenCache::KeyOf(absl::StrCat(i)), {Named("eve"), &standing, 1, until});
    REQUIRE(cache.Find(used, kNow).has_value());
    REQUIRE(cache.size() <= kMost);
  }
  CHECK_FALSE(cache.Find(TokenCache::KeyOf("0"), kNow).has_value());
  CHECK(cache.Find(TokenCache::KeyOf("99999"), kNow).has_value());
}

TEST_CASE("threads may share the cache") {
  KeyStanding standing;
  standing.Set(1, kNow + absl::Hours(1));
  TokenCache cache(256);
  const auto use = [&](int first) {
    for (int i = 0; i < 20'000; ++i) {
      const std::string name = absl::StrCat((first + i) % 300);
      const TokenCache::Key key = TokenCache::KeyOf(name);
      const std::optional<ProofResult> found = cache.Find(key, kNow);
      if (found.has_value() && (**found)->subject != name) return false;
      if (!found.has_value()) cache.Put(key, {Named(name), &standing, 1, kNow + absl::Minutes(5)});
    }
    return true;
  };
  bool first = false;
  bool second = false;
  std::thread one([&] { first = use(0); });
  std::thread two([&] { second = use(150); });
  one.join();
  two.join();
  CHECK(first);
  CHECK(second);
}

}  // namespace sallyport::gateway
