#include "recorder/write/interrupted_calls.h"

#include <algorithm>
#include <set>
#include <vector>

#include "recorder/format/entry_batch.h"
#include "recorder/log/call_chain.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {
namespace {

constexpr int kStatusUnavailable = 14;

// As the end of a call counts a frame: one that is shortened with what it had.
uint64_t WholeLength(const v1::Frame& frame) {
  if (frame.shortened()) return frame.whole_length();
  return frame.has_part() ? frame.part().length() : frame.payload().size();
}

// What an end says about the entries before it.
class CallTotals {
 public:
  absl::Status Add(std::string_view bytes) {
    v1::Entry entry;
    if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return absl::DataLossError("the log holds something that is no entry");
    }
    const auto time_ns = static_cast<int64_t>(entry.time_ns());
    if (entry.has_start()) start_ns_ = time_ns;
    last_ns_ = std::max(last_ns_, time_ns);
    ++end_.entries;
    if (!entry.has_frame()) return absl::OkStatus();
    const bool request = entry.frame().direction() == v1::DIRECTION_REQUEST;
    (request ? end_.request_frames : end_.response_frames) += 1;
    (request ? end_.request_bytes : end_.response_bytes) += WholeLength(entry.frame());
    return absl::OkStatus();
  }

  // Not all of the entries can be read.
  void Lose() { lost_ = true; }

  CallEnd End() const {
    CallEnd end = end_;
    // With the end itself; without its start the call was not seen whole.
    end.entries = lost_ || start_ns_ == 0 ? 0 : end.entries + 1;
    end.ended_by = EndedBy::kGateway;
    end.reason = EndReason::kInterrupted;
    end.status_code = kStatusUnavailable;
    end.status_message = "the gateway stopped while the call was open";
    end.duration = absl::Nanoseconds(start_ns_ == 0 ? 0 : last_ns_ - start_ns_);
    return end;
  }

 private:
  CallEnd end_;
  bool lost_ = false;
  int64_t start_ns_ = 0;
  int64_t last_ns_ = 0;
};

}  // namespace

absl::StatusOr<std::optional<WrittenBlock>> EndInterruptedCalls(const LogPlace& place, StoreKeys& keys,
                                                                const absl::flat_hash_map<uint64_t, OpenCall>& calls,
                                                                const CredentialFingerprint& fingerprint,
                                                                absl::Time now, LogWriter& log) {
  if (calls.empty()) return std::nullopt;
  std::vector<uint64_t> ids;
  for (const auto& [id, call] : calls) ids.push_back(id);
  std::sort(ids.begin(), ids.end());

  // Each block is read once, however many of the calls are in it.
  CallChain chain(place, keys);
  absl::flat_hash_map<uint64_t, CallTotals> totals;
  std::set<Position> blocks;
  for (uint64_t id : ids) {
    totals.try_emplace(id);
    absl::StatusOr<std::vector<Position>> blocks_of_call = chain.Blocks(id, calls.at(id).last);
    if (absl::IsDataLoss(blocks_of_call.status())) {
      totals[id].Lose();
      continue;
    }
    if (!blocks_of_call.ok()) return blocks_of_call.status();
    blocks.insert(blocks_of_call->begin(), blocks_of_call->end());
  }
  for (Position block : blocks) {
    const absl::Status status = chain.ReadEntries({block}, [&](uint64_t call_id, std::string_view bytes) {
      const auto found = totals.find(call_id);
      return found != totals.end() ? found->second.Add(bytes) : absl::OkStatus();
    });
    // What is damaged or shredded cannot be counted any more, and whose it was is not asked.
    if (!status.ok()) {
      for (auto& [id, total] : totals) total.Lose();
    }
    if (!status.ok() && !absl::IsDataLoss(status) && !absl::IsNotFound(status)) return status;
  }

  std::vector<EntryBatch> batches;
  batches.reserve(ids.size());
  for (uint64_t id : ids) batches.emplace_back(id, &fingerprint).AddEnd(now, totals.at(id).End());
  std::vector<CallEntries> entries;
  for (const EntryBatch& batch : batches) entries.push_back({batch.call_id(), batch.bytes(), 1, true});
  absl::StatusOr<WrittenBlock> block = log.Append(entries, now);
  if (!block.ok()) return block.status();
  return std::optional<WrittenBlock>(*block);
}

}  // namespace sallyport::recorder
