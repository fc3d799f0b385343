// The parts of the doctor that read what others have made, and what it finds in a store.
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "recorder/recorder.h"
#include "replay/cli/doctor/certificate_dates.h"
#include "replay/cli/doctor/checks.h"
#include "replay/cli/doctor/connection.h"
#include "policy/changes/shown_configuration.h"
#include "replay/cli/doctor/support_bundle.h"
#include "tests/recorder/log_fixture.h"
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

TEST_CASE("a port where nobody listens takes no connection, and some targets are not tried") {
  CHECK(absl::IsUnavailable(TryConnection("127.0.0.1:1", absl::Seconds(2))));
  CHECK(absl::IsUnavailable(TryConnection("unix:/nonexistent/socket", absl::Seconds(2))));
  CHECK(absl::IsUnavailable(TryConnection("127.0.0.1", absl::Seconds(2))));
  CHECK(absl::IsUnimplemented(TryConnection("xds:///service", absl::Seconds(2))));
}

}  // namespace
}  // namespace sallyport::replay
