#include "policy/limits.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "policy/content_hash.h"

namespace sallyport::policy {
namespace {

constexpr double kSecondNs = 1e9;
// So many bytes may come at once as the rate lets through in this time.
constexpr absl::Duration kFreeBytes = absl::Seconds(1);
// New calls are refused while bytes are further ahead of the rate than this.
constexpr absl::Duration kMostAhead = absl::Seconds(2);
constexpr absl::Duration kLongestWait = absl::Hours(1);
constexpr absl::Duration kRetryOpenCalls = absl::Seconds(1);
constexpr int kHostBitsOfIpv6 = 64;

// The same bytes for the same definition, whether or not it is in shadow.
std::string Definition(v1::Limit limit) {
  limit.clear_shadow();
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  limit.SerializeToCodedStream(&coded);
  coded.Trim();
  return bytes;
}

// What a call counts under, as bytes that no other combination has. Does not allocate for names of usual length.
class Key {
 public:
  Key(char kind, uint64_t limit) {
    AddBytes(&kind, sizeof kind);
    AddBytes(&limit, sizeof limit);
  }
  Key(const Key&) = delete;
  Key& operator=(const Key&) = delete;

  void AddText(std::string_view text) {
    // Callers choose their methods' names: what is long is kept as a hash.
    if (text.size() > kLongestText) return AddText(ContentHash(text));
    const auto size = static_cast<uint32_t>(text.size());
    AddBytes(&size, sizeof size);
    AddBytes(text.data(), text.size());
  }

  void AddHost(const HostAddress& host) {
    const absl::uint128 bits = host.kind == AddressKind::kIpv6 ? Prefix(host.bits, kHostBitsOfIpv6) : host.bits;
    const uint64_t parts[] = {static_cast<uint64_t>(host.kind), absl::Uint128High64(bits), absl::Uint128Low64(bits)};
    AddBytes(parts, sizeof parts);
  }

  std::string_view bytes() const { return {bytes_, size_}; }

 private:
  static constexpr size_t kLongestText = 256;
  static constexpr size_t kMostTexts = 4;  // issuer, subject, method, upstream

  void AddBytes(const void* bytes, size_t size) {
    if (size == 0) return;  // an empty view may have no address
    assert(size <= sizeof bytes_ - size_);
    std::memcpy(bytes_ + size_, bytes, size);
    size_ += size;
  }

