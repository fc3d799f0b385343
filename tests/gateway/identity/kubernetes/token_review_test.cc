#include "gateway/identity/kubernetes/token_review.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "absl/strings/match.h"
#include "gateway/identity/jwt/token_fault.h"
#include "tests/gateway/identity/jwt/key_ring.h"
#include "tests/gateway/temporary_directory.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

constexpr char kReviewUrl[] = "https://cluster.example/apis/authentication.k8s.io/v1/tokenreviews";
constexpr char kAccount[] = "system:serviceaccount:shop:cart";

json Stands() {
  return {{"apiVersion", "authentication.k8s.io/v1"},
          {"kind", "TokenReview"},
          {"status",
           {{"authenticated", true},
            {"audiences", {kAudience}},
            {"user",
             {{"username", kAccount},
              {"uid", "1-2-3"},
              {"groups", {"system:serviceaccounts", "system:serviceaccounts:shop", "dev"}},
              {"extra", {{"authentication.kubernetes.io/pod-name", {"cart-0"}}}}}}}}};
}

// A cluster whose API server reviews, and a verifier that has its keys.
struct Cluster {
  Cluster() {
    std::ofstream(directory.path() + "/token") << "gateway-token";
    provider.Says(kReviewUrl, Stands().dump(), 201);
    provider.Says(kJwksUrl, JwksText({Keys().at("p256").Jwk("k")}));
    OidcIssuerOptions options = IssuerOptions();
    options.review = TokenReviewOptions{"https://cluster.example", "", directory.path() + "/token", absl::Seconds(10)};
    verifier = MakeVerifier(std::move(options), provider.Environment(&now));
    verifier->DoWhatIsDue();
  }
  std::string Token(const std::string& account = kAccount) const {
    json claims = Claims();
    claims["sub"] = account;
    claims["groups"] = {"dev"};
    return Signed(Unsigned(Header("ES256", "k"), claims), "ES256", Keys().at("p256"));
  }
  // Through a review, unless the answer is known.
  ProofResult Verify(const std::string& token) {
    ProofResult answer = absl::InternalError("no answer");
    const auto known = verifier->Verify(token, now, [&](const ProofResult& result) { answer = result; });
    if (known.has_value()) return *known;
    verifier->DoWhatIsDue();
    return answer;
  }
  int reviews() const { return provider.asked(kReviewUrl); }

  testing::TemporaryDirectory directory;
  FakeProvider provider;
  absl::Time now = kNow;
  std::unique_ptr<TokenVerifier> verifier;
};

}  // namespace

TEST_CASE("Kubernetes is asked about a token, once in a while") {
  Cluster cluster;
  const std::string token = cluster.Token();
  CHECK_FALSE(cluster.verifier->VerifyNow(token, cluster.now).has_value());
  CHECK(cluster.reviews() == 0);
  const ProofResult result = cluster.Verify(token);
  REQUIRE(result.ok());
  CHECK((*result)->subject == kAccount);
  CHECK((*result)->groups == std::vector<std::string>{"dev", "system:serviceaccounts", "system:serviceaccounts:shop"});
  CHECK((*result)->expires == kNow + absl::Seconds(320));
  CHECK(cluster.reviews() == 1);
  const HttpRequest request = cluster.provider.requests().back();
  CHECK(request.method == HttpMethod::kPost);
  CHECK(std::find(request.headers.begin(), request.headers.end(),
                  std::pair<std::string, std::string>("Authorization", "Bearer gateway-token")) !=
        request.headers.end());
  CHECK(json::parse(request.body) == json{{"apiVersion", "authentication.k8s.io/v1"},
                                          {"kind", "TokenReview"},
                                          {"spec", {{"token", token}, {"audiences", {"other-gateway", kAudience}}}}});
  cluster.now += absl::Seconds(9);
  CHECK(cluster.verifier->VerifyNow(token, cluster.now)->ok());
  cluster.now += absl::Seconds(1);
  CHECK_FALSE(cluster.verifier->VerifyNow(token, cluster.now).has_value());
  CHECK(cluster.Verify(token).ok());
  CHECK(cluster.reviews() == 2);
}

TEST_CASE("what Kubernetes said of a token ends with the token") {
  Cluster cluster;
  const std::string token = cluster.Token();
  const absl::Time end = kNow + absl::Seconds(320);
  cluster.now = end - absl::Seconds(3);
  REQUIRE(cluster.Verify(token).ok());
  cluster.now = end - absl::Nanoseconds(1);
  CHECK(cluster.verifier->VerifyNow(token, cluster.now)->ok());
  cluster.now = end;
  CHECK_FALSE(cluster.verifier->Recall(token, cluster.now).has_value());
  CHECK(FaultOf(cluster.Verify(token).status()) == TokenFault::kExpired);
  CHECK(cluster.reviews() == 1);
}

TEST_CASE("all who show the same token share one review") {
  Cluster cluster;
  const std::string token = cluster.Token();
  int good = 0;
  for (int i = 0; i < 50; ++i) {
    const auto known =
        cluster.verifier->Verify(token, cluster.now, [&](const ProofResult& result) { good += result.ok(); });
    REQUIRE_FALSE(known.has_value());
  }
  cluster.verifier->DoWhatIsDue();
  CHECK(good == 50);
  CHECK(cluster.reviews() == 1);
}

