// How many calls a second conditions are asked about. Asserts nothing about time.
#include <benchmark/benchmark.h>

#include "policy/conditions/text_search.h"
#include "tests/policy/conditions/condition_fixture.h"

namespace sallyport::policy {
namespace {

constexpr char kSmall[] = R"({"amount": {"minorUnits": "100001", "currency": "EUR"}, "notes": ["rent", "May"],
                              "priority": 3, "card": "4111"})";

void BM_Condition(benchmark::State& state, const char* text) {
  const ConditionBench bench;
  const MethodCondition condition = *bench.Bind(text);
  const std::string bytes = bench.Encode(bench.request, kSmall);
  const SaidMessage request = {bytes, nullptr};
  const SaidPair pair = {"x-order", "17"};
  CallFacts call;
  call.ended = true;
  call.status = "OK";
  call.requests = absl::MakeConstSpan(&request, 1);
  call.metadata = absl::MakeConstSpan(&pair, 1);
  for (auto _ : state) benchmark::DoNotOptimize(condition.Ask(call).holds());
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_Condition, field, "request.amount.minor_units > 100000 && status == \"OK\"");
BENCHMARK_CAPTURE(BM_Condition, list, "request.notes.exists(n, n.startsWith('M'))");
BENCHMARK_CAPTURE(BM_Condition, pattern, "request.card.matches('^41+$')");
BENCHMARK_CAPTURE(BM_Condition, metadata, "metadata['x-order'][0] == '17'");

void BM_Text(benchmark::State& state) {
  const ConditionBench bench;
  const TextSearch search = *TextSearch::Create("nowhere");
  const std::string bytes = bench.Encode(bench.request, kSmall);
  for (auto _ : state) {
    benchmark::DoNotOptimize(search.InMessage(*bench.request, bytes, bench.set->types()));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Text);

}  // namespace
}  // namespace sallyport::policy

// In a test, for what makes the messages checks them as tests do.
TEST_CASE("benchmark") { benchmark::RunSpecifiedBenchmarks(); }