  char bytes_[kMostTexts * (sizeof(uint32_t) + kLongestText) + 64];
  size_t size_ = 0;
};

}  // namespace

LimitTicket::LimitTicket(LimitTicket&& other) noexcept
    : table_(std::move(other.table_)), held_(std::move(other.held_)) {
  other.held_.clear();
}

LimitTicket& LimitTicket::operator=(LimitTicket&& other) noexcept {
  if (this == &other) return *this;
  Release();
  table_ = std::move(other.table_);
  held_ = std::move(other.held_);
  other.held_.clear();
  return *this;
}

void LimitTicket::Release() {
  for (const Held& held : held_) table_->Leave(held.place);
  held_.clear();
}

absl::Duration LimitTicket::Charge(uint64_t bytes, absl::Time now) const {
  absl::Duration wait;
  for (const Held& held : held_) {
    if (held.byte_cost_ns == 0) continue;
    const absl::Duration cost =
        std::min(absl::Nanoseconds(std::ceil(static_cast<double>(bytes) * held.byte_cost_ns)), kLongestWait);
    // In shadow nobody waits, so what is owed is kept to where it refuses new calls, and does not pile up.
    const absl::Duration limit = held.shadow ? kMostAhead + kFreeBytes : kLongestWait;
    absl::Duration one;
    table_->Use(held.place, [&](Usage& usage) { one = usage.bytes.Charge(cost, kFreeBytes, limit, now); });
    if (!held.shadow) wait = std::max(wait, one);
  }
  return wait;
}

Limits::Limits(std::shared_ptr<const Policy> policy, const Limits* previous, size_t most_keys)
    : policy_(std::move(policy)),
      table_(previous != nullptr ? previous->table_ : std::make_shared<LimitTable>(most_keys)) {
  for (const LimitRule& rule : policy_->limits()) {
    const std::string definition = Definition(rule.definition);
    uint64_t id = 0;
    if (previous != nullptr) {
      if (const auto known = previous->ids_.find(definition); known != previous->ids_.end()) id = known->second;
    }
    if (id == 0) id = table_->NewLimitId();
    ids_.emplace(definition, id);
    terms_.push_back(TermsOf(rule, id));
  }
}

Limits::Terms Limits::TermsOf(const LimitRule& rule, uint64_t id) {
  const v1::Limit& limit = rule.definition;
  Terms terms;
  terms.id = id;
  for (const int per : limit.per()) {
    if (per == v1::Limit::identity) terms.per_identity = true;
    if (per == v1::Limit::method) terms.per_method = true;
    if (per == v1::Limit::upstream) terms.per_upstream = true;
    if (per == v1::Limit::peer) terms.per_peer = true;
  }
  if (limit.calls_per_second() > 0) {
    const double burst = limit.burst() > 0 ? limit.burst() : std::max(1.0, std::ceil(limit.calls_per_second()));
    terms.call_cost = absl::Nanoseconds(std::round(kSecondNs / limit.calls_per_second()));
    terms.most_calls = terms.call_cost * burst;
  }
  terms.open_calls = limit.open_calls();
  if (rule.bytes_per_second > 0) terms.byte_cost_ns = kSecondNs / rule.bytes_per_second;
  return terms;
}

bool Limits::Take(const Terms& terms, absl::Time now, Usage& usage, Refusal* refusal) {
  if (terms.open_calls > 0 && usage.open_calls >= terms.open_calls) {
    *refusal = {LimitKind::kOpenCalls, kRetryOpenCalls};
    return false;
  }
  if (terms.byte_cost_ns > 0) {
    if (const absl::Duration wait = usage.bytes.Wait(kMostAhead, now); wait > absl::ZeroDuration()) {
      *refusal = {LimitKind::kBytesPerSecond, wait};
      return false;
    }
  }
  if (terms.call_cost > absl::ZeroDuration()) {
    if (const absl::Duration wait = usage.calls.Take(terms.call_cost, terms.most_calls, now);
        wait > absl::ZeroDuration()) {
      *refusal = {LimitKind::kCallsPerSecond, wait};
      return false;
    }
  }
  return true;
}

Admission Limits::Admit(const AccessRequest& request, absl::Time now) const {
  Admission admission;
  if (terms_.empty()) return admission;
  admission.ticket.table_ = table_;
  const RequestFacts facts(request);
  policy_->limit_index().ForEachMatch(facts, [&](size_t number) {
    const Terms& terms = terms_[number];
    const LimitRule& rule = policy_->limits()[number];
    Key key('k', terms.id);
    if (terms.per_identity) {
      key.AddText(facts.issuer());
      key.AddText(facts.subject());
    }
    if (terms.per_method) key.AddText(facts.method());
    if (terms.per_upstream) key.AddText(request.upstream);
    if (terms.per_peer) key.AddHost(facts.host());
    const Key spare('s', terms.id);
    Refusal refusal;
    LimitTicket::Held held{{}, terms.call_cost, terms.byte_cost_ns, rule.shadow};
    if (table_->Enter(
            key.bytes(), spare.bytes(), now, [&](Usage& usage) { return Take(terms, now, usage, &refusal); },
            &held.place)) {
      admission.ticket.held_.push_back(held);
      return true;
    }
    if (rule.shadow) {
      admission.shadow_exceeded.push_back(rule.name);
      return true;
    }
    admission.admitted = false;
    admission.limit = rule.name;
    admission.kind = refusal.kind;
    admission.retry_after = refusal.retry_after;
    return false;
  });
  if (!admission.admitted) GiveBack(&admission.ticket);
  return admission;
}

void Limits::GiveBack(LimitTicket* ticket) const {
  for (const LimitTicket::Held& held : ticket->held_) {
    table_->Use(held.place, [&](Usage& usage) { usage.calls.Refund(held.call_cost); });
  }
  ticket->Release();
}

}  // namespace sallyport::policy
