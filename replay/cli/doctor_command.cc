#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "policy/changes/shown_configuration.h"
#include "recorder/format/index_schema.h"
#include "recorder/format/log_format.h"
#include "recorder/format/store_layout.h"
#include "replay/cli/command.h"
#include "replay/cli/doctor/checks.h"
#include "replay/cli/doctor/connection.h"
#include "replay/cli/doctor/support_bundle.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "replay/replayer/grpc_version.h"
#include "replay/view/names.h"

namespace sallyport::replay {
namespace {

constexpr size_t kMostMetrics = size_t{8} << 20;
constexpr absl::Duration kMetricsTime = absl::Seconds(5);

constexpr char kFooter[] = R"(
Looks at the configuration (as `sallyportd --check` does), owners and modes, keys and certificates, API keys and what
upstreams are shown, the clock, the disk, the upstreams, limits and the index, and says of each what is wrong and what to do. It changes nothing. Run it as the user that
the gateway runs as, where the gateway runs.

--bundle writes what those need who help: what the doctor found, the configuration without the values of secrets, versions,
metrics, and a list of the store's files. No secret is in it, and nothing that was recorded. Look at it before you send it.

Examples:
  sallyport doctor --config /etc/sallyport/sallyport.yaml
  sallyport doctor --config /etc/sallyport/sallyport.yaml --bundle support.tar.gz

Exit status: 0 fine, or warnings only; 1 there are problems.)";

struct DoctorOptions {
  std::string config;
  std::string bundle;
  bool json = false;
};

const char* LevelName(DoctorFinding::Level level) {
  switch (level) {
    case DoctorFinding::Level::kOk:
      return "ok";
    case DoctorFinding::Level::kWarning:
      return "warning";
    case DoctorFinding::Level::kProblem:
      return "problem";
  }
  return "";
}

int64_t CountOf(const Findings& findings, DoctorFinding::Level level) {
  return std::count_if(findings.begin(), findings.end(),
                       [&](const DoctorFinding& each) { return each.level == level; });
}

Json FindingsJson(const Findings& findings) {
  Json list = Json::array();
  for (const DoctorFinding& finding : findings) {
    list.push_back({{"level", LevelName(finding.level)},
                    {"check", finding.check},
                    {"where", OrNull(finding.where)},
                    {"what", finding.what},
                    {"do", OrNull(finding.advice)}});
  }
  return {{"problems", CountOf(findings, DoctorFinding::Level::kProblem)},
          {"warnings", CountOf(findings, DoctorFinding::Level::kWarning)},
          {"findings", list}};
}

std::string FindingsText(const Findings& findings) {
  std::string text;
  for (const DoctorFinding& finding : findings) {
    absl::StrAppend(&text, LevelName(finding.level), ": ", finding.check, ": ", Printable(finding.where),
                    finding.where.empty() ? "" : ": ", Printable(finding.what), "\n");
    if (!finding.advice.empty()) absl::StrAppend(&text, "  ", Printable(finding.advice), "\n");
  }
  const int64_t problems = CountOf(findings, DoctorFinding::Level::kProblem);
  const int64_t warnings = CountOf(findings, DoctorFinding::Level::kWarning);
  absl::StrAppend(&text, problems, problems == 1 ? " problem, " : " problems, ", warnings,
                  warnings == 1 ? " warning\n" : " warnings\n");
  return text;
}

// What the configuration says that the command line does not. The defaults are those of sallyportd.
absl::Status FillFrom(const CommandContext& context, bool data_was_given, DoctorSubject& subject) {
  const absl::StatusOr<std::optional<recorder::KeySource>> keys = KeysOf(context);
  if (!keys.ok()) return keys.status();
  subject.keys = *keys;
  subject.data = context.data_directory;
  if (!subject.config.has_value()) return absl::OkStatus();
  const v1::Data& data = subject.config->data();
  if (!data_was_given && !data.directory().empty()) subject.data = data.directory();
  if (!subject.keys.has_value() && !data.keys().empty()) {
    const absl::StatusOr<recorder::KeySource> source = recorder::KeySource::Parse(data.keys());
    if (!source.ok()) return absl::InvalidArgumentError(absl::StrCat("data.keys: ", source.status().message()));
    subject.keys = *source;
  }
  return absl::OkStatus();
}

// Without the words of others on a configuration, which may repeat what stands in it.
Findings ForBundle(Findings findings) {
  for (DoctorFinding& finding : findings) {
    if (finding.check == "configuration") finding.what = "what was said of it is not in a bundle";
  }
  return findings;
}

absl::Status WriteSupportBundle(const std::string& path, const DoctorSubject& subject, const Findings& all) {
  const Findings findings = ForBundle(all);
  BundleFiles files;
  files.emplace_back("sallyport-support/doctor.txt", FindingsText(findings));
  files.emplace_back("sallyport-support/doctor.json", JsonLine(FindingsJson(findings)) + "\n");
  files.emplace_back("sallyport-support/versions.txt",
                     absl::StrCat("sallyport ", SALLYPORT_VERSION, "\ngRPC ", GrpcVersion(), "\nlog format ",
                                  recorder::kFormatVersion, "\nindex version ", recorder::kIndexVersion, "\n"));
  files.emplace_back("sallyport-support/files.txt", ListStore(recorder::StoreLayout(subject.data).directory()));
  if (subject.config.has_value()) {
    files.emplace_back("sallyport-support/configuration.txt", policy::ShownConfiguration(*subject.config));
    const std::string admin = subject.config->admin().address();
    if (!admin.empty()) {
      const absl::StatusOr<std::string> metrics = HttpGet(admin, "/metrics", kMostMetrics, kMetricsTime);
      files.emplace_back("sallyport-support/metrics.txt",
                         metrics.ok() ? *metrics : absl::StrCat("not to be had: ", metrics.status().message(), "\n"));
    }
  }
  return WriteBundle(path, TarGz(files, absl::ToUnixSeconds(subject.now)));
}

ExitCode Run(const CommandContext& context, const DoctorOptions& options, bool data_was_given) {
  DoctorSubject subject;
  subject.config_path = options.config;
  subject.now = absl::Now();
  Findings findings;
  CheckConfiguration(FindGatewayProgram(), subject, findings);
  if (absl::Status status = FillFrom(context, data_was_given, subject); !status.ok()) return ReportError(status);
  CheckFiles(subject, findings);
  CheckStoreState(subject, findings);
  CheckCertificates(subject, findings);
  CheckShownCertificate(subject, findings);
  CheckApiKeys(subject, findings);
  CheckCredentials(subject, findings);
  CheckClock(subject, findings);
  CheckDisk(subject, findings);
  CheckUpstreams(subject, findings);
  CheckHost(subject, findings);
  if (options.json) {
    std::cout << JsonLine(FindingsJson(findings)) << '\n';
  } else {
    std::cout << FindingsText(findings);
  }
  if (!options.bundle.empty()) {
    const absl::Status written = WriteSupportBundle(options.bundle, subject, findings);
    if (!written.ok()) return ReportError(written);
    Note(absl::StrCat("the support bundle is ", Printable(options.bundle), ": look at it before you send it"));
  }
  return CountOf(findings, DoctorFinding::Level::kProblem) == 0 ? ExitCode::kFine : ExitCode::kNegative;
}

}  // namespace

void AddDoctorCommand(CLI::App* app, CommandContext* context) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command =
      app->add_subcommand("doctor", "Look for what is wrong with a gateway's configuration, store and machine");
  AddDataOption(command, context);
  command->add_option("--config", options->config, "The gateway's configuration; it says where data and keys are")
      ->type_name("FILE")
      ->check(NotEmpty());
  command->add_option("--bundle", options->bundle, "Also write a support bundle to this new file")
      ->type_name("FILE")
      ->check(NotEmpty());
  command->add_flag("--json", options->json, "One JSON object, for programs");
  command->footer(kFooter);
  command->callback([command, context, options] {
    const bool data_was_given = command->get_option("--data")->count() > 0;
    context->run = [context, options, data_was_given] { return Run(*context, *options, data_was_given); };
  });
}

}  // namespace sallyport::replay
