#include "recorder/format/entry_batch.h"

#include <algorithm>

#include "protos/utf8.h"
#include "recorder/crypto/credential_fingerprint.h"
#include "recorder/format/wire_encoding.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::recorder {
namespace {

// The same for fields of every type.
size_t TagSize(int field) { return VarintSize(FieldTag(field, WireType::kVarint)); }

constexpr uint32_t kEndCount = FieldTag(v1::CallEnd::kEntriesFieldNumber, WireType::kFixed32);
static_assert(kEndCountTag.size() == 2 && static_cast<uint8_t>(kEndCountTag[0]) == (0x80 | (kEndCount & 0x7F)) &&
              static_cast<uint8_t>(kEndCountTag[1]) == kEndCount >> 7);

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

bool IsUtf8(std::string_view text) {
  if (IsAscii(text)) return true;
  for (size_t at = 0; at < text.size();) {
    const size_t size = Utf8CharacterSize(text, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

char OnlyAscii(char c) { return static_cast<uint8_t>(c) < 0x80 ? c : '?'; }

// Counts the bytes that a Writer would write.
class Sizer {
 public:
  size_t size() const { return size_; }

  void Bytes(int field, std::string_view value) {
    if (!value.empty()) PresentBytes(field, value);
  }
  void PresentBytes(int field, std::string_view value) {
    size_ += TagSize(field) + VarintSize(value.size()) + value.size();
  }
  void Text(int field, std::string_view value) { Bytes(field, value); }
  void PresentText(int field, std::string_view value) { PresentBytes(field, value); }
  void Fingerprint(int field, const CredentialFingerprint&, std::string_view) {
    size_ += TagSize(field) + VarintSize(CredentialFingerprint::kTextSize) + CredentialFingerprint::kTextSize;
  }
  void Unsigned(int field, uint64_t value) {
    if (value != 0) PresentUnsigned(field, value);
  }
  void PresentUnsigned(int field, uint64_t value) { size_ += TagSize(field) + VarintSize(value); }
  void Fixed(int field, uint64_t value) { size_ += value != 0 ? TagSize(field) + sizeof(value) : 0; }
  void EndCount(uint32_t) { size_ += kEndCountTag.size() + sizeof(uint32_t); }
  // A message field whose content `encode` writes.
  template <typename Encode>
  void Message(int field, const Encode& encode) {
    Sizer content;
    encode(content);
    size_ += TagSize(field) + VarintSize(content.size_) + content.size_;
  }

 private:
  size_t size_ = 0;
};

// Writes fields; the caller has made room for what a Sizer counted.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}

  void Bytes(int field, std::string_view value) {
    if (!value.empty()) PresentBytes(field, value);
  }
  void PresentBytes(int field, std::string_view value) {
    Length(field, value.size());
    at_ = std::copy(value.begin(), value.end(), at_);
  }
  // A `string` field, as ValidText has it.
  void Text(int field, std::string_view value) {
    if (!value.empty()) PresentText(field, value);
  }
  void PresentText(int field, std::string_view value) {
    if (IsUtf8(value)) return PresentBytes(field, value);
    Length(field, value.size());
    at_ = std::transform(value.begin(), value.end(), at_, OnlyAscii);
  }
  void Fingerprint(int field, const CredentialFingerprint& fingerprint, std::string_view credential) {
    const CredentialFingerprint::Text text = fingerprint.Of(credential);
    PresentBytes(field, {text.data(), text.size()});
  }
  void Unsigned(int field, uint64_t value) {
    if (value != 0) PresentUnsigned(field, value);
  }
  void PresentUnsigned(int field, uint64_t value) {
    at_ = PutVarint(at_, FieldTag(field, WireType::kVarint));
    at_ = PutVarint(at_, value);
  }
  void Fixed(int field, uint64_t value) {
    if (value == 0) return;
    at_ = PutVarint(at_, FieldTag(field, WireType::kFixed64));
    at_ = PutFixed(at_, value);
  }
  // Always there, and last, so that it can be filled in where it stands.
  void EndCount(uint32_t value) {
    at_ = std::copy(kEndCountTag.begin(), kEndCountTag.end(), at_);
    at_ = PutFixed(at_, value);
  }
  template <typename Encode>
  void Message(int field, const Encode& encode) {
    Sizer content;
    encode(content);
    Length(field, content.size());
    encode(*this);
  }
  void Length(int field, size_t length) {
    at_ = PutVarint(at_, FieldTag(field, WireType::kLengthDelimited));
    at_ = PutVarint(at_, length);
  }
  void RawVarint(uint64_t value) { at_ = PutVarint(at_, value); }
  char* at() const { return at_; }

 private:
  char* at_;
};

// int32 and int64 fields are written sign-extended to 64 bits.
uint64_t SignExtended(int64_t value) { return static_cast<uint64_t>(value); }

template <typename Sink>
void EncodeMetadata(Sink& sink, int field, MetadataView metadata, const CredentialFingerprint* fingerprint) {
  for (const Metadatum& pair : metadata) {
    const bool credential = pair.credential || CredentialFingerprint::IsCredentialName(pair.key);
    sink.Message(field, [&](auto& out) {
      out.Bytes(v1::Metadatum::kKeyFieldNumber, pair.key);
      if (credential) {
        out.Fingerprint(v1::Metadatum::kValueFieldNumber, *fingerprint, pair.value);
        out.Unsigned(v1::Metadatum::kFingerprintFieldNumber, 1);
      } else {
        out.Bytes(v1::Metadatum::kValueFieldNumber, pair.value);
      }
    });
  }
}

template <typename Sink>
void EncodeIdentity(Sink& sink, const IdentityView& identity) {
  if (identity.issuer.empty() && identity.subject.empty() && identity.groups.empty() && identity.proof == 0) return;
  sink.Message(v1::CallStart::kIdentityFieldNumber, [&](auto& out) {
    out.Text(v1::Identity::kIssuerFieldNumber, identity.issuer);
    out.Text(v1::Identity::kSubjectFieldNumber, identity.subject);
    for (const std::string& group : identity.groups) out.PresentText(v1::Identity::kGroupsFieldNumber, group);
    out.Unsigned(v1::Identity::kProofFieldNumber, SignExtended(identity.proof));
  });
}

}  // namespace

std::string ValidText(std::string_view text) {
  std::string valid(text);
  if (!IsUtf8(text)) std::transform(valid.begin(), valid.end(), valid.begin(), OnlyAscii);
  return valid;
}

EntryBatch::EntryBatch(uint64_t call_id, const CredentialFingerprint* fingerprint)
    : call_id_(call_id), fingerprint_(fingerprint) {}

char* EntryBatch::Grow(size_t entry_size) {
  const size_t before = bytes_.size();
  const size_t after = before + VarintSize(entry_size) + entry_size;
  // Most batches see a few small entries: leave room for them at once.
  if (after > bytes_.capacity()) bytes_.reserve(std::max(after + 256, 2 * bytes_.capacity()));
  bytes_.resize(after);
  ++entries_;
  return bytes_.data() + before;
}

// Writes one entry whose event `event` writes, in field `field` of Entry.
template <typename Event>
void EntryBatch::Encode(absl::Time time, int field, const Event& event) {
  const auto entry = [&](auto& out) {
    out.Fixed(v1::Entry::kCallIdFieldNumber, call_id_);
    out.Fixed(v1::Entry::kTimeNsFieldNumber, static_cast<uint64_t>(absl::ToUnixNanos(time)));
    out.Message(field, event);
  };
  Sizer size;
  entry(size);
  Writer writer(Grow(size.size()));
  writer.RawVarint(size.size());
  entry(writer);
}

void EntryBatch::Add(absl::Time time, v1::Entry* entry) {
  entry->set_call_id(call_id_);
  entry->set_time_ns(static_cast<uint64_t>(absl::ToUnixNanos(time)));
  const size_t size = entry->ByteSizeLong();
  char* at = PutVarint(Grow(size), size);
  entry->SerializeWithCachedSizesToArray(reinterpret_cast<uint8_t*>(at));
}

void EntryBatch::AddStart(absl::Time time, const CallStart& start) {
  Encode(time, v1::Entry::kStartFieldNumber, [&](auto& out) {
    out.Bytes(v1::CallStart::kMethodFieldNumber, start.method);
    out.Bytes(v1::CallStart::kAuthorityFieldNumber, start.authority);
    out.Text(v1::CallStart::kPeerFieldNumber, start.peer);
    EncodeIdentity(out, start.identity);
    out.Fixed(v1::CallStart::kSessionIdFieldNumber, start.session_id);
    out.Bytes(v1::CallStart::kSessionNameFieldNumber, start.session_name);
    out.Text(v1::CallStart::kUpstreamFieldNumber, start.upstream);
    out.Text(v1::CallStart::kUpstreamTargetFieldNumber, start.upstream_target);
    EncodeMetadata(out, v1::CallStart::kMetadataFieldNumber, start.metadata, fingerprint_);
    if (start.timeout.has_value())
      out.PresentUnsigned(v1::CallStart::kTimeoutNsFieldNumber, SignExtended(absl::ToInt64Nanoseconds(*start.timeout)));
    out.Text(v1::CallStart::kEncodingFieldNumber, start.encoding);
    out.Text(v1::CallStart::kDescriptorsFieldNumber, start.descriptors);
    out.Unsigned(v1::CallStart::kPathFieldNumber, static_cast<uint64_t>(start.arity));
    out.Text(v1::CallStart::kDurabilityFieldNumber, start.durability);
    out.Bytes(v1::CallStart::kTraceIdFieldNumber, start.trace_id);
    out.Text(v1::CallStart::kRecordRuleFieldNumber, start.record_rule);
    if (start.frame_bytes.has_value()) out.PresentUnsigned(v1::CallStart::kFrameBytesFieldNumber, *start.frame_bytes);
  });
  ++starts_;
}

void EntryBatch::AddFrame(absl::Time time, Direction direction, uint64_t index, bool compressed,
                          absl::Span<const std::string_view> payload, const FrameMasking& masking) {
  size_t payload_size = 0;
  for (std::string_view piece : payload) payload_size += piece.size();

  // The payload may be many megabytes: it is appended piece by piece, between what comes before and after it.
  const auto encode_after = [&](auto& out) {
    out.Unsigned(v1::Frame::kCompressedFieldNumber, compressed ? 1 : 0);
    if (masking.sealed != nullptr) {
      out.Message(v1::Frame::kSealedFieldNumber, [&](auto& sealed) {
        sealed.Bytes(v1::SealedView::kEncapsulatedKeyFieldNumber, masking.sealed->encapsulated_key);
        sealed.Bytes(v1::SealedView::kCiphertextFieldNumber, masking.sealed->ciphertext);
        sealed.Bytes(v1::SealedView::kKeyIdFieldNumber, masking.sealed->key_id);
        sealed.Unsigned(v1::SealedView::kCompressedFieldNumber, masking.sealed->compressed ? 1 : 0);
      });
    }
    out.Unsigned(v1::Frame::kMaskedFieldNumber, masking.masked ? 1 : 0);
    for (std::string_view rule : masking.shadow) out.PresentText(v1::Frame::kShadowFieldNumber, rule);
    if (masking.whole_length.has_value()) {
      out.Unsigned(v1::Frame::kShortenedFieldNumber, 1);
      out.Unsigned(v1::Frame::kWholeLengthFieldNumber, *masking.whole_length);
    }
  };
  Sizer after_size;
  encode_after(after_size);
  Sizer before_size;
  before_size.Unsigned(v1::Frame::kDirectionFieldNumber, static_cast<uint64_t>(direction));
  before_size.Unsigned(v1::Frame::kIndexFieldNumber, index);
  const size_t frame_size =
      before_size.size() + (payload_size == 0 ? 0 : 1 + VarintSize(payload_size) + payload_size) + after_size.size();
  const auto time_ns = static_cast<uint64_t>(absl::ToUnixNanos(time));
  const size_t entry_size = (call_id_ != 0 ? 9 : 0) + (time_ns != 0 ? 9 : 0) + 1 + VarintSize(frame_size) + frame_size;

  char head[96];
  Writer writer(head);
  writer.RawVarint(entry_size);
  writer.Fixed(v1::Entry::kCallIdFieldNumber, call_id_);
  writer.Fixed(v1::Entry::kTimeNsFieldNumber, time_ns);
  writer.Length(v1::Entry::kFrameFieldNumber, frame_size);
  writer.Unsigned(v1::Frame::kDirectionFieldNumber, static_cast<uint64_t>(direction));
  writer.Unsigned(v1::Frame::kIndexFieldNumber, index);
  if (payload_size != 0) writer.Length(v1::Frame::kPayloadFieldNumber, payload_size);

  const size_t after = bytes_.size() + VarintSize(entry_size) + entry_size;
  if (after > bytes_.capacity()) bytes_.reserve(std::max(after + 256, 2 * bytes_.capacity()));
  bytes_.append(head, static_cast<size_t>(writer.at() - head));
  for (std::string_view piece : payload) bytes_.append(piece);
  if (after_size.size() != 0) {
    const size_t before = bytes_.size();
    bytes_.resize(before + after_size.size());
    Writer after_writer(bytes_.data() + before);
    encode_after(after_writer);
  }
  ++entries_;
}

void EntryBatch::AddHalfClose(absl::Time time) {
  Encode(time, v1::Entry::kHalfCloseFieldNumber, [](auto&) {});
}

void EntryBatch::AddResponseHeaders(absl::Time time, MetadataView metadata, std::string_view encoding) {
  Encode(time, v1::Entry::kResponseHeadersFieldNumber, [&](auto& out) {
    EncodeMetadata(out, v1::ResponseHeaders::kMetadataFieldNumber, metadata, fingerprint_);
    out.Text(v1::ResponseHeaders::kEncodingFieldNumber, encoding);
  });
}

void EntryBatch::AddEnd(absl::Time time, const CallEnd& end) {
  Encode(time, v1::Entry::kEndFieldNumber, [&](auto& out) {
    out.Unsigned(v1::CallEnd::kReasonFieldNumber, static_cast<uint64_t>(end.reason));
    out.Unsigned(v1::CallEnd::kStatusCodeFieldNumber, SignExtended(end.status_code));
    out.Bytes(v1::CallEnd::kStatusMessageFieldNumber, end.status_message);
    EncodeMetadata(out, v1::CallEnd::kTrailersFieldNumber, end.trailers, fingerprint_);
    if (end.upstream_status_code.has_value())
      out.PresentUnsigned(v1::CallEnd::kUpstreamStatusCodeFieldNumber, SignExtended(*end.upstream_status_code));
    out.Bytes(v1::CallEnd::kUpstreamStatusMessageFieldNumber, end.upstream_status_message);
    out.Unsigned(v1::CallEnd::kTrailersOnlyFieldNumber, end.trailers_only ? 1 : 0);
    out.Unsigned(v1::CallEnd::kRequestFramesFieldNumber, end.request_frames);
    out.Unsigned(v1::CallEnd::kResponseFramesFieldNumber, end.response_frames);
    out.Unsigned(v1::CallEnd::kRequestBytesFieldNumber, end.request_bytes);
    out.Unsigned(v1::CallEnd::kResponseBytesFieldNumber, end.response_bytes);
    out.Unsigned(v1::CallEnd::kDurationNsFieldNumber,
                 static_cast<uint64_t>(std::max<int64_t>(0, absl::ToInt64Nanoseconds(end.duration))));
    out.Unsigned(v1::CallEnd::kConnectionLostFieldNumber, end.connection_lost ? 1 : 0);
    out.Unsigned(v1::CallEnd::kToldFieldNumber, static_cast<uint64_t>(end.told));
    out.Unsigned(v1::CallEnd::kEndedByFieldNumber, static_cast<uint64_t>(end.ended_by));
    out.EndCount(end.entries);
  });
  ++ends_;
}

}  // namespace sallyport::recorder
