// The parts of the doctor that read what others have made, and what it finds in a store.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "policy/changes/shown_configuration.h"
#include "recorder/api_keys/api_key_file.h"
#include "recorder/recorder.h"
#include "replay/cli/doctor/certificate_dates.h"
#include "replay/cli/doctor/checks.h"
#include "replay/cli/doctor/connection.h"
#include "replay/cli/doctor/support_bundle.h"
#include "tests/recorder/log_fixture.h"
#include "tests/recorder/socket_file.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::replay {
namespace {

using recorder::TemporaryDirectory;
using recorder::WriteFile;

constexpr char kCertificate[] = R"(-----BEGIN CERTIFICATE-----
MIIBbTCCAROgAwIBAgIUbBo5i+VlnmXvyk/uh0RuLH35ilQwCgYIKoZIzj0EAwIw
DDEKMAgGA1UEAwwBYTAeFw0yNjExMzAxNjQ1MTlaFw0yNjEyMzAxNjQ1MTlaMAwx
CjAIBgNVBAMMAWEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARjsiLDtlsleo8w
iYVuMBD7/GSrBODPeZD9BKMV4qXxMaOctE88QdXJhzv2gWILcdEaRcyTbZE1iS0m
6lY1SmMDo1MwUTAdBgNVHQ4EFgQUABSoi2Rz8KlSBDp6FQuCmuYMGakwHwYDVR0j
BBgwFoAUABSoi2Rz8KlSBDp6FQuCmuYMGakwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNIADBFAiEAi1/kxeJyqo4vTFgVARZMGDpMPoONfjeRodAkPPbIIpwC
IGH0VpHaFnEnYre27lM88QsXGW98OyACYCh3ecre40gM
-----END CERTIFICATE-----
)";

absl::Time At(const char* text) {
  absl::Time time;
  std::string error;
  REQUIRE(absl::ParseTime(absl::RFC3339_sec, text, &time, &error));
  return time;
}

bool Has(const Findings& findings, DoctorFinding::Level level, const std::string& check,
         const std::string& where = "") {
  return std::any_of(findings.begin(), findings.end(), [&](const DoctorFinding& each) {
    return each.level == level && each.check == check && (where.empty() || each.where == where);
  });
}

TEST_CASE("the dates of certificates are read from PEM") {
  const auto dates = DatesOfCertificates(std::string("text before\n") + kCertificate + kCertificate);
  REQUIRE(dates.ok());
  REQUIRE(dates->size() == 2);
  CHECK((*dates)[0].not_before == At("2026-11-30T16:45:19Z"));
  CHECK((*dates)[1].not_after == At("2026-12-30T16:45:19Z"));
  CHECK_FALSE(DatesOfCertificates("").ok());
  CHECK_FALSE(DatesOfCertificates("-----BEGIN CERTIFICATE-----\nMIIB").ok());
  CHECK_FALSE(DatesOfCertificates("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----").ok());
}

TEST_CASE("a certificate that is cut or changed anywhere is read within its bounds") {
  std::string der;
  const std::string text = kCertificate;
  REQUIRE(absl::Base64Unescape(text.substr(27, text.find("-----END") - 27), &der));
  REQUIRE(DatesOfCertificate(der).ok());
  for (size_t i = 0; i < der.size(); ++i) {
    CHECK_FALSE(DatesOfCertificate(der.substr(0, i)).ok());
    for (const char other : {'\0', '\x7f', '\x80', '\x84', '\xff'}) {
      std::string changed = der;
      changed[i] = other;
      const auto dates = DatesOfCertificate(changed);
      if (dates.ok()) CHECK(dates->not_after > absl::UnixEpoch() - absl::Hours(24 * 365 * 5000));
    }
  }
}

