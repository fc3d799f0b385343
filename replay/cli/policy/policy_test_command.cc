#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <iostream>
#include <memory>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "protos/faults.h"
#include "protos/yaml_message.h"
#include "replay/cli/policy/policy_call.h"
#include "replay/cli/policy/policy_command.h"
#include "replay/cli/record_json.h"
#include "replay/cli/terminal_text.h"
#include "sallyport/v1/policy_cases.pb.h"

namespace sallyport::replay {
namespace {

constexpr char kFooter[] = R"(
FILE holds cases, in YAML (protos/sallyport/v1/policy_cases.proto describes all keys):

  policy: policy.yaml
  cases:
    - {name: developers read, identity: alice, groups: [dev], method: etcdserverpb.KV/Range, expect: allow, rule: readers}
    - {name: strangers don't, method: etcdserverpb.KV/Range, expect: deny}
    - {name: auditors see the record, identity: bob, groups: [audit], method: sallyport.v1.Audit/SearchCalls,
       expect: allow, roles: [auditors]}

Exit status: 0 every case came out as expected, 1 one did not, 2 a file cannot be used.)";

struct TestOptions {
  std::string file;
  std::string policy;
  bool json = false;
};

struct CaseResult {
  std::string name;
  int line = 0;
  bool allowed = false;
  std::string rule;
  std::vector<std::string> shadow_denied;
  std::string record;                 // the record rule that decides, or "default"
  std::vector<std::string> roles;     // names of those that whoever calls has over the API
  std::vector<std::string> problems;  // none if it came out as expected
};

struct TestRun {
  std::string policy_file;
  std::string version;
  std::vector<CaseResult> results;
  std::vector<std::string> untested_rules;         // decided no case, and refused none from the shadow
  std::vector<std::string> untested_record_rules;  // decided no case
  std::vector<std::string> untested_roles;         // are had in no case that is about roles

