// Calls of all kinds, and an index that is told of them, for tests that ask it at random.
#ifndef SALLYPORT_TESTS_RECORDER_INDEX_ODD_STORE_H_
#define SALLYPORT_TESTS_RECORDER_INDEX_ODD_STORE_H_

#include <algorithm>
#include <catch2/catch.hpp>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/crypto/credential_fingerprint.h"
#include "recorder/format/trace_id.h"
#include "recorder/index/sqlite/glob.h"
#include "recorder/index/sqlite/sqlite_index.h"
#include "recorder/index/sqlite/sqlite_search.h"
#include "tests/recorder/fixed_sealer.h"
#include "tests/recorder/index_dump.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {

inline EntryBatch BatchOf(uint64_t id) {
  static const CredentialFingerprint fingerprint(SecretKey(std::string(SecretKey::kSize, 'f')));
  return EntryBatch(id, &fingerprint);
}

// A call as the store should know it.
struct KnownCall {
  std::string identity, method, upstream;
  uint64_t session = 0;
  int status = 0;
  absl::Time start;
  absl::Duration duration;
  bool open = false;
  bool shredded = false;
  std::string trace;  // its id
  std::vector<size_t> blocks;
  bool refused = false;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
};

// Calls with distributions that differ from seed to seed, and an index that is told of them.
class OddStore {
 public:
  explicit OddStore(uint64_t seed) : random_(seed) {
    identities_ = Pick({1, 2, 40, 100000});
    methods_ = Pick({1, 3, 60});
    upstreams_ = Pick({1, 4});
    sessions_ = Pick({0, 1, 5, 100000, kLikeTheGateways});
    clock_ = Pick({0, 1, 2, 3});
    spread_ = Pick({1, 1000, 10'000'000});
    stays_open_ = Pick({0, 1, 2, 9});
    statuses_ = Pick({1, 2, 17});
    pace_ = Pick({0, 1, 2});
    sizes_.calls = static_cast<size_t>(Pick({3, 40, 256, 300, 700}));
    sizes_.calls_left = static_cast<size_t>(Pick({0, 1, 30}));
    sizes_.merged = static_cast<size_t>(Pick({2, 3, 8}));
    sizes_.highest_level = Pick({0, 1, 2, 5});
    sizes_.ended_late = Pick({1, 5, 50});
    Reopen();
  }

  void Reopen() {
    index_.reset();
    auto index = SqliteIndex::Open(path(), FixedSealer(), SqliteIndex::Purpose::kLive, sizes_);
    REQUIRE(index.status() == absl::OkStatus());
    index_ = *std::move(index);
  }

  void AddBlock() {
    const size_t number = blocks_.size();
    std::string body;
    std::vector<DirectoryEntry> directory;
    for (int64_t i = Below(60); i >= 0; --i) {
      const uint64_t id = NewId();
      EntryBatch batch = BatchOf(id);
      KnownCall call = Start(id, batch);
      call.open = Below(10) < stays_open_;
      call.blocks.push_back(number);
      if (!call.open) AddEnd(call, batch);
      body += batch.bytes();
      directory.push_back({id, {}});
      calls_[id] = call;
    }
    EndSome(number, directory, body);
    const Position at(number + 1, 128);
    REQUIRE(index_->Apply(at, Position(number + 1, 200), 1, directory, body) == absl::OkStatus());
    blocks_.push_back(directory);
  }

  void Save() { REQUIRE(index_->Save(CallIndex::Extent::kPositions) == absl::OkStatus()); }

  void ShredOne() {
    const size_t number = static_cast<size_t>(Below(static_cast<int64_t>(blocks_.size())));
    if (deleted_.contains(number)) return;
    REQUIRE(index_->ScrubBlock(Position(number + 1, 128), blocks_[number]) == absl::OkStatus());
    REQUIRE(index_->FinishScrub(number + 1) == absl::OkStatus());
    for (const DirectoryEntry& entry : blocks_[number]) {
      if (const auto call = calls_.find(entry.call_id); call != calls_.end()) call->second.shredded = true;
    }
  }

