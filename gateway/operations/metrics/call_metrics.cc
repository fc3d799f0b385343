#include "gateway/operations/metrics/call_metrics.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/hash/hash.h"

namespace sallyport::gateway {
namespace {

constexpr std::array<std::string_view, kStatusCodes> kCodeNames = {
    "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
    "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
    "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
    "DataLoss", "Unauthenticated"};
constexpr size_t kUnknownCode = 2;

size_t PowerOfTwoAbove(size_t least) {
  size_t size = 1;
  while (size < least) size *= 2;
  return size;
}

}  // namespace

std::string_view CallTypeName(CallType type) {
  switch (type) {
    case CallType::kUnary:
      return "unary";
    case CallType::kClientStream:
      return "client_stream";
    case CallType::kServerStream:
      return "server_stream";
    case CallType::kBidiStream:
      return "bidi_stream";
    case CallType::kUnknown:
      break;
  }
  return "unknown";
}

std::string_view StatusCodeName(size_t code) { return kCodeNames[code < kStatusCodes ? code : kUnknownCode]; }

size_t ShardOfThread() {
  static std::atomic<size_t> threads{0};
  thread_local const size_t shard = threads.fetch_add(1, std::memory_order_relaxed) % kMetricShards;
  return shard;
}

void MethodCounts::End(int code, uint64_t received, uint64_t sent, absl::Duration took) {
  Numbered& numbered = Shard();
  const bool known = code >= 0 && static_cast<size_t>(code) < kStatusCodes;
  numbered.handled[known ? static_cast<size_t>(code) : kUnknownCode].fetch_add(1, std::memory_order_release);
  if (received > 0) numbered.received.fetch_add(received, std::memory_order_relaxed);
  if (sent > 0) numbered.sent.fetch_add(sent, std::memory_order_relaxed);
  numbered.took.Add(kCallBounds, absl::ToInt64Nanoseconds(took));
}

MethodCounts::Numbers MethodCounts::Read() const {
  Numbers numbers;
  for (const Numbered& shard : shards_) {
    // Ends first: none is then read whose start is not.
    for (size_t code = 0; code < kStatusCodes; ++code) {
      numbers.handled[code] += shard.handled[code].load(std::memory_order_acquire);
    }
    numbers.received += shard.received.load(std::memory_order_relaxed);
    numbers.sent += shard.sent.load(std::memory_order_relaxed);
    shard.took.ReadInto(&numbers.took, &numbers.took_nanoseconds);
  }
  for (const Numbered& shard : shards_) numbers.started += shard.started.load(std::memory_order_relaxed);
  return numbers;
}

// Open addressing over pointers that are set once. Nothing is ever taken out.
class CallMetrics::Table {
 public:
  // `named` methods have numbers of their own, and `others` upstreams for methods that have none.
  Table(size_t named, size_t others)
      : most_named_(named), most_others_(others), slots_(PowerOfTwoAbove(2 * (named + others + 1))) {}

  MethodCounts& Find(std::string_view upstream, std::string_view path, CallType type) {
    const Key key = {upstream, path, type};
    if (Node* node = Look(key); node != nullptr) return node->counts;
    if (Node* node = Add(key); node != nullptr) return node->counts;
    // A method that is over the bound is looked up twice from then on.
    const Key others = {upstream, "", CallType::kUnknown};
    if (Node* node = Look(others); node != nullptr) return node->counts;
    if (Node* node = Add(others); node != nullptr) return node->counts;
    return rest_.counts;
  }

  // Of calls that no descriptor knows, without a look for their method.
  MethodCounts& FindOthers(std::string_view upstream) { return Find(upstream, "", CallType::kUnknown); }

  std::vector<Named> Read() const {
    std::vector<Named> read;
    const auto add = [&read](const Node& node, std::string upstream) {
      Labels labels{std::move(upstream), kUnknown, kUnknown, node.type};
      if (const size_t slash = node.path.rfind('/'); slash != std::string::npos && slash > 0) {
        labels.service = node.path.substr(1, slash - 1);
        labels.method = node.path.substr(slash + 1);
      }
      read.push_back({std::move(labels), node.counts.Read()});
    };
    for (const std::atomic<Node*>& slot : slots_) {
      if (const Node* node = slot.load(std::memory_order_acquire); node != nullptr) add(*node, node->upstream);
    }
    if (rest_.counts.Read().started > 0) add(rest_, NamedCounts::kElsewhere);
    std::sort(read.begin(), read.end(), [](const Named& a, const Named& b) {
      return std::tie(a.labels.upstream, a.labels.service, a.labels.method, a.labels.type) <
             std::tie(b.labels.upstream, b.labels.service, b.labels.method, b.labels.type);
    });
    return read;
  }