TEST_CASE("a configuration is shown without what is not known to be harmless") {
  constexpr char kSecret[] = "s3cret";
  v1::Config config;
  config.mutable_data()->set_directory("/var/lib/sallyport");
  config.mutable_data()->set_keys(std::string("exec:vault --token ") + kSecret);
  config.mutable_data()->set_reveal_key(kSecret);
  config.mutable_listen()->set_insecure(true);
  config.mutable_listen()->mutable_tls()->set_key("/etc/key.pem");
  (*config.mutable_upstreams())["payments"].set_target("10.0.0.1:443");
  auto* metadata = (*config.mutable_upstreams())["payments"].mutable_credentials()->mutable_metadata();
  (*metadata)["x-api-key"].set_from_command(std::string("echo ") + kSecret);
  (*metadata)["x-api-key"].set_prefix(kSecret);
  v1::Route* route = config.add_routes();
  route->add_services("pkg.*");
  (*route->mutable_metadata())["x-token"] = kSecret;
  config.mutable_checkpoints()->set_url(std::string("https://user:") + kSecret + "@example.test/");
  const std::string shown = policy::ShownConfiguration(config);
  INFO(shown);
  CHECK(shown.find(kSecret) == std::string::npos);
  for (const char* line :
       {"data.directory: /var/lib/sallyport\n", "data.keys: (removed)\n", "listen.insecure: true\n",
        "listen.tls.key: /etc/key.pem\n", "upstreams.payments.target: 10.0.0.1:443\n", "routes[0].services[0]: pkg.*\n",
        "routes[0].metadata.[0]: (removed)\n", "checkpoints.url: (removed)\n"}) {
    INFO(line);
    CHECK(shown.find(line) != std::string::npos);
  }
  config.mutable_data()->set_keys("file:/etc/keyring");
  CHECK(policy::ShownConfiguration(config).find("data.keys: file:/etc/keyring\n") != std::string::npos);
}

