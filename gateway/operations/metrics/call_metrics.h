// Numbers of calls, by method.
#ifndef SALLYPORT_GATEWAY_OPERATIONS_METRICS_CALL_METRICS_H_
#define SALLYPORT_GATEWAY_OPERATIONS_METRICS_CALL_METRICS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "gateway/operations/metrics/named_counts.h"

namespace sallyport::gateway {

// What a method is, by its descriptor.
enum class CallType : uint8_t { kUnary, kClientStream, kServerStream, kBidiStream, kUnknown };

// As in the label grpc_type.
std::string_view CallTypeName(CallType type);

inline constexpr size_t kStatusCodes = 17;  // of gRPC: 0 to 16
// As in the label grpc_code: OK, NotFound, DeadlineExceeded. Any other code counts as Unknown.
std::string_view StatusCodeName(size_t code);

// Upper bounds of the buckets, in nanoseconds: of whole calls, and of a stage of one. What is longer is in one more.
inline constexpr std::array<int64_t, 15> kCallBounds = {1'000'000,      2'500'000,      5'000'000,     10'000'000,
                                                        25'000'000,     50'000'000,     100'000'000,   250'000'000,
                                                        500'000'000,    1'000'000'000,  2'500'000'000, 5'000'000'000,
                                                        10'000'000'000, 30'000'000'000, 60'000'000'000};
inline constexpr std::array<int64_t, 12> kStageBounds = {10'000,      25'000,        50'000,        100'000,
                                                         250'000,     1'000'000,     5'000'000,     25'000'000,
                                                         100'000'000, 1'000'000'000, 5'000'000'000, 30'000'000'000};

// Counts of how long something took. Its numbers are read one by one, while others add: it is never off by more than
// what is under way. Thread-safe, without a lock.
template <size_t N>
class TimeCounts {
 public:
  void Add(const std::array<int64_t, N>& bounds, int64_t nanoseconds) {
    size_t bucket = 0;
    while (bucket < N && bounds[bucket] < nanoseconds) ++bucket;
    counts_[bucket].fetch_add(1, std::memory_order_relaxed);
    if (nanoseconds > 0) sum_.fetch_add(static_cast<uint64_t>(nanoseconds), std::memory_order_relaxed);
  }
  // Adds its numbers to these.
  void ReadInto(std::array<uint64_t, N + 1>* counts, uint64_t* nanoseconds) const {
    for (size_t i = 0; i <= N; ++i) (*counts)[i] += counts_[i].load(std::memory_order_relaxed);
    *nanoseconds += sum_.load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<uint64_t>, N + 1> counts_ = {};
  std::atomic<uint64_t> sum_{0};
};

// Threads add in different places, so that they do not wait for each other's cache lines.
inline constexpr size_t kMetricShards = 4;
size_t ShardOfThread();

// The numbers of one method, of all calls that came for it or that went to one upstream. Thread-safe, without a lock.
class MethodCounts {
 public:
  struct Numbers {
    uint64_t started = 0;
    uint64_t received = 0;
    uint64_t sent = 0;
    std::array<uint64_t, kStatusCodes> handled = {};
    std::array<uint64_t, kCallBounds.size() + 1> took = {};
    uint64_t took_nanoseconds = 0;
  };

  void Start() { Shard().started.fetch_add(1, std::memory_order_relaxed); }
  // Of a call that was started. `received` and `sent` are messages, as this side sees them.
  void End(int code, uint64_t received, uint64_t sent, absl::Duration took);
  Numbers Read() const;

 private:
  struct alignas(64) Numbered {
    std::atomic<uint64_t> started{0};
    std::atomic<uint64_t> received{0};
    std::atomic<uint64_t> sent{0};
    std::array<std::atomic<uint64_t>, kStatusCodes> handled = {};
    TimeCounts<kCallBounds.size()> took;
  };
  Numbered& Shard() { return shards_[ShardOfThread()]; }

  std::array<Numbered, kMetricShards> shards_;
};

// The numbers of all calls, by method. What is looked up stays where it is as long as this lives. No label comes from a
// caller: a method has numbers of its own only if descriptors know it, and no more than the bounds allow do; all others
// are counted together. Thread-safe; looking up what is there takes no lock and allocates nothing.
class CallMetrics {
 public:
  struct Bounds {
    size_t methods = 2000;           // with numbers of their own
    size_t upstream_methods = 4000;  // of all upstreams together
    size_t upstreams = 1000;         // with numbers of their own for methods that have none
  };
  // A method, or all others of one upstream.
  struct Labels {
    std::string upstream;  // empty for calls as they came in
    std::string service;
    std::string method;
    CallType type = CallType::kUnknown;
  };
  struct Named {
    Labels labels;
    MethodCounts::Numbers numbers;
  };
  // How long one stage of calls took.
  struct StageNumbers {
    std::string stage;
    std::array<uint64_t, kStageBounds.size() + 1> took = {};
    uint64_t took_nanoseconds = 0;
  };
  static constexpr char kUnknown[] = "unknown";

  // `stages`: names of the stages of a call, in the order of their places.
  explicit CallMetrics(std::vector<std::string> stages) : CallMetrics(std::move(stages), Bounds()) {}
  CallMetrics(std::vector<std::string> stages, Bounds bounds);
  ~CallMetrics();
  CallMetrics(const CallMetrics&) = delete;
  CallMetrics& operator=(const CallMetrics&) = delete;

  // Of calls that come in for this path ("/package.Service/Method"). Nothing for `type`: no descriptor knows it.
  MethodCounts& Incoming(std::string_view path, std::optional<CallType> type);
  // The same of calls to an upstream, whose name is the configuration's.
  MethodCounts& Outgoing(std::string_view upstream, std::string_view path, std::optional<CallType> type);

  // By place; those that took no time did not run. More than there are names of are left out.
  void AddStages(absl::Span<const absl::Duration> took);

  // Calls that the gateway turned away, or ended, by itself: why, and the rule or limit that said so.
  NamedCounts& refusals() { return refusals_; }
  const NamedCounts& refusals() const { return refusals_; }
  // Limits that were hit: their names.
  NamedCounts& limits() { return limits_; }
  const NamedCounts& limits() const { return limits_; }
  // Rules in shadow that would have refused.
  NamedCounts& shadow() { return shadow_; }
  const NamedCounts& shadow() const { return shadow_; }

  // Messages in which masks hid something in the record or from the other side; and pauses that limits on bytes made.
  void CountMasked(bool request) { masked_[request ? 0 : 1].fetch_add(1, std::memory_order_relaxed); }
  uint64_t masked(bool request) const { return masked_[request ? 0 : 1].load(std::memory_order_relaxed); }
  void CountPause() { pauses_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t pauses() const { return pauses_.load(std::memory_order_relaxed); }

  // Sorted by labels.
  std::vector<Named> Incoming() const;
  std::vector<Named> Outgoing() const;
  std::vector<StageNumbers> Stages() const;

 private:
  class Table;

  const std::vector<std::string> stages_;
  const std::unique_ptr<Table> incoming_;
  const std::unique_ptr<Table> outgoing_;
  struct alignas(64) StageShard {
    std::vector<TimeCounts<kStageBounds.size()>> took;  // by place
  };
  std::array<StageShard, kMetricShards> stage_shards_;
  NamedCounts refusals_;
  NamedCounts limits_;
  NamedCounts shadow_;
  std::array<std::atomic<uint64_t>, 2> masked_ = {};
  std::atomic<uint64_t> pauses_{0};
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_OPERATIONS_METRICS_CALL_METRICS_H_
