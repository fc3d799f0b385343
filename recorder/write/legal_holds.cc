#include "recorder/write/legal_holds.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "recorder/format/wire_encoding.h"
#include "recorder/index/sqlite/sqlite_engine.h"
#include "recorder/log/segment_reader.h"

namespace sallyport::recorder {
namespace {

constexpr std::string_view kMagic = "SALLYHLD";
constexpr uint64_t kVersion = 1;
constexpr char kPurpose[] = "holds";
constexpr size_t kMaxFileSize = size_t{64} << 20;

std::string BoundTo(const StoreKeys& keys) {
  std::string data(kMagic);
  data.append(keys.store_id().begin(), keys.store_id().end());
  return data;
}

void AddVarint(std::string& out, uint64_t value) {
  char bytes[kMaxVarintSize];
  out.append(bytes, PutVarint(bytes, value));
}

void AddText(std::string& out, std::string_view text) {
  AddVarint(out, text.size());
  out += text;
}

std::string Encode(const std::vector<LegalHold>& holds, uint64_t last_id) {
  std::string out;
  AddVarint(out, kVersion);
  AddVarint(out, last_id);
  AddVarint(out, holds.size());
  for (const LegalHold& hold : holds) {
    AddVarint(out, hold.id);
    AddVarint(out, hold.session_id);
    AddText(out, hold.identity);
    AddText(out, hold.reason);
    AddVarint(out, static_cast<uint64_t>(absl::ToUnixNanos(hold.created)));
  }
  return out;
}

bool Decode(std::string_view bytes, std::vector<LegalHold>& holds, uint64_t& last_id) {
  uint64_t version = 0;
  uint64_t count = 0;
  if (!TakeVarint(bytes, version) || version != kVersion || !TakeVarint(bytes, last_id) || !TakeVarint(bytes, count)) {
    return false;
  }
  for (; count > 0; --count) {
    LegalHold hold;
    std::string_view identity;
    std::string_view reason;
    uint64_t created_ns = 0;
    if (!TakeVarint(bytes, hold.id) || !TakeVarint(bytes, hold.session_id) || !TakeLengthPrefixed(bytes, identity) ||
        !TakeLengthPrefixed(bytes, reason) || !TakeVarint(bytes, created_ns)) {
      return false;
    }
    hold.identity = std::string(identity);
    hold.reason = std::string(reason);
    hold.created = absl::FromUnixNanos(static_cast<int64_t>(created_ns));
    holds.push_back(std::move(hold));
  }
  return bytes.empty();
}

// Whether an index that knows the log up to `known` knows all entries of a segment.
absl::StatusOr<bool> IsWhollyIndexed(const LogPlace& place, Position known, uint64_t segment) {
  if (segment != known.segment()) return segment < known.segment();
  const absl::StatusOr<std::unique_ptr<SegmentBytes>> file = place.segments().Open(segment);
  if (!file.ok()) return file.status();
  const absl::StatusOr<uint64_t> size = (*file)->Size();
  if (!size.ok()) return size.status();
  return *size <= known.offset() + kBlockHeaderSize + kFooterBodySize;
}

absl::Status Damaged(const StoreLayout& layout) {
  return absl::DataLossError(
      absl::StrCat(layout.LegalHolds(),
                   " is damaged or of another store, so that nobody knows what is held: put back a copy of it, or "
                   "remove it and place the holds again"));
}

}  // namespace

absl::StatusOr<LegalHoldList> LegalHoldList::Load(const StoreLayout& layout, const StoreKeys& keys) {
  LegalHoldList list;
  const absl::StatusOr<std::string> file = ReadWholeFile(layout.LegalHolds(), kMaxFileSize);
  if (absl::IsNotFound(file.status())) return list;
  if (!file.ok()) return file.status();
  constexpr size_t kHead = kMagic.size() + Aes256Gcm::kNonceSize;
  if (file->size() < kHead || std::string_view(*file).substr(0, kMagic.size()) != kMagic) return Damaged(layout);
  Aes256Gcm::Nonce nonce;
  std::copy_n(file->begin() + kMagic.size(), nonce.size(), nonce.begin());
  std::string bytes;
  if (!Aes256Gcm(keys.Derive(kPurpose)).Open(nonce, BoundTo(keys), std::string_view(*file).substr(kHead), bytes) ||
      !Decode(bytes, list.holds_, list.last_id_)) {
    return Damaged(layout);
  }
  return list;
}

absl::StatusOr<uint64_t> LegalHoldList::Add(LegalHold hold) {
  if ((hold.session_id != 0) == !hold.identity.empty()) {
    return absl::InvalidArgumentError("a hold keeps the calls either of a session or of callers: say which");
  }
  hold.id = ++last_id_;
  holds_.push_back(std::move(hold));
  return last_id_;
}

absl::Status LegalHoldList::Release(uint64_t id) {
  const auto found = std::find_if(holds_.begin(), holds_.end(), [&](const LegalHold& hold) { return hold.id == id; });
  if (found == holds_.end()) return absl::NotFoundError(absl::StrCat("there is no hold ", id));
  holds_.erase(found);
  return absl::OkStatus();
}

absl::Status LegalHoldList::Save(const StoreLayout& layout, const StoreKeys& keys, FileSystem& files) const {
  Aes256Gcm::Nonce nonce;
  if (absl::Status status = FillRandom(nonce.data(), nonce.size()); !status.ok()) return status;
  std::string file(kMagic);
  file.append(nonce.begin(), nonce.end());
  Aes256Gcm(keys.Derive(kPurpose)).Seal(nonce, BoundTo(keys), Encode(holds_, last_id_), file);
  return ReplaceFile(files, layout.LegalHolds(), file);
}

absl::StatusOr<std::unique_ptr<FileLock>> TakeLegalHoldsLock(const StoreLayout& layout) {
  return FileLock::Take(layout.LegalHoldsLock(), FileLock::Wait::kYes);
}

absl::StatusOr<std::set<uint64_t>> HeldSegments(const LegalHoldList& holds, CallSearch& index) {
  std::set<uint64_t> held;
  // A damaged index may lack what is held.
  if (!holds.holds().empty()) {
    if (absl::Status status = index.CheckSound(); !status.ok()) return status;
  }
  for (const LegalHold& hold : holds.holds()) {
    CallQuery query;
    query.identity = hold.identity;
    if (hold.session_id != 0) query.session_id = hold.session_id;
    absl::StatusOr<std::set<uint64_t>> segments = index.Segments(query);
    if (!segments.ok()) return segments.status();
    held.merge(*segments);
  }
  return held;
}

absl::StatusOr<std::set<uint64_t>> HeldSegments(const LogPlace& place, const StoreKeys& keys, IndexEngine& engine) {
  const absl::StatusOr<LegalHoldList> holds = LegalHoldList::Load(place.layout(), keys);
  if (!holds.ok()) return holds.status();
  if (holds->holds().empty()) return std::set<uint64_t>();
  absl::StatusOr<std::unique_ptr<CallSearch>> index = engine.OpenSearch(IndexEngine::Access::kBesideWriter);
  if (!index.ok()) return index.status();
  absl::StatusOr<std::set<uint64_t>> held = HeldSegments(*holds, **index);
  if (!held.ok()) return held;
  // What the index does not know could be anybody's.
  const absl::StatusOr<Position> known = (*index)->Progress();
  if (!known.ok()) return known.status();
  const absl::StatusOr<std::vector<uint64_t>> segments = ListSegments(place);
  if (!segments.ok()) return segments.status();
  for (uint64_t segment : *segments) {
    const absl::StatusOr<bool> whole = IsWhollyIndexed(place, *known, segment);
    if (!whole.ok()) return whole.status();
    if (!*whole) held->insert(segment);
  }
  return held;
}

absl::StatusOr<std::set<uint64_t>> HeldSegments(const StoreLayout& layout, const StoreKeys& keys) {
  return HeldSegments(layout, keys, *SqliteEngine(layout, NameSealer::Of(keys)));
}

}  // namespace sallyport::recorder
