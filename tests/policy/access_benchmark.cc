// How long deciding takes with 10,000 rules of all kinds. Prints the median and the 99th percentile over calls, the
// clock's own cost included, and how often each outcome came up. usage: access_benchmark [RULES [CALLS
// [ODD-GLOBS-PERCENT]]]
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "policy/policy.h"
#include "tests/policy/made_policy.h"

namespace {

double Microseconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

void Report(const char* name, std::vector<double> times) {
  if (times.empty()) return;
  std::sort(times.begin(), times.end());
  std::printf("%-22s %8zu calls   median %6.2f us   p99 %6.2f us\n", name, times.size(), times[times.size() / 2],
              times[times.size() * 99 / 100]);
}

}  // namespace

int main(int argc, char** argv) {
  using sallyport::policy::AccessDecision;
  const int rules = argc > 1 ? std::atoi(argv[1]) : 10'000;
  const int calls = argc > 2 ? std::atoi(argv[2]) : 200'000;
  const int odd = argc > 3 ? std::atoi(argv[3]) : 5;
  sallyport::policy::Maker maker({.services = 300,
                                  .methods = 16,
                                  .groups = 1000,
                                  .subjects = 3000,
                                  .tenants = 100,
                                  .hosts = 2000,
                                  .odd_globs = odd},
                                 1);
  sallyport::v1::Policy source = maker.MakePolicy(rules);
  source.set_shadow(false);
  const double before = Microseconds();
  const auto policy = sallyport::policy::Policy::Parse(sallyport::policy::FileOf(source), "made.yaml");
  if (!policy.ok()) {
    std::fprintf(stderr, "%s\n", std::string(policy.status().message()).c_str());
    return 1;
  }
  std::printf("%d rules, read in %.0f ms\n", rules, (Microseconds() - before) / 1e3);
  constexpr size_t kDifferent = 4096;
  std::vector<sallyport::policy::MadeCall> made(kDifferent);
  for (auto& call : made) call = maker.MakeCall();

  std::vector<double> all;
  std::vector<double> by_rule;
  std::vector<double> by_default;
  for (int i = 0; i < calls; ++i) {
    const auto request = made[static_cast<size_t>(i) % kDifferent].request();
    const double start = Microseconds();
    const AccessDecision decision = (*policy)->Decide(request);
    const double took = Microseconds() - start;
    all.push_back(took);
    (decision.rule == sallyport::policy::kDefaultRule ? by_default : by_rule).push_back(took);
  }
  Report("decided by a rule", by_rule);
  Report("decided by default", by_default);
  Report("all", all);
  return 0;
}