TEST_CASE("a token that does not stand is refused, and not asked about again at once") {
  Cluster cluster;
  const std::string token = cluster.Token();
  REQUIRE(cluster.Verify(token).ok());
  cluster.provider.Says(kReviewUrl, R"({"status":{"authenticated":false,"error":"[invalid bearer token]"}})", 201);
  cluster.now += absl::Seconds(10);
  CHECK(FaultOf(cluster.Verify(token).status()) == TokenFault::kRevoked);
  CHECK(cluster.reviews() == 2);
  CHECK(FaultOf(cluster.verifier->VerifyNow(token, cluster.now)->status()) == TokenFault::kRevoked);
  CHECK(cluster.reviews() == 2);
}

TEST_CASE("an answer has to fit the token") {
  const auto with = [](const char* pointer, const json& value) {
    json answer = Stands();
    answer[json::json_pointer(pointer)] = value;
    return answer;
  };
  const std::pair<json, TokenFault> refused[] = {
      {with("/status/authenticated", false), TokenFault::kRevoked},
      {with("/status/authenticated", "true"), TokenFault::kRevoked},
      {with("/status/authenticated", 1), TokenFault::kRevoked},
      {with("/status", json::object()), TokenFault::kRevoked},
      {with("/status/audiences", json::array()), TokenFault::kAudience},
      {with("/status/audiences", nullptr), TokenFault::kAudience},
      {with("/status/audiences", "sallyport"), TokenFault::kAudience},
      {with("/status/audiences", json::array({"https://kubernetes.default.svc"})), TokenFault::kAudience},
      {with("/status/user/username", "system:serviceaccount:shop:admin"), TokenFault::kRevoked},
  };
  for (const auto& [answer, fault] : refused) {
    Cluster cluster;
    cluster.provider.Says(kReviewUrl, answer.dump(), 201);
    INFO(answer.dump());
    CHECK(FaultOf(cluster.Verify(cluster.Token()).status()) == fault);
  }
}

TEST_CASE("groups that nobody could match, or too many, are no answer") {
  const auto with = [](const json& groups) {
    json answer = Stands();
    answer["status"]["user"]["groups"] = groups;
    return answer.dump();
  };
  json many = json::array();
  while (many.size() < 256) many.push_back("dev");
  Cluster cluster;
  const std::string token = cluster.Token();
  for (const json& groups :
       {json::array({"dev\nadmins"}), json::array({"dev", ""}), json::array({std::string(5000, 'a')})}) {
    cluster.provider.Says(kReviewUrl, with(groups), 201);
    INFO(groups.dump().substr(0, 60));
    CHECK(absl::IsUnavailable(cluster.Verify(token).status()));
  }
  json more = many;
  more.push_back("dev");
  cluster.provider.Says(kReviewUrl, with(more), 201);
  CHECK(absl::IsUnavailable(cluster.Verify(token).status()));
  cluster.provider.Says(kReviewUrl, with(many), 201);
  CHECK(cluster.Verify(token).ok());
}

TEST_CASE("without an answer nobody gets in, and nothing is kept") {
  Cluster cluster;
  const std::string token = cluster.Token();
  const std::vector<std::pair<std::string, int>> answers = {
      {"", 201},
      {"no", 200},
      {"{}", 201},
      {Stands().dump(), 202},
      {Stands().dump(), 401},
      {"nope", 403},
      {"oops", 500},
      {"[]", 201},
      {R"({"status":5})", 201},
      {R"({"status":{"authenticated":true,"audiences":["sallyport"]}})", 201},
      {Stands().dump() + Stands().dump(), 201}};
  for (const auto& [body, status] : answers) {
    cluster.provider.Says(kReviewUrl, body, status);
    INFO(status << ' ' << body);
    CHECK(absl::IsUnavailable(cluster.Verify(token).status()));
  }
  cluster.provider.IsAway(kReviewUrl);
  CHECK(absl::IsUnavailable(cluster.Verify(token).status()));
  REQUIRE(std::remove((cluster.directory.path() + "/token").c_str()) == 0);
  cluster.provider.Says(kReviewUrl, Stands().dump());
  CHECK(absl::IsUnavailable(cluster.Verify(token).status()));
  std::ofstream(cluster.directory.path() + "/token") << "gateway-token";
  CHECK(cluster.Verify(token).ok());
}

TEST_CASE("what is wrong without Kubernetes is not shown to it") {
  Cluster cluster;
  std::string token = cluster.Token();
  token[token.size() - 10] = token[token.size() - 10] == 'A' ? 'B' : 'A';
  CHECK(FaultOf(cluster.Verify(token).status()) == TokenFault::kSignature);
  CHECK(cluster.reviews() == 0);
}

TEST_CASE("no more than a bounded number of reviews wait, and those are answered when the verifier goes") {
  Cluster cluster;
  size_t answered = 0;
  const std::string token = cluster.Token();
  for (size_t i = 0; i < TokenReviewer::kMostWaiting; ++i) {
    const auto known = cluster.verifier->Verify(token, cluster.now, [&](const ProofResult& result) {
      answered += absl::IsUnavailable(result.status()) ? 1 : 0;
    });
    REQUIRE_FALSE(known.has_value());
  }
  const auto known =
      cluster.verifier->Verify(token, cluster.now, [](const ProofResult&) { FAIL("both returned and called"); });
  REQUIRE(known.has_value());
  CHECK(absl::IsUnavailable(known->status()));
  cluster.verifier.reset();
  CHECK(answered == TokenReviewer::kMostWaiting);
}

}  // namespace sallyport::gateway