 private:
  struct Key {
    std::string_view upstream;
    std::string_view path;
    CallType type;
    size_t Hash() const { return absl::HashOf(upstream, path, type); }
  };
  struct Node {
    Node() = default;
    explicit Node(const Key& key) : upstream(key.upstream), path(key.path), type(key.type) {}
    bool Is(const Key& key) const { return type == key.type && path == key.path && upstream == key.upstream; }
    const std::string upstream;
    const std::string path;  // empty: all methods without numbers of their own
    const CallType type = CallType::kUnknown;
    MethodCounts counts;
  };

  Node* Look(const Key& key) const {
    // There are always empty slots.
    for (size_t at = key.Hash();; ++at) {
      Node* node = slots_[at & (slots_.size() - 1)].load(std::memory_order_acquire);
      if (node == nullptr || node->Is(key)) return node;
    }
  }

  // Null if there is no room for it.
  Node* Add(const Key& key) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (Node* node = Look(key); node != nullptr) return node;
    const bool others = key.path.empty();
    size_t& count = others ? others_ : named_;
    if (count >= (others ? most_others_ : most_named_)) return nullptr;
    ++count;
    Node* node = nodes_.emplace_back(std::make_unique<Node>(key)).get();
    size_t at = key.Hash();
    while (slots_[at & (slots_.size() - 1)].load(std::memory_order_relaxed) != nullptr) ++at;
    slots_[at & (slots_.size() - 1)].store(node, std::memory_order_release);
    return node;
  }

  const size_t most_named_;
  const size_t most_others_;
  std::vector<std::atomic<Node*>> slots_;
  Node rest_;  // of upstreams that are one too many
  absl::Mutex mutex_;
  size_t named_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t others_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Node>> nodes_ ABSL_GUARDED_BY(mutex_);
};

CallMetrics::CallMetrics(std::vector<std::string> stages, Bounds bounds)
    : stages_(std::move(stages)),
      incoming_(std::make_unique<Table>(bounds.methods, 1)),
      outgoing_(std::make_unique<Table>(bounds.upstream_methods, bounds.upstreams)) {
  for (StageShard& shard : stage_shards_) shard.took = std::vector<TimeCounts<kStageBounds.size()>>(stages_.size());
  // There from the beginning, so that what watches it finds it.
  incoming_->FindOthers("");
}

CallMetrics::~CallMetrics() = default;

MethodCounts& CallMetrics::Incoming(std::string_view path, std::optional<CallType> type) {
  return type.has_value() ? incoming_->Find("", path, *type) : incoming_->FindOthers("");
}

MethodCounts& CallMetrics::Outgoing(std::string_view upstream, std::string_view path, std::optional<CallType> type) {
  return type.has_value() ? outgoing_->Find(upstream, path, *type) : outgoing_->FindOthers(upstream);
}

void CallMetrics::AddStages(absl::Span<const absl::Duration> took) {
  StageShard& shard = stage_shards_[ShardOfThread()];
  const size_t count = std::min(took.size(), shard.took.size());
  for (size_t i = 0; i < count; ++i) {
    if (took[i] > absl::ZeroDuration()) shard.took[i].Add(kStageBounds, absl::ToInt64Nanoseconds(took[i]));
  }
}

std::vector<CallMetrics::Named> CallMetrics::Incoming() const { return incoming_->Read(); }
std::vector<CallMetrics::Named> CallMetrics::Outgoing() const { return outgoing_->Read(); }

std::vector<CallMetrics::StageNumbers> CallMetrics::Stages() const {
  std::vector<StageNumbers> read(stages_.size());
  for (size_t i = 0; i < stages_.size(); ++i) {
    read[i].stage = stages_[i];
    for (const StageShard& shard : stage_shards_) shard.took[i].ReadInto(&read[i].took, &read[i].took_nanoseconds);
  }
  return read;
}

}  // namespace sallyport::gateway