  void DeleteOldest(size_t count) {
    std::vector<size_t> gone;
    for (size_t i = 0; i < blocks_.size() && gone.size() < count; ++i) {
      if (deleted_.insert(i).second) gone.push_back(i);
    }
    const auto is_deleted = [this](uint64_t segment) { return deleted_.contains(segment - 1); };
    for (size_t number : gone) {
      REQUIRE(index_->ForgetBlock(Position(number + 1, 128), blocks_[number], is_deleted) == absl::OkStatus());
    }
    REQUIRE(index_->FinishForget() == absl::OkStatus());
    for (auto call = calls_.begin(); call != calls_.end();) {
      const std::vector<size_t>& blocks = call->second.blocks;
      const auto left =
          std::count_if(blocks.begin(), blocks.end(), [this](size_t block) { return !deleted_.contains(block); });
      if (left != static_cast<ptrdiff_t>(blocks.size())) call->second.shredded = true;
      call = left == 0 ? calls_.erase(call) : std::next(call);
    }
  }

  // Asks at random; returns how many calls were found in all.
  size_t Compare(int questions) {
    auto queries = SqliteSearch::Open(path(), Database::Mode::kRead, FixedSealer());
    REQUIRE(queries.status() == absl::OkStatus());
    size_t total = 0;
    for (int i = 0; i < questions; ++i) {
      const OpenCalls open_calls = Below(2) == 0 ? OpenCalls::kGoingOn : OpenCalls::kInterrupted;
      CallQuery query = RandomQuery();
      const std::vector<uint64_t> expected = Expected(query, open_calls);
      std::vector<uint64_t> found;
      while (true) {
        const auto page = (*queries)->Calls(query, open_calls);
        REQUIRE(page.status() == absl::OkStatus());
        for (const CallSummary& call : *page) found.push_back(call.id);
        if (page->size() < static_cast<size_t>(query.limit)) break;
        query.after = page->back().id;
      }
      INFO(Text(query));
      REQUIRE(found == expected);
      total += found.size();
    }
    return total;
  }

