#include "gateway/identity/api_keys/api_keys.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "recorder/api_keys/api_key_file.h"
#include "recorder/crypto/crypto.h"
#include "tests/gateway/temporary_directory.h"
#include "tests/gateway/tls/certificates.h"

namespace sallyport::testing {
namespace {

struct KeyRig {
  std::string Issue(const std::string& subject, const std::vector<std::string>& groups = {},
                    absl::Time expires = kTestNow + absl::Hours(1)) {
    auto made = recorder::IssueApiKey(path, subject, groups, kTestNow, expires, recorder::RealFileSystem());
    INFO(made.status().ToString());
    REQUIRE(made.ok());
    return std::string(made->text.view());
  }
  std::unique_ptr<gateway::ApiKeys> Open() const {
    auto keys = gateway::ApiKeys::Create(path);
    INFO(keys.status().ToString());
    REQUIRE(keys.ok());
    return *std::move(keys);
  }

  TemporaryDirectory directory;
  std::string path = directory.path() + "/api-keys";
};

std::string IdOf(const std::string& key) { return key.substr(10, 10); }

// Another secret under the same id, with the checksum that anybody can work out.
std::string Forged(const std::string& key) {
  constexpr size_t kChecksumSize = 6;
  std::string text = key.substr(0, key.size() - kChecksumSize);
  text.back() = text.back() == 'a' ? 'b' : 'a';
  const recorder::Hash hash = recorder::Sha256({"sallyport api key 1\n", text});
  for (size_t i = 0; i < kChecksumSize; ++i) {
    text.push_back("abcdefghijklmnopqrstuvwxyz234567"[static_cast<unsigned char>(hash[i]) % 32]);
  }
  return text;
}

}  // namespace

TEST_CASE("an API key proves the account that it was issued to") {
  KeyRig rig;
  const std::string key = rig.Issue("ci@example", {"build", "deploy team"});
  rig.Issue("other");
  const auto keys = rig.Open();
  CHECK(gateway::ApiKeys::Claims(key));
  CHECK_FALSE(gateway::ApiKeys::Claims("eyJhbGciOi"));
  const gateway::ProofResult result = keys->Verify(key, kTestNow);
  REQUIRE(result.ok());
  CHECK((*result)->kind == gateway::ProofKind::kApiKey);
  CHECK((*result)->issuer == "api-keys");
  CHECK((*result)->subject == "ci@example");
  CHECK((*result)->groups == std::vector<std::string>{"build", "deploy team"});
  CHECK((*result)->credential == "key=" + IdOf(key));
  CHECK((*result)->expires == kTestNow + absl::Hours(1));
  CHECK(keys->Verify(key, kTestNow + absl::Minutes(59)).value() == *result);
}

TEST_CASE(
    "an API key that has expired, is revoked, unknown or misspelt is refused, and says which to its holder alone") {
  KeyRig rig;
  const std::string key = rig.Issue("ci");
  const std::string revoked = rig.Issue("old");
  REQUIRE(recorder::RevokeApiKey(rig.path, IdOf(revoked), kTestNow, recorder::RealFileSystem()).ok());
  KeyRig elsewhere;
  const std::string unknown = elsewhere.Issue("ci");
  const auto keys = rig.Open();
  const auto refusal = [&](const std::string& token, absl::Time now = kTestNow) {
    const gateway::ProofResult result = keys->Verify(token, now);
    CHECK(absl::IsUnauthenticated(result.status()));
    return std::string(result.status().message());
  };
  CHECK(refusal(key, kTestNow + absl::Hours(1)) == "the API key has expired");
  CHECK(refusal(revoked) == "the API key is revoked");
  CHECK(refusal(unknown) == "the API key is not one that the gateway knows");
  // Who knows the id of a key alone learns nothing about it.
  for (const std::string& known : {key, revoked}) {
    CHECK(refusal(Forged(known)) == "the API key is not one that the gateway knows");
    CHECK(refusal(Forged(known), kTestNow + absl::Hours(1)) == "the API key is not one that the gateway knows");
  }
  const std::string misspelt = "the API key is misspelt or not whole: its checksum does not fit";
  CHECK(refusal("") == misspelt);
  CHECK(refusal(key.substr(0, key.size() - 1)) == misspelt);
  CHECK(refusal(key + "a") == misspelt);
  CHECK(refusal(key + " ") == misspelt);
  for (size_t i = 0; i < key.size(); ++i) {
    std::string changed = key;
    changed[i] = changed[i] == 'a' ? 'b' : 'a';
    CHECK(refusal(changed) == misspelt);
  }
}

TEST_CASE("a text with a right checksum and a known id is still no key") {
  KeyRig rig;
  const std::string key = rig.Issue("first");
  // The file as it would be if another key had got the same id.
  KeyRig elsewhere;
  const std::string other = elsewhere.Issue("second");
  auto stored = recorder::ReadApiKeys(rig.path);
  REQUIRE(stored.ok());
  stored->front().id = IdOf(other);
  WriteText(rig.path, recorder::FormatApiKeys(*stored));
  const gateway::ProofResult result = rig.Open()->Verify(other, kTestNow);
  CHECK(std::string(result.status().message()) == "the API key is not one that the gateway knows");
  CHECK(stored->front().Matches(key));
}

TEST_CASE("revoking and issuing count as soon as the file is read again, and a broken file changes nothing") {
  KeyRig rig;
  const std::string first = rig.Issue("first");
  const auto keys = rig.Open();
  const std::string second = rig.Issue("second");
  CHECK_FALSE(keys->Verify(second, kTestNow).ok());
  REQUIRE(recorder::RevokeApiKey(rig.path, IdOf(first), kTestNow, recorder::RealFileSystem()).ok());
  CHECK(keys->Verify(first, kTestNow).ok());
  REQUIRE(keys->Reload().ok());
  CHECK(keys->Verify(second, kTestNow).ok());
  CHECK_FALSE(keys->Verify(first, kTestNow).ok());

  WriteText(rig.path, "sallyport-api-keys 1\n\nkey x\n");
  CHECK(std::string(keys->Reload().message()) == rig.path + ":3: expected `key <id>`");
  CHECK(keys->Verify(second, kTestNow).ok());
  std::filesystem::remove(rig.path);
  CHECK(absl::IsNotFound(keys->Reload()));
  CHECK(keys->Verify(second, kTestNow).ok());
}

TEST_CASE("a file of API keys that is missing, or that others may write, is refused") {
  KeyRig rig;
  const absl::Status missing = gateway::ApiKeys::Create(rig.path).status();
  CHECK(absl::IsNotFound(missing));
  CHECK(std::string(missing.message()).find("`sallyport keys issue-api-key --file " + rig.path + "`") !=
        std::string::npos);
  rig.Issue("ci");
  std::filesystem::permissions(rig.path, std::filesystem::perms(0660));
  CHECK(absl::IsFailedPrecondition(gateway::ApiKeys::Create(rig.path).status()));
  // What is in it is of no use to who reads it.
  std::filesystem::permissions(rig.path, std::filesystem::perms(0644));
  CHECK(gateway::ApiKeys::Create(rig.path).ok());
}

}  // namespace sallyport::testing
