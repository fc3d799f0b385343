// How long deciding takes with 10,000 rules of all kinds. Prints the median and the 99th percentile over calls, the
// clock's own cost included: for calls whose names stand in rules, and for calls with names that are in none, which
// only globs match. usage: access_benchmark [RULES [CALLS [ODD-GLOBS-PERCENT]]]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "tests/policy/made_policy.h"

namespace sallyport::policy {
namespace {

double Microseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void Report(const char* name, std::vector<double> times) {
  if (times.empty()) return;
  std::sort(times.begin(), times.end());
  std::printf("  %-20s %8zu calls   median %6.2f us   p99 %6.2f us\n", name, times.size(), times[times.size() / 2],
              times[times.size() * 99 / 100]);
}

void Measure(const char* name, const Policy& policy, const std::vector<MadeCall>& made, int calls) {
  std::printf("%s\n", name);
  std::vector<double> all;
  std::vector<double> by_rule;
  std::vector<double> by_default;
  for (int i = 0; i < calls; ++i) {
    const AccessRequest request = made[static_cast<size_t>(i) % made.size()].request();
    const double start = Microseconds();
    const AccessDecision decision = policy.Decide(request);
    const double took = Microseconds() - start;
    all.push_back(took);
    (decision.rule == kDefaultRule ? by_default : by_rule).push_back(took);
  }
  Report("decided by a rule", by_rule);
  Report("decided by default", by_default);
  Report("all", all);
}

int Run(int rules, int calls, int odd_globs) {
  Maker maker({.services = 300,
               .methods = 16,
               .groups = 1000,
               .subjects = 3000,
               .tenants = 100,
               .hosts = 2000,
               .odd_globs = odd_globs},
              1);
  v1::Policy source = maker.MakePolicy(rules);
  source.set_shadow(false);
  const double before = Microseconds();
  const auto policy = Policy::Parse(FileOf(source), "made.yaml");
  if (!policy.ok()) {
    std::fprintf(stderr, "%s\n", std::string(policy.status().message()).c_str());
    return 1;
  }
  std::printf("%d rules, read in %.0f ms\n", rules, (Microseconds() - before) / 1e3);
  std::vector<MadeCall> known(4096);
  for (MadeCall& call : known) call = maker.MakeCall();
  std::vector<MadeCall> unknown = known;
  for (MadeCall& call : unknown) {
    call.method += "Else";
    call.subject += "-else";
    call.issuer += ".else";
    call.upstream += "-else";
    for (std::string& group : call.groups) group += "-else";
    for (auto& [name, value] : call.metadata) value += "-else";
  }
  Measure("calls with names from the rules", **policy, known, calls);
  Measure("calls with other names", **policy, unknown, calls);
  return 0;
}

}  // namespace
}  // namespace sallyport::policy

int main(int argc, char** argv) {
  return sallyport::policy::Run(argc > 1 ? std::atoi(argv[1]) : 10'000, argc > 2 ? std::atoi(argv[2]) : 200'000,
                                argc > 3 ? std::atoi(argv[3]) : 5);
}
