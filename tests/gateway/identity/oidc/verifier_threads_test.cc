// The verifier as it runs: with its own threads, and providers that take their time.
#include <atomic>
#include <catch2/catch.hpp>
#include <fstream>
#include <future>
#include <latch>
#include <mutex>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/gateway/identity/jwt/key_ring.h"
#include "tests/gateway/temporary_directory.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

std::string TokenFor(const std::string& jti) {
  json claims = Claims();
  claims["jti"] = jti;
  return Signed(Unsigned(Header("ES256", "k"), claims), "ES256", Keys().at("p256"));
}

// A provider that answers when it is told to.
struct SlowProvider : FakeProvider {
  SlowProvider() {
    const std::string keys = JwksText({Keys().at("p256").Jwk("k")});
    Answers(kJwksUrl, [this, keys](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
      if (!asked_once.try_wait()) asked_once.count_down();
      may_answer.wait();
      return HttpResponse{200, "application/json", keys};
    });
  }
  // By the one thread of the one verifier.
  std::latch asked_once{1};
  std::latch may_answer{1};
};

}  // namespace

TEST_CASE("many calls wait for one fetch, and nobody is kept from asking meanwhile") {
  SlowProvider provider;
  constexpr int kThreads = 4;
  constexpr int kCalls = 50;
  std::latch answered(kThreads * kCalls);
  std::atomic<int> good = 0;
  const std::unique_ptr<TokenVerifier> verifier = MakeVerifier(IssuerOptions(), provider.Environment(&kNow));
  verifier->Start();
  provider.asked_once.wait();
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kCalls; ++i) {
        const auto known = verifier->Verify(TokenFor(absl::StrCat(t, "-", i)), kNow, [&](ProofResult result) {
          good += result.ok() ? 1 : 0;
          answered.count_down();
        });
        if (known.has_value()) answered.count_down();
      }
    });
  }
  // All of them return while the provider has not answered.
  for (std::thread& thread : threads) thread.join();
  CHECK(good == 0);
  provider.may_answer.count_down();
  answered.wait();
  CHECK(good == kThreads * kCalls);
  CHECK(provider.asked(kJwksUrl) == 1);
}

TEST_CASE("a verifier can be dropped while its provider keeps it waiting") {
  SlowProvider provider;
  std::unique_ptr<TokenVerifier> verifier = MakeVerifier(IssuerOptions(), provider.Environment(&kNow));
  verifier->Start();
  provider.asked_once.wait();
  std::atomic<int> answers = 0;
  REQUIRE_FALSE(verifier->Verify(TokenFor("t"), kNow, [&](ProofResult) { ++answers; }).has_value());
  // As a real client ends its request when it is cancelled.
  std::thread drop([&] { verifier.reset(); });
  provider.may_answer.count_down();
  drop.join();
  // By the keys or by the end, whichever came first.
  CHECK(answers == 1);
}

TEST_CASE("a token that names a new key has it fetched by the verifier's own thread") {
  FakeProvider provider;
  std::mutex mutex;
  absl::Time now = kNow;
  TokenVerifier::Environment environment = provider.Environment(nullptr);
  environment.clock = [&] {
    const std::lock_guard lock(mutex);
    return now;
  };
  provider.Says(kJwksUrl, JwksText({Keys().at("p384").Jwk("old")}));
  const std::unique_ptr<TokenVerifier> verifier = MakeVerifier(IssuerOptions(), std::move(environment));
  verifier->Start();
  const std::string token = TokenFor("t");
  const auto ask = [&](absl::Time at) {
    std::promise<ProofResult> promise;
    std::future<ProofResult> answer = promise.get_future();
    const auto known = verifier->Verify(token, at, [promise = std::move(promise)](ProofResult result) mutable {
      promise.set_value(std::move(result));
    });
    return known.has_value() ? *known : answer.get();
  };
  CHECK(absl::IsUnauthenticated(ask(kNow).status()));
  provider.Says(kJwksUrl, JwksText({Keys().at("p256").Jwk("k")}));
  {
    const std::lock_guard lock(mutex);
    now = kNow + absl::Seconds(31);
  }
  CHECK(ask(kNow + absl::Seconds(31)).ok());
}

TEST_CASE("reviews are asked for by several threads at a time") {
  const testing::TemporaryDirectory directory;
  std::ofstream(directory.path() + "/token") << "gateway-token";
  FakeProvider provider;
  provider.Says(kJwksUrl, JwksText({Keys().at("p256").Jwk("k")}));
  std::latch meeting{4};
  provider.Answers("https://cluster.example/apis/authentication.k8s.io/v1/tokenreviews",
                   [&](const HttpRequest&) -> absl::StatusOr<HttpResponse> {
                     meeting.arrive_and_wait();
                     return HttpResponse{
                         201, "application/json",
                         R"({"status":{"authenticated":true,"audiences":["sallyport"],"user":{"username":"ada"}}})"};
                   });
  OidcIssuerOptions options = IssuerOptions();
  options.review = TokenReviewOptions{"https://cluster.example", "", directory.path() + "/token", absl::Seconds(10)};
  std::latch answered(4);
  std::atomic<int> good = 0;
  const std::unique_ptr<TokenVerifier> verifier = MakeVerifier(std::move(options), provider.Environment(&kNow));
  verifier->Start();
  for (int i = 0; i < 4; ++i) {
    const auto known = verifier->Verify(TokenFor(absl::StrCat(i)), kNow, [&](ProofResult result) {
      good += result.ok() ? 1 : 0;
      answered.count_down();
    });
    REQUIRE_FALSE(known.has_value());
  }
  answered.wait();
  CHECK(good == 4);
}

}  // namespace sallyport::gateway