  size_t failed() const {
    return static_cast<size_t>(std::count_if(results.begin(), results.end(),
                                             [](const CaseResult& result) { return !result.problems.empty(); }));
  }
};

// 2026-01-05T12:00Z, a Monday: results do not depend on when the cases are run.
absl::Time UsualTime() { return absl::FromUnixSeconds(1'767'614'400); }

CallDescription DescriptionOf(const v1::PolicyCase& source) {
  CallDescription description;
  description.identity = source.identity();
  description.issuer = source.issuer();
  description.groups = {source.groups().begin(), source.groups().end()};
  for (const int proof : source.proofs()) {
    description.proofs.push_back(v1::Match::Proof_Name(static_cast<v1::Match::Proof>(proof)));
  }
  description.method = source.method();
  description.upstream = source.upstream();
  description.metadata = {source.metadata().begin(), source.metadata().end()};
  description.peer = source.peer();
  description.at = source.at();
  return description;
}

std::string RecordRuleText(const policy::RecordRule* rule) {
  if (rule == nullptr) return "no record rule";
  return absl::StrCat("record rule \"", rule->name, "\" (line ", rule->line, ")");
}

std::string Listed(const std::vector<std::string>& names) {
  return names.empty() ? "none" : absl::StrJoin(names, ", ");
}

// What was expected of roles; of a call of the API they decide, and no access rule.
void CompareRoles(const v1::PolicyCase& source, CaseResult* result) {
  const std::vector<std::string> expected(source.roles().begin(), source.roles().end());
  if (expected == result->roles) return;
  result->problems.push_back(absl::StrCat("expected roles: ", Listed(expected), ", found: ", Listed(result->roles)));
}

CaseResult CompareReading(const policy::Policy& policy, const v1::PolicyCase& source,
                          const policy::AccessRequest& request) {
  CaseResult result;
  result.name = source.name();
  result.record = std::string(policy::kDefaultRule);
  result.roles = RoleNames(policy, request);
  result.allowed = !result.roles.empty();
  result.rule = result.allowed ? result.roles.front() : std::string(policy::kDefaultRule);
  if (result.allowed != (source.expect() == v1::PolicyCase::allow)) {
    result.problems.push_back(result.allowed
                                  ? absl::StrCat("expected deny, but it is allowed as ", Listed(result.roles))
                                  : "expected allow, but it is denied: no role");
  }
  for (const auto& [key, given] :
       {std::pair("rule", !source.rule().empty()), std::pair("record", !source.record().empty()),
        std::pair("shadow", !source.shadow().empty())}) {
    if (given) {
      result.problems.push_back(absl::StrCat("expects a `", key, "`, but of a method of the API roles decide alone"));
    }
  }
  return result;
}

CaseResult Compare(const policy::Policy& policy, const v1::PolicyCase& source, const policy::AccessRequest& request) {
  if (policy::IsOfApi(request.method)) return CompareReading(policy, source, request);
  const policy::AccessDecision decision = policy.Decide(request);
  const policy::RecordRule* record = policy.RecordRuleOf(request);
  CaseResult result;
  result.roles = RoleNames(policy, AsReader(request));
  result.record = record == nullptr ? std::string(policy::kDefaultRule) : record->name;
  if (!source.record().empty() && source.record() != result.record) {
    result.problems.push_back(absl::StrCat("expected record rule \"", source.record(), "\" to decide, but ",
                                           RecordRuleText(record), " does"));
  }
  result.name = source.name();
  result.allowed = decision.allowed;
  result.rule = std::string(decision.rule);
  for (const std::string_view name : decision.shadow_denied) result.shadow_denied.emplace_back(name);
  const bool expected = source.expect() == v1::PolicyCase::allow;
  if (decision.allowed != expected) {
    result.problems.push_back(absl::StrCat("expected ", expected ? "allow" : "deny", ", but it is ",
                                           decision.allowed ? "allowed" : "denied", " by ",
                                           DeciderText(policy, decision.rule)));
  }
  if (!source.rule().empty() && source.rule() != result.rule) {
    result.problems.push_back(absl::StrCat("expected rule \"", source.rule(), "\" to decide, but ",
                                           DeciderText(policy, decision.rule), " does"));
  }
  if (!source.shadow().empty() && !std::equal(source.shadow().begin(), source.shadow().end(),
                                              result.shadow_denied.begin(), result.shadow_denied.end())) {
    result.problems.push_back(
        absl::StrCat("expected ", absl::StrJoin(source.shadow(), ", "), " in shadow, found ",
                     result.shadow_denied.empty() ? "none" : absl::StrJoin(result.shadow_denied, ", ")));
  }
  return result;
}

// The cases, checked as far as the schema does not.
absl::StatusOr<v1::PolicyCases> ReadCases(const std::string& file, KeyLines* lines) {
  v1::PolicyCases cases;
  FormFaults form;
  if (absl::Status status = ReadYamlFile(file, &cases, lines, &form); !status.ok()) return status;
  Faults faults(file, *lines, std::move(form));
  if (cases.cases().empty()) faults.Add("cases", "there are none");
  for (int i = 0; i < cases.cases_size(); ++i) {
    const std::string key = absl::StrCat("cases[", i, "]");
    if (cases.cases(i).name().empty()) faults.Add(key + ".name", "is missing");
    if (!cases.cases(i).has_expect()) faults.Add(key + ".expect", "is missing: allow or deny");
  }
  if (absl::Status status = faults.status(); !status.ok()) return status;
  return cases;
}

std::string PolicyFile(const TestOptions& options, const v1::PolicyCases& cases) {
  if (!options.policy.empty()) return options.policy;
  return (std::filesystem::path(options.file).parent_path() / cases.policy()).string();
}

absl::StatusOr<TestRun> RunCases(const TestOptions& options) {
  KeyLines lines;
  const absl::StatusOr<v1::PolicyCases> cases = ReadCases(options.file, &lines);
  if (!cases.ok()) return cases.status();
  if (cases->policy().empty() && options.policy.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(options.file, ": policy: is missing: the policy file to test"));
  }
  TestRun run;
  run.policy_file = PolicyFile(options, *cases);
  const auto policy = policy::Policy::Load(run.policy_file);
  if (!policy.ok()) return policy.status();
  run.version = (*policy)->version();
  std::set<std::string, std::less<>> reached;
  std::set<std::string, std::less<>> recorded;
  std::set<std::string, std::less<>> had;
  for (int i = 0; i < cases->cases_size(); ++i) {
    const std::string key = absl::StrCat("cases[", i, "]");
    const absl::StatusOr<PolicyCall> call = PolicyCall::FromDescription(DescriptionOf(cases->cases(i)), UsualTime());
    if (!call.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(options.file, ":", lines[key], ": ", key, ": ", call.status().message()));
    }
    const policy::AccessRequest request = call->Request();
    run.results.push_back(Compare(**policy, cases->cases(i), request));
    run.results.back().line = lines[key];
    const bool asks_for_roles = lines.contains(key + ".roles");
    if (asks_for_roles) CompareRoles(cases->cases(i), &run.results.back());
    if (policy::IsOfApi(request.method)) {
      had.insert(run.results.back().roles.begin(), run.results.back().roles.end());
      continue;
    }
    if (asks_for_roles) had.insert(run.results.back().roles.begin(), run.results.back().roles.end());
    reached.insert(run.results.back().rule);
    recorded.insert(run.results.back().record);
    reached.insert(run.results.back().shadow_denied.begin(), run.results.back().shadow_denied.end());
  }
  for (const policy::Rule& rule : (*policy)->rules()) {
    if (!reached.contains(rule.name)) run.untested_rules.push_back(rule.name);
  }
  for (const policy::RecordRule& rule : (*policy)->record_rules()) {
    if (!recorded.contains(rule.name)) run.untested_record_rules.push_back(rule.name);
  }
  for (const policy::RoleRule& role : (*policy)->roles()) {
    if (!had.contains(role.name)) run.untested_roles.push_back(role.name);
  }
  return run;
}

void PrintUntested(const char* what, const std::vector<std::string>& rules) {
  if (rules.empty()) return;
  constexpr size_t kShown = 20;
  const size_t shown = std::min(kShown, rules.size());
  std::cout << what << absl::StrJoin(rules.begin(), rules.begin() + static_cast<ptrdiff_t>(shown), ", ");
  if (shown < rules.size()) std::cout << " and " << rules.size() - shown << " more";
  std::cout << '\n';
}

void PrintText(const TestOptions& options, const TestRun& run) {
  for (const CaseResult& result : run.results) {
    std::cout << (result.problems.empty() ? "ok      " : "FAILED  ") << Printable(result.name);
    if (!result.problems.empty()) std::cout << " (" << Printable(options.file) << ":" << result.line << ")";
    std::cout << '\n';
    for (const std::string& problem : result.problems) std::cout << "        " << Printable(problem) << '\n';
  }
  PrintUntested("no case reaches: ", run.untested_rules);
  PrintUntested("no case reaches record rule: ", run.untested_record_rules);
  PrintUntested("no case expects role: ", run.untested_roles);
  std::cout << run.results.size() - run.failed() << " of " << run.results.size()
            << (run.results.size() == 1 ? " case" : " cases") << " as expected\n";
}

void PrintJson(const TestRun& run) {
  Json cases = Json::array();
  for (const CaseResult& result : run.results) {
    cases.push_back({{"name", result.name},
                     {"line", result.line},
                     {"passed", result.problems.empty()},
                     {"allowed", result.allowed},
                     {"rule", result.rule},
                     {"shadow_denied", result.shadow_denied},
                     {"record", result.record},
                     {"roles", result.roles},
                     {"problems", result.problems}});
  }
  std::cout << JsonLine({{"file", run.policy_file},
                         {"policy", run.version},
                         {"passed", run.results.size() - run.failed()},
                         {"failed", run.failed()},
                         {"cases", cases},
                         {"untested_rules", run.untested_rules},
                         {"untested_record_rules", run.untested_record_rules},
                         {"untested_roles", run.untested_roles}})
            << '\n';
}

ExitCode RunTest(const TestOptions& options) {
  const absl::StatusOr<TestRun> run = RunCases(options);
  if (!run.ok()) return ReportError(run.status());
  options.json ? PrintJson(*run) : PrintText(options, *run);
  return run->failed() == 0 ? ExitCode::kFine : ExitCode::kNegative;
}

}  // namespace

void AddPolicyTestCommand(CLI::App* policy, CommandContext* context) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* command = policy->add_subcommand("test", "Run cases with expected outcomes against a policy");
  command->footer(kFooter);
  command->add_option("FILE", options->file, "The file with the cases")->required()->type_name("");
  command->add_option("--policy", options->policy, "This policy in place of the one that FILE names")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "One JSON object, for programs");
  command->callback([context, options] { context->run = [options] { return RunTest(*options); }; });
}

}  // namespace sallyport::replay