TEST_CASE("a bundle is a tar in gzip, and overwrites nothing") {
  TemporaryDirectory directory;
  const std::string path = directory.path() + "/bundle.tar.gz";
  const std::string large(200'000, 'x');
  REQUIRE(WriteBundle(path, TarGz({{"a/one", "1\n"}, {"a/large", large}, {"a/none", ""}}, 0)).ok());
  CHECK(std::system(("tar -xzf " + path + " -C " + directory.path()).c_str()) == 0);
  CHECK(recorder::ReadFile(directory.path() + "/a/one") == "1\n");
  CHECK(recorder::ReadFile(directory.path() + "/a/large") == large);
  CHECK(recorder::ReadFile(directory.path() + "/a/none").empty());
  CHECK_FALSE(WriteBundle(path, "x").ok());
  CHECK(recorder::ReadFile(path) != "x");
}

TEST_CASE("modes, a keyring in the data, a clock that was set back and a newer store are found") {
  TemporaryDirectory directory;
  { REQUIRE(recorder::Recorder::Open({directory.store()}).ok()); }
  for (const char* socket : {"/control", "/api.sock"}) recorder::MakeSocket(directory.store() + socket);
  DoctorSubject subject;
  subject.data = directory.store();
  subject.now = absl::Now();
  using Level = DoctorFinding::Level;
  const auto look = [&] {
    Findings findings;
    CheckFiles(subject, findings);
    CheckStoreState(subject, findings);
    CheckClock(subject, findings);
    CheckDisk(subject, findings);
    return findings;
  };
  Findings findings = look();
  for (const char* check : {"files", "keys", "store", "index"}) CHECK_FALSE(Has(findings, Level::kProblem, check));
  CHECK(Has(findings, Level::kOk, "files"));
  CHECK(Has(findings, Level::kOk, "index"));

  const std::string key = directory.store() + "/keys/store.key";
  REQUIRE(chmod(key.c_str(), 0644) == 0);
  CHECK(Has(look(), Level::kProblem, "files", key));
  REQUIRE(chmod(key.c_str(), 0600) == 0);

  const std::string inside = directory.store() + "/keyring";
  std::filesystem::copy_file(directory.store() + ".keyring", inside);
  subject.keys = recorder::KeySource{recorder::KeySource::Kind::kFile, inside};
  CHECK(Has(look(), Level::kProblem, "keys", inside));
  subject.keys.reset();
  std::filesystem::remove(inside);

  subject.now = absl::Now() - absl::Hours(1);
  CHECK(Has(look(), Level::kProblem, "clock"));
  subject.now = absl::Now() + absl::Hours(24 * 400);
  CHECK(Has(look(), Level::kWarning, "keys"));
  subject.now = absl::Now();

  WriteFile(directory.store() + "/format", "99\n");
  CHECK(Has(look(), Level::kProblem, "store"));
}

TEST_CASE("API keys that end soon, that never end and those that are no file are found") {
  TemporaryDirectory directory;
  DoctorSubject subject;
  subject.now = absl::FromUnixSeconds(2'000'000'000);
  const std::string path = directory.path() + "/api-keys";
  subject.config.emplace().mutable_identity()->mutable_api_keys()->set_file(path);
  using Level = DoctorFinding::Level;
  const auto issue = [&](absl::Duration age, absl::Time expires) {
    const auto made = recorder::IssueApiKey(path, "shop", {}, subject.now - age, expires, recorder::RealFileSystem());
    REQUIRE(made.ok());
    return made->key.id;
  };
  const auto look = [&] {
    Findings findings;
    CheckApiKeys(subject, findings);
    return findings;
  };
  CHECK(Has(look(), Level::kProblem, "api-key", path));
  const absl::Duration day = absl::Hours(24);
  // One that holds, one that has ended, and a young one without an end.
  issue(day, subject.now + 31 * day);
  issue(20 * day, subject.now - day);
  issue(300 * day, absl::InfiniteFuture());
  const Findings fine = look();
  REQUIRE(fine.size() == 1);
  CHECK(fine[0].level == Level::kOk);
  CHECK(fine[0].what == "keys that let callers in: 2; expired: 1");
  const std::string revoked = issue(day, subject.now + 2 * day);
  REQUIRE(recorder::RevokeApiKey(path, revoked, subject.now, recorder::RealFileSystem()).ok());
  CHECK(look().size() == 1);
  const std::string old = issue(400 * day, absl::InfiniteFuture());
  const std::string soon = issue(day, subject.now + 29 * day);
  const Findings found = look();
  REQUIRE(found.size() == 3);
  CHECK(found[1].level == Level::kWarning);
  CHECK(found[1].what.starts_with("key " + soon + " expires on "));
  CHECK(found[2].what == "key " + old + " is 400 days old and never expires");
  for (const DoctorFinding& finding : found) CHECK(finding.what.find("shop") == std::string::npos);
  for (int i = 0; i < 15; ++i) issue(day, subject.now + 3 * day);
  const Findings many = look();
  REQUIRE(many.size() == 13);
  CHECK(many[11].what == "the same is so of 6 more");
}

TEST_CASE("files with what upstreams are shown are found missing, or old") {
  TemporaryDirectory directory;
  DoctorSubject subject;
  subject.now = absl::Now();
  v1::Config& config = subject.config.emplace();
  const auto path = [&](const char* name) { return directory.path() + "/" + name; };
  v1::UpstreamCredentials& credentials = *(*config.mutable_upstreams())["bank"].mutable_credentials();
  (*credentials.mutable_metadata())["x-key"].set_from_file(path("metadata"));
  (*credentials.mutable_metadata())["x-other"].set_from_env("NOT_A_FILE");
  credentials.mutable_client_credentials()->mutable_client_secret()->set_from_file(path("client"));
  v1::GroupCredentials& group = *credentials.add_by_group();
  group.mutable_token_exchange()->mutable_client_secret()->set_from_file(path("exchange"));
  using Level = DoctorFinding::Level;
  const auto look = [&] {
    Findings findings;
    CheckCredentials(subject, findings);
    CHECK(findings.size() == 3);
    return findings;
  };
  for (const char* name : {"metadata", "client", "exchange"})
    CHECK(Has(look(), Level::kProblem, "credential", path(name)));
  for (const char* name : {"metadata", "client", "exchange"}) WriteFile(path(name), "s3cret");
  for (const char* name : {"metadata", "client", "exchange"}) CHECK(Has(look(), Level::kOk, "credential", path(name)));
  subject.now += absl::Hours(24 * 366);
  for (const char* name : {"metadata", "client", "exchange"})
    CHECK(Has(look(), Level::kWarning, "credential", path(name)));
}

TEST_CASE("how long a gateway's certificate still holds is read from its metrics, whatever else they are") {
  const std::string line = "sallyport_certificate_expires_in_seconds{use=\"listen\",name=\"\",file=\"cert\"} ";
  CHECK(ShownExpiry("# HELP " + line + "1\nother 3\n" + line + "8640000.5\n") == absl::Seconds(8640000.5));
  CHECK(ShownExpiry(line + "-60") == -absl::Minutes(1));
  CHECK(ShownExpiry("sallyport_certificate_expires_in_seconds{use=\"upstream\",name=\"a\",file=\"ca\"} 5\n") ==
        std::nullopt);
  for (const char* value : {"", "x", "nan", "+Inf", "1e300", "1 2"}) CHECK(ShownExpiry(line + value) == std::nullopt);
  CHECK(ShownExpiry(line.substr(0, line.size() - 1)) == std::nullopt);
  CHECK(ShownExpiry("") == std::nullopt);
}

TEST_CASE("a port where nobody listens takes no connection, and some targets are not tried") {
  CHECK(absl::IsUnavailable(TryConnection("127.0.0.1:1", absl::Seconds(2))));
  CHECK(absl::IsUnavailable(TryConnection("unix:/nonexistent/socket", absl::Seconds(2))));
  CHECK(absl::IsUnavailable(TryConnection("127.0.0.1", absl::Seconds(2))));
  CHECK(absl::IsUnimplemented(TryConnection("xds:///service", absl::Seconds(2))));
}

}  // namespace
}  // namespace sallyport::replay