  std::string path() const { return directory_.path() + "/index.db"; }
  int64_t Below(int64_t end) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(end)); }

 protected:
  static constexpr int64_t kLikeTheGateways = -1;

  int64_t Pick(const std::vector<int64_t>& choices) { return choices[random_() % choices.size()]; }

  // Mostly the next one, sometimes one between those that were.
  uint64_t NewId() {
    if (!calls_.empty() && Below(40) == 0) {
      const uint64_t id = std::next(calls_.begin(), Below(static_cast<int64_t>(calls_.size())))->first + 1;
      if (!used_.contains(id) && id < next_id_) return *used_.insert(id).first;
    }
    next_id_ += 1 + static_cast<uint64_t>(Below(spread_));
    return *used_.insert(next_id_).first;
  }

  absl::Time StartTime(uint64_t id) {
    if (clock_ == 1) return absl::FromUnixSeconds(1'700'000'000);
    if (clock_ == 2 && Below(50) == 0) clock_error_ = absl::Hours(Below(100) - 50);
    if (clock_ == 3) clock_error_ = absl::Seconds(Below(1000));
    return absl::FromUnixMicros(static_cast<int64_t>(id)) + clock_error_ + absl::Nanoseconds(Below(1000));
  }

  KnownCall Start(uint64_t id, EntryBatch& batch) {
    KnownCall call;
    const int64_t who = Below(identities_);
    call.identity = who == 0 ? "anonymous" : who == 1 ? "" : absl::StrCat("https://idp.test#caller-", who);
    const std::string subject = absl::StrCat("caller-", who);
    call.method = absl::StrCat("odd.Service/M", Below(methods_));
    const int64_t upstream = Below(upstreams_);
    call.upstream = upstream == 0 ? "" : absl::StrCat("upstream-", upstream);
    call.session = SessionFor(id);
    call.refused = id % 7 == 0;
    call.request_bytes = id % 5 == 0 ? id : id % 300;
    call.response_bytes = id % 70'000;
    call.start = StartTime(id);
    call.status = statuses_ == 2 ? (Below(300) == 0 ? -7 : 5) : static_cast<int>(Below(statuses_));
    const absl::Duration paces[] = {absl::Seconds(30) - absl::Nanoseconds(Below(3)), absl::ZeroDuration(),
                                    absl::Nanoseconds(int64_t{1} << Below(50))};
    call.duration = paces[pace_];
    const std::string method = "/" + call.method;
    CallStart start;
    start.method = method;
    start.upstream = call.upstream;
    start.session_id = call.session;
    // As an id of 16 bytes; of some calls in its first half alone.
    call.trace = TraceIdBytes({Below(2) == 0 ? 0 : Below(5), Below(5)});
    start.trace_id = call.trace;
    if (who == 1) start.identity = {"", "", {}, 1};
    if (who > 1) start.identity = {"https://idp.test", subject, {}, 1};
    batch.AddStart(call.start, start);
    return call;
  }

  // Some calls begin a session, whose id is then theirs.
  uint64_t SessionFor(uint64_t id) {
    if (sessions_ != kLikeTheGateways) return sessions_ == 0 ? 0 : static_cast<uint64_t>(1 + Below(sessions_));
    if (!sessions_begun_.empty() && Below(4) != 0) {
      const uint64_t session = sessions_begun_[sessions_begun_.size() - 1 -
                                               static_cast<size_t>(Below(
                                                   static_cast<int64_t>(std::min<size_t>(sessions_begun_.size(), 9))))];
      if (session < id) return session;
    }
    sessions_begun_.push_back(id);
    return id;
  }

  static void AddEnd(const KnownCall& call, EntryBatch& batch) {
    CallEnd end;
    end.reason = call.refused ? EndReason::kRefused : EndReason::kCompleted;
    end.request_bytes = call.request_bytes;
    end.response_bytes = call.response_bytes;
    end.status_code = call.status;
    end.duration = call.duration;
    batch.AddEnd(call.start + call.duration, end);
  }

  // Calls that were open end, shredded ones as well.
  void EndSome(size_t number, std::vector<DirectoryEntry>& directory, std::string& body) {
    for (auto& [id, call] : calls_) {
      if (!call.open || call.blocks.back() == number || Below(30) != 0) continue;
      EntryBatch batch = BatchOf(id);
      AddEnd(call, batch);
      body += batch.bytes();
      directory.push_back({id, Position(call.blocks.back() + 1, 128)});
      call.open = false;
      call.blocks.push_back(number);
    }
  }

  CallQuery RandomQuery() {
    CallQuery query;
    const KnownCall some = Some();
    const auto glob = [this](const std::string& name) {
      const int64_t how = Below(4);
      if (how == 0 || name.empty()) return absl::StrCat("**", name.substr(name.size() / 2));
      return how == 1 ? absl::StrCat(name.substr(0, name.size() - 1), "*") : how == 2 ? name + "?" : name;
    };
    if (Below(2) == 0) query.identity = glob(some.identity);
    if (Below(2) == 0) query.method = glob(Some().method);
    if (Below(5) == 0) query.upstream = glob(Some().upstream);
    if (Below(4) == 0) query.session_id = Some().session;
    if (Below(4) == 0) query.trace_id = Some().trace;
    if (Below(4) == 0)
      query.status_code = Below(3) == 0 ? 0 : Below(3) == 0 ? static_cast<int>(kInterruptedStatus) : Some().status;
    const absl::Duration around = absl::Nanoseconds(Below(3) - 1);
    if (Below(4) == 0) query.min_duration = Below(2) == 0 ? absl::Seconds(30) : Some().duration + around;
    if (Below(4) == 0) query.since = Some().start + around;
    if (Below(4) == 0) query.until = Some().start + around;
    query.open_only = Below(12) == 0;
    if (Below(3) == 0) query.order = CallQuery::Order::kOldestFirst;
    query.limit = static_cast<int>(1 + Below(Pick({2, 50, 5000})));
    return query;
  }
  KnownCall Some() {
    if (calls_.empty()) return {};
    return std::next(calls_.begin(), Below(static_cast<int64_t>(calls_.size())))->second;
  }

  static bool IsInPart(const CallScope::Part& part, const KnownCall& call) {
    const auto any = [](const std::vector<std::string>& globs, const std::string& name) {
      return std::any_of(globs.begin(), globs.end(),
                         [&](const std::string& glob) { return glob == name || GlobMatches(glob, name); });
    };
    if (part.everything()) return true;
    return !call.shredded && (!part.own || *part.own == call.identity) &&
           (part.identities.empty() || any(part.identities, call.identity)) &&
           (part.methods.empty() || any(part.methods, call.method)) &&
           (part.upstreams.empty() || any(part.upstreams, call.upstream)) && !any(part.but_methods, call.method);
  }
  static bool IsInScope(const CallScope& scope, const KnownCall& call) {
    return std::any_of(scope.parts.begin(), scope.parts.end(),
                       [&](const CallScope::Part& part) { return IsInPart(part, call); });
  }

  static bool Matches(const CallQuery& query, OpenCalls open_calls, uint64_t id, const KnownCall& call) {
    const absl::Time start = call.shredded ? absl::FromUnixMicros(static_cast<int64_t>(id)) : call.start;
    if (query.scope && !IsInScope(*query.scope, call)) return false;
    if (query.since && start < *query.since) return false;
    if (query.until && start >= *query.until) return false;
    if (call.shredded) {
      return query.identity.empty() && query.method.empty() && query.upstream.empty() && !query.session_id &&
             query.trace_id.empty() && !query.status_code && !query.min_duration && !query.open_only;
    }
    const bool interrupted = call.open && open_calls == OpenCalls::kInterrupted;
    const bool ended = !call.open || interrupted;
    if (query.open_only && ended) return false;
    if (query.status_code &&
        (!ended || (interrupted ? static_cast<int>(kInterruptedStatus) : call.status) != *query.status_code)) {
      return false;
    }
    if (query.min_duration && (call.open || call.duration < *query.min_duration)) return false;
    return (query.identity.empty() || GlobMatches(query.identity, call.identity)) &&
           (query.method.empty() || GlobMatches(query.method, call.method)) &&
           (query.upstream.empty() || GlobMatches(query.upstream, call.upstream)) &&
           (query.trace_id.empty() || query.trace_id == call.trace) &&
           (!query.session_id || *query.session_id == call.session);
  }

  std::vector<uint64_t> Expected(const CallQuery& query, OpenCalls open_calls) const {
    std::vector<uint64_t> ids;
    for (const auto& [id, call] : calls_) {
      if (Matches(query, open_calls, id, call)) ids.push_back(id);
    }
    if (query.order == CallQuery::Order::kNewestFirst) std::reverse(ids.begin(), ids.end());
    return ids;
  }

  static std::string Text(const CallQuery& query) {
    return absl::StrCat("identity ", query.identity, ", method ", query.method, ", upstream ", query.upstream,
                        query.status_code ? absl::StrCat(", status ", *query.status_code) : "",
                        query.session_id ? absl::StrCat(", session ", *query.session_id) : "",
                        query.since ? absl::StrCat(", since ", absl::ToUnixNanos(*query.since)) : "",
                        query.until ? absl::StrCat(", until ", absl::ToUnixNanos(*query.until)) : "",
                        query.min_duration ? absl::StrCat(", took ", absl::FormatDuration(*query.min_duration)) : "",
                        query.open_only ? ", open" : "");
  }

  std::mt19937_64 random_;
  TemporaryDirectory directory_;
  int64_t identities_, methods_, upstreams_, sessions_, clock_, spread_, stays_open_, statuses_, pace_;
  ChunkSizes sizes_;
  std::unique_ptr<SqliteIndex> index_;
  std::map<uint64_t, KnownCall> calls_;
  std::set<uint64_t> used_;
  std::vector<uint64_t> sessions_begun_;
  std::vector<std::vector<DirectoryEntry>> blocks_;
  std::set<size_t> deleted_;
  uint64_t next_id_ = 1'700'000'000'000'000;
  absl::Duration clock_error_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_INDEX_ODD_STORE_H_
