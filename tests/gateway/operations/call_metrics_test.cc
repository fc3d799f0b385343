// What is counted of calls: by which names, how many of them, and from several threads.
#include "gateway/operations/metrics/call_metrics.h"

#include <catch2/catch.hpp>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {
namespace {

CallMetrics::Bounds Few(size_t methods, size_t upstream_methods, size_t upstreams) {
  return {methods, upstream_methods, upstreams};
}

uint64_t Handled(const MethodCounts::Numbers& numbers) {
  return std::accumulate(numbers.handled.begin(), numbers.handled.end(), uint64_t{0});
}

TEST_CASE("a method that descriptors know has numbers of its own, with its type") {
  CallMetrics metrics({});
  MethodCounts& method = metrics.Incoming("/pay.v1.Payments/Get", CallType::kServerStream);
  CHECK(&method == &metrics.Incoming("/pay.v1.Payments/Get", CallType::kServerStream));
  method.Start();
  method.Start();
  method.End(5, 1, 30, absl::Milliseconds(3));
  const std::vector<CallMetrics::Named> read = metrics.Incoming();
  REQUIRE(read.size() == 2);
  CHECK(read[0].labels.service == "pay.v1.Payments");
  CHECK(read[0].labels.method == "Get");
  CHECK(CallTypeName(read[0].labels.type) == "server_stream");
  CHECK(read[0].labels.upstream.empty());
  CHECK(read[0].numbers.started == 2);
  CHECK(read[0].numbers.handled[5] == 1);
  CHECK(Handled(read[0].numbers) == 1);
  CHECK(read[0].numbers.received == 1);
  CHECK(read[0].numbers.sent == 30);
  CHECK(read[0].numbers.took_nanoseconds == 3'000'000);
  CHECK(read[1].labels.service == "unknown");
  CHECK(read[1].numbers.started == 0);
}

TEST_CASE("what no descriptor knows is counted together, whatever it is called") {
  CallMetrics metrics({});
  for (int i = 0; i < 10'000; ++i) metrics.Incoming(absl::StrCat("/made.Up", i, "/M"), std::nullopt).Start();
  const std::vector<CallMetrics::Named> read = metrics.Incoming();
  REQUIRE(read.size() == 1);
  CHECK(read[0].labels.service == "unknown");
  CHECK(read[0].labels.method == "unknown");
  CHECK(CallTypeName(read[0].labels.type) == "unknown");
  CHECK(read[0].numbers.started == 10'000);
}

TEST_CASE("no more methods than the bound have numbers of their own, and the others lose no call") {
  CallMetrics metrics({}, Few(3, 3, 3));
  for (int i = 0; i < 100; ++i) metrics.Incoming(absl::StrCat("/a.B/M", i), CallType::kUnary).Start();
  const std::vector<CallMetrics::Named> read = metrics.Incoming();
  REQUIRE(read.size() == 4);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(read[i].labels.method == absl::StrCat("M", i));
    CHECK(read[i].numbers.started == 1);
  }
  CHECK(read[3].labels.method == "unknown");
  CHECK(read[3].numbers.started == 97);
}

TEST_CASE("upstreams have numbers apart, and are bounded too") {
  CallMetrics metrics({}, Few(10, 2, 2));
  metrics.Outgoing("one", "/a.B/M", CallType::kUnary).Start();
  metrics.Outgoing("two", "/a.B/M", CallType::kUnary).Start();
  for (int i = 0; i < 5; ++i) metrics.Outgoing(absl::StrCat("up", i), "/a.B/M", CallType::kUnary).Start();
  const std::vector<CallMetrics::Named> read = metrics.Outgoing();
  REQUIRE(read.size() == 5);
  uint64_t started = 0;
  for (const CallMetrics::Named& named : read) started += named.numbers.started;
  CHECK(started == 7);
  CHECK(read[0].labels.upstream == NamedCounts::kElsewhere);
  CHECK(read[0].numbers.started == 3);
  CHECK(read[1].labels.upstream == "one");
  CHECK(read[1].labels.method == "M");
  CHECK(read[4].labels.upstream == "up1");
  CHECK(read[4].labels.method == "unknown");
}

TEST_CASE("one path with two types is two: what reads it must not add up different things") {
  CallMetrics metrics({});
  metrics.Incoming("/a.B/M", CallType::kUnary).Start();
  metrics.Incoming("/a.B/M", CallType::kBidiStream).Start();
  CHECK(metrics.Incoming().size() == 3);
}

TEST_CASE("codes are spelled as the ecosystem spells them, and those that gRPC has not count as Unknown") {
  const std::vector<std::string> names = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  for (size_t code = 0; code < names.size(); ++code) CHECK(StatusCodeName(code) == names[code]);
  CallMetrics metrics({});
  MethodCounts& method = metrics.Incoming("/a.B/M", CallType::kUnary);
  for (const int code : {-1, 17, 4711}) method.End(code, 0, 0, absl::ZeroDuration());
  CHECK(method.Read().handled[2] == 3);
}

TEST_CASE("a bucket holds what is no longer than its bound, and one more what is longer than all") {
  CallMetrics metrics({"examine"});
  MethodCounts& method = metrics.Incoming("/a.B/M", CallType::kUnary);
  method.End(0, 0, 0, absl::ZeroDuration());
  method.End(0, 0, 0, absl::Milliseconds(1));
  method.End(0, 0, 0, absl::Milliseconds(1) + absl::Nanoseconds(1));
  method.End(0, 0, 0, absl::Seconds(60));
  method.End(0, 0, 0, absl::Hours(1));
  method.End(0, 0, 0, absl::Seconds(-1));  // a clock that was set back
  const MethodCounts::Numbers numbers = method.Read();
  CHECK(numbers.took[0] == 3);
  CHECK(numbers.took[1] == 1);
  CHECK(numbers.took[kCallBounds.size() - 1] == 1);
  CHECK(numbers.took[kCallBounds.size()] == 1);
  CHECK(numbers.took_nanoseconds == 3'660'002'000'001);
}

TEST_CASE("stages are counted by their places; those that did not run, and places without a name, are not") {
  CallMetrics metrics({"examine", "route"});
  metrics.AddStages({absl::Microseconds(5), absl::ZeroDuration(), absl::Seconds(1)});
  metrics.AddStages({absl::Microseconds(11), absl::Seconds(31)});
  const std::vector<CallMetrics::StageNumbers> stages = metrics.Stages();
  REQUIRE(stages.size() == 2);
  CHECK(stages[0].stage == "examine");
  CHECK(stages[0].took[0] == 1);
  CHECK(stages[0].took[1] == 1);
  CHECK(stages[0].took_nanoseconds == 16'000);
  CHECK(stages[1].stage == "route");
  CHECK(stages[1].took[kStageBounds.size()] == 1);
  CHECK(stages[1].took_nanoseconds == 31'000'000'000);
}

TEST_CASE("named counts are bounded in number and in length") {
  NamedCounts counts;
  counts.Add("ACCESS_DENIED", "no-refunds");
  counts.Add("ACCESS_DENIED", "no-refunds");
  counts.Add(std::string(NamedCounts::kLongest + 1, 'x'));
  REQUIRE(counts.Read().size() == 2);
  CHECK(counts.Read()[0].first == NamedCounts::kElsewhere);
  CHECK(counts.Read()[0].count == 1);
  CHECK(counts.Read()[1].second == "no-refunds");
  CHECK(counts.Read()[1].count == 2);
  for (size_t i = 0; i < 2 * NamedCounts::kMost; ++i) counts.Add("r", absl::StrCat(i));
  uint64_t all = 0;
  for (const NamedCounts::Count& count : counts.Read()) all += count.count;
  CHECK(all == 2 * NamedCounts::kMost + 3);
  CHECK(counts.Read().size() <= NamedCounts::kMost + 1);
}

TEST_CASE("threads lose no call, also while methods come and while somebody reads") {
  CallMetrics metrics({"examine"}, Few(50, 50, 50));
  constexpr int kThreads = 8;
  constexpr int kCalls = 20'000;
  std::atomic<bool> over{false};
  std::atomic<int> odd{0};
  std::thread reader([&] {
    while (!over) {
      for (const CallMetrics::Named& named : metrics.Incoming()) odd += Handled(named.numbers) > named.numbers.started;
    }
  });
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kCalls; ++i) {
        MethodCounts& method = metrics.Incoming(absl::StrCat("/a.B/M", (i * 7 + thread) % 100), CallType::kUnary);
        method.Start();
        method.End(i % 17, 1, 2, absl::Microseconds(i));
        metrics.AddStages({absl::Microseconds(1)});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  over = true;
  reader.join();
  CHECK(odd == 0);
  MethodCounts::Numbers sum;
  uint64_t handled = 0;
  for (const CallMetrics::Named& named : metrics.Incoming()) {
    sum.started += named.numbers.started;
    sum.received += named.numbers.received;
    sum.sent += named.numbers.sent;
    handled += Handled(named.numbers);
  }
  CHECK(metrics.Incoming().size() == 51);
  CHECK(sum.started == kThreads * kCalls);
  CHECK(handled == kThreads * kCalls);
  CHECK(sum.received == kThreads * kCalls);
  CHECK(sum.sent == 2 * kThreads * kCalls);
  CHECK(metrics.Stages()[0].took[0] == kThreads * kCalls);
}

}  // namespace
}  // namespace sallyport::gateway
