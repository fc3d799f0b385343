// What the doctor asks of a configuration, and of what it names.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "protos/yaml_message.h"
#include "recorder/system/command_process.h"
#include "recorder/system/file.h"
#include "replay/cli/doctor/certificate_dates.h"
#include "replay/cli/doctor/checks.h"
#include "replay/cli/doctor/connection.h"
#include "replay/cli/doctor/finding_list.h"

namespace sallyport::replay {
namespace {

constexpr absl::Duration kCheckTime = absl::Seconds(60);
constexpr size_t kMostOutput = size_t{1} << 20;
constexpr absl::Duration kConnectTime = absl::Seconds(2);
constexpr size_t kMostCertificates = size_t{4} << 20;
constexpr absl::Duration kSoon = absl::Hours(24 * 30);

// For /bin/sh.
std::string Quoted(const std::string& text) {
  return absl::StrCat("'", absl::StrReplaceAll(text, {{"'", "'\\''"}}), "'");
}

// What sallyportd says begins with the file, and often a line of it.
std::pair<std::string, std::string> PlaceAndWords(const std::string& line, const std::string& path) {
  if (line.starts_with(path)) {
    const size_t end = line.find(": ", path.size());
    if (end != std::string::npos) return {line.substr(0, end), line.substr(end + 2)};
  }
  return {path, line};
}

void AskGateway(const std::string& sallyportd, const DoctorSubject& subject, Findings& findings) {
  if (sallyportd.empty()) {
    Warn(findings, "configuration", subject.config_path,
         "there is no sallyportd beside this program, nor on PATH, to check it",
         "run `sallyportd --config FILE --check` where the gateway is installed");
    return;
  }
  const absl::StatusOr<recorder::CommandOutcome> outcome =
      recorder::RunCommand(absl::StrCat(Quoted(sallyportd), " --config ", Quoted(subject.config_path), " --check 2>&1"),
                           "", kMostOutput, kCheckTime);
  if (!outcome.ok()) {
    Problem(findings, "configuration", sallyportd, std::string(outcome.status().message()),
            "see whether it can be run");
    return;
  }
  const std::string said(outcome->said.view());
  const std::vector<std::string> lines = absl::StrSplit(said, '\n', absl::SkipWhitespace());
  for (const std::string& line : lines) {
    const auto [place, what] = PlaceAndWords(line, subject.config_path);
    if (outcome->succeeded()) {
      Fine(findings, "configuration", place, what);
    } else {
      Problem(findings, "configuration", place, what, "put it right");
    }
  }
  if (!lines.empty()) return;
  if (outcome->succeeded()) {
    Fine(findings, "configuration", subject.config_path, "sallyportd --check has nothing to say");
  } else {
    Problem(findings, "configuration", subject.config_path, absl::StrCat("sallyportd --check ", outcome->HowItEnded()),
            "run it, and see");
  }
}

// Paths in a configuration are from where the gateway is started, as here.
void CheckCertificate(const std::string& path, absl::Time now, Findings& findings) {
  const absl::StatusOr<std::string> pem = recorder::ReadWholeFile(path, kMostCertificates);
  if (!pem.ok()) {
    Problem(findings, "certificate", path, std::string(pem.status().message()),
            "put it there, readable for the gateway");
    return;
  }
  const absl::StatusOr<std::vector<CertificateDates>> dates = DatesOfCertificates(*pem);
  if (!dates.ok()) {
    Problem(findings, "certificate", path, std::string(dates.status().message()), "it should hold PEM");
    return;
  }
  // What ends first.
  const auto ends =
      std::min_element(dates->begin(), dates->end(),
                       [](const CertificateDates& a, const CertificateDates& b) { return a.not_after < b.not_after; });
  const auto begins = std::max_element(
      dates->begin(), dates->end(),
      [](const CertificateDates& a, const CertificateDates& b) { return a.not_before < b.not_before; });
  const std::string until = absl::FormatTime("%Y-%m-%d", ends->not_after, absl::UTCTimeZone());
  if (ends->not_after < now) {
    Problem(findings, "certificate", path, absl::StrCat("it expired on ", until), "renew it");
  } else if (begins->not_before > now) {
    Problem(findings, "certificate", path, "it is not valid yet", "see whether the clock is right");
  } else if (ends->not_after < now + kSoon) {
    Warn(findings, "certificate", path, absl::StrCat("it expires on ", until), "renew it");
  } else {
    Fine(findings, "certificate", path, absl::StrCat("it holds until ", until));
  }
}

}  // namespace

std::string FindGatewayProgram() {
  std::error_code error;
  std::vector<std::string> places;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) places.push_back(self.parent_path().string());
  // Read once, by a program of one thread.
  if (const char* path = std::getenv("PATH"); path != nullptr) {  // NOLINT(concurrency-mt-unsafe)
    for (const absl::string_view place : absl::StrSplit(path, ':', absl::SkipEmpty())) places.emplace_back(place);
  }
  for (const std::string& place : places) {
    const std::string program = place + "/sallyportd";
    if (access(program.c_str(), X_OK) == 0) return program;
  }
  return "";
}

void CheckConfiguration(const std::string& sallyportd, DoctorSubject& subject, Findings& findings) {
  if (subject.config_path.empty()) return;
  v1::Config config;
  const absl::Status read = ReadYamlFile(subject.config_path, &config);
  if (!read.ok()) {
    Problem(findings, "configuration", subject.config_path, std::string(read.message()), "put right what it names");
    return;
  }
  subject.config = std::move(config);
  AskGateway(sallyportd, subject, findings);
}

void CheckUpstreams(const DoctorSubject& subject, Findings& findings) {
  if (!subject.config.has_value()) return;
  const std::map<std::string, v1::Upstream> upstreams(subject.config->upstreams().begin(),
                                                      subject.config->upstreams().end());
  for (const auto& [name, upstream] : upstreams) {
    const absl::Status connected = TryConnection(upstream.target(), kConnectTime);
    if (connected.ok()) {
      Fine(findings, "upstream", name, absl::StrCat(upstream.target(), " takes connections"));
    } else if (absl::IsUnimplemented(connected)) {
      Fine(findings, "upstream", name, absl::StrCat(upstream.target(), " was not tried: ", connected.message()));
    } else {
      Warn(findings, "upstream", name, absl::StrCat(upstream.target(), " takes no connection: ", connected.message()),
           "calls to it end UNAVAILABLE: start it, or see to names, routes and firewalls");
    }
  }
}

void CheckCertificates(const DoctorSubject& subject, Findings& findings) {
  if (!subject.config.has_value()) return;
  std::set<std::string> paths = {subject.config->listen().tls().cert(), subject.config->listen().tls().client_ca(),
                                 subject.config->checkpoints().ca()};
  for (const auto& [name, upstream] : subject.config->upstreams()) {
    paths.insert(upstream.tls().ca());
    paths.insert(upstream.tls().cert());
  }
  paths.erase("");
  for (const std::string& path : paths) CheckCertificate(path, subject.now, findings);
}

}  // namespace sallyport::replay
