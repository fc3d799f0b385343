#include "tests/recorder/made_calls.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::recorder {
namespace {

std::vector<double> ZipfWeights(int count) {
  std::vector<double> weights;
  double sum = 0;
  for (int i = 1; i <= count; ++i) weights.push_back(sum += 1.0 / i);
  return weights;
}

int Choose(const std::vector<double>& weights, std::mt19937_64& random) {
  const double at = std::uniform_real_distribution<double>(0, weights.back())(random);
  return static_cast<int>(std::upper_bound(weights.begin(), weights.end() - 1, at) - weights.begin());
}

}  // namespace

CallMaker::CallMaker(const MadeCallOptions& options)
    : options_(options),
      random_(options.seed),
      identity_weights_(ZipfWeights(options.identities)),
      method_weights_(ZipfWeights(options.methods)) {
  // Half of it can be compressed.
  for (size_t i = 0; i < options.payload_bytes; ++i) payload_ += static_cast<char>(i % 2 == 0 ? random_() : 'a');
}

int CallMaker::RandomIdentity() { return Choose(identity_weights_, random_); }
int CallMaker::RandomMethod() { return Choose(method_weights_, random_); }

std::string CallMaker::Identity(int number) const { return absl::StrCat("https://idp.example#service-", number); }
std::string CallMaker::Method(int number) const {
  return absl::StrCat("example.shop.v1.Service", number / 10, "/Method", number % 10);
}
std::string CallMaker::Upstream(int number) const { return absl::StrCat("upstream-", number); }

std::optional<MadeCall> CallMaker::Next() {
  if (made_ == options_.calls) return std::nullopt;
  const int64_t span_us = int64_t{options_.days} * 86'400'000'000;
  const auto offset_us = static_cast<int64_t>(static_cast<double>(span_us) * static_cast<double>(made_) /
                                              static_cast<double>(options_.calls));
  MadeCall call;
  call.start = Begin() + absl::Microseconds(offset_us) + absl::Nanoseconds(static_cast<int64_t>(random_() % 1000));
  call.id = std::max(static_cast<uint64_t>(absl::ToUnixMicros(call.start)), last_id_ + 1);
  last_id_ = call.id;
  call.identity = RandomIdentity();
  call.method = RandomMethod();
  if (call.identity == 1 && call.method == 1) call.method = 0;
  call.upstream = call.method % options_.upstreams;
  const int64_t day = offset_us / 86'400'000'000;
  const auto which = static_cast<int64_t>(random_() % 2);
  call.session = static_cast<uint64_t>(absl::ToUnixMicros(Begin()) + day * 86'400'000'000 + call.identity * 2 + which);
  call.port = 20000 + static_cast<int>((call.session * 2654435761U) % 40000);
  call.status = random_() % 20 == 0 || call.identity == 2 ? static_cast<int>(1 + random_() % 16) : 0;
  const uint64_t pace = random_() % 500;
  call.duration = pace == 0
                      ? absl::Milliseconds(static_cast<int64_t>(1000 + random_() % 3'600'000))
                      : absl::Microseconds(static_cast<int64_t>(200 + random_() % (pace < 50 ? 400'000 : 20'000)));
  call.open = random_() % 100'000 == 0;
  ++made_;
  return call;
}

void CallMaker::AddStart(const MadeCall& call, EntryBatch& batch) const {
  const std::string method = "/" + Method(call.method);
  const std::string subject = absl::StrCat("service-", call.identity);
  const std::string upstream = Upstream(call.upstream);
  const std::string peer = absl::StrCat("ipv4:10.1.", call.identity, ".", call.session % 250, ":", call.port);
  CallStart start;
  start.method = method;
  start.authority = "shop.example";
  start.peer = peer;
  start.identity = {"https://idp.example", subject, {}, 1};
  start.session_id = call.session;
  start.upstream = upstream;
  batch.AddStart(call.start, start);
  if (payload_.empty()) return;
  const std::string_view payload = payload_;
  batch.AddFrame(call.start, Direction::kRequest, 0, false, {payload});
  batch.AddFrame(call.start + absl::Microseconds(100), Direction::kResponse, 0, false, {payload});
}

void CallMaker::AddEnd(const MadeCall& call, EntryBatch& batch) const {
  CallEnd end;
  end.status_code = call.status;
  end.request_frames = 1;
  end.response_frames = 1;
  end.request_bytes = 100;
  end.response_bytes = 100;
  end.duration = call.duration;
  batch.AddEnd(call.start + call.duration, end);
}

void BlockMaker::Add(MadeBlock& block, EntryBatch batch, bool ends) {
  DirectoryEntry entry{batch.call_id(), {}};
  const bool whole = batch.starts() == 1 && ends;
  if (!whole) {
    if (auto found = last_blocks_.find(batch.call_id()); found != last_blocks_.end()) entry.previous = found->second;
    if (ends) {
      last_blocks_.erase(batch.call_id());
    } else {
      last_blocks_[batch.call_id()] = block.position;
    }
  }
  // An end in the block of its start shares the entry.
  if (entry.previous != block.position) block.directory.push_back(entry);
  next_sequence_ += static_cast<uint64_t>(batch.entries());
  block.body += batch.bytes();
}

bool BlockMaker::Next(MadeBlock& block) {
  block.position = next_;
  block.directory.clear();
  block.body.clear();
  for (int i = 0; i < calls_per_block_; ++i) {
    std::optional<MadeCall> call = calls_.Next();
    while (!endings_.empty() && (!call.has_value() || endings_.top().time <= call->start)) {
      EntryBatch batch(endings_.top().call.id, nullptr);
      calls_.AddEnd(endings_.top().call, batch);
      Add(block, std::move(batch), true);
      endings_.pop();
    }
    if (!call.has_value()) break;
    EntryBatch batch(call->id, nullptr);
    calls_.AddStart(*call, batch);
    const bool whole = !call->open && call->duration < absl::Seconds(1);
    if (whole) calls_.AddEnd(*call, batch);
    if (!whole && !call->open) endings_.push({call->start + call->duration, *call});
    Add(block, std::move(batch), whole);
  }
  if (block.directory.empty()) return false;
  block.end = Position(next_.segment(), next_.offset() + kBlockHeaderSize +
                                            block.directory.size() * kDirectoryEntrySize + block.body.size());
  block.next_sequence = next_sequence_;
  next_ = block.end.offset() < segment_bytes_ ? block.end : Position(next_.segment() + 1, kSegmentHeaderSize);
  return true;
}

}  // namespace sallyport::recorder
