#include "recorder/format/entry_batch.h"

#include <algorithm>

#include "protos/utf8.h"
#include "recorder/crypto/credential_fingerprint.h"
#include "recorder/format/wire_encoding.h"

namespace sallyport::recorder {
namespace {

enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kLengthDelimited = 2 };

// All our fields but CallEnd.entries are below 16, so that a tag is one byte.
constexpr char Tag(uint32_t field, WireType type) { return static_cast<char>(field << 3 | type); }

bool IsAscii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
}

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t size = Utf8CharacterSize(text, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

// Counts the bytes that a Writer would write.
class Sizer {
 public:
  size_t size() const { return size_; }

  void Bytes(uint32_t field, std::string_view value) {
    if (!value.empty()) PresentBytes(field, value);
  }
  void PresentBytes(uint32_t, std::string_view value) { size_ += 1 + VarintSize(value.size()) + value.size(); }
  void Text(uint32_t field, std::string_view value) { Bytes(field, value); }
  void PresentText(uint32_t field, std::string_view value) { PresentBytes(field, value); }
  void Fingerprint(uint32_t, const CredentialFingerprint&, std::string_view) {
    size_ += 2 + CredentialFingerprint::kTextSize;
  }
  void Unsigned(uint32_t field, uint64_t value) {
    if (value != 0) PresentUnsigned(field, value);
  }
  void PresentUnsigned(uint32_t, uint64_t value) { size_ += 1 + VarintSize(value); }
  void Fixed(uint32_t, uint64_t value) { size_ += value != 0 ? 9 : 0; }
  void EndCount(uint32_t) { size_ += kEndCountTag.size() + sizeof(uint32_t); }
  // A message field whose content `encode` writes.
  template <typename Encode>
  void Message(uint32_t, const Encode& encode) {
    Sizer content;
    encode(content);
    size_ += 1 + VarintSize(content.size_) + content.size_;
  }

 private:
  size_t size_ = 0;
};

// Writes fields; the caller has made room for what a Sizer counted.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}

  void Bytes(uint32_t field, std::string_view value) {
    if (!value.empty()) PresentBytes(field, value);
  }
  void PresentBytes(uint32_t field, std::string_view value) {
    Length(field, value.size());
    at_ = std::copy(value.begin(), value.end(), at_);
  }
  // A `string` field. What is not UTF-8 could not be parsed again: its bytes beyond ASCII become question marks.
  void Text(uint32_t field, std::string_view value) {
    if (!value.empty()) PresentText(field, value);
  }
  void PresentText(uint32_t field, std::string_view value) {
    if (IsAscii(value) || IsUtf8(value)) return PresentBytes(field, value);
    Length(field, value.size());
    at_ = std::transform(value.begin(), value.end(), at_,
                         [](char c) { return static_cast<uint8_t>(c) < 0x80 ? c : '?'; });
  }
  void Fingerprint(uint32_t field, const CredentialFingerprint& fingerprint, std::string_view credential) {
    const CredentialFingerprint::Text text = fingerprint.Of(credential);
    PresentBytes(field, {text.data(), text.size()});
  }
  void Unsigned(uint32_t field, uint64_t value) {
    if (value != 0) PresentUnsigned(field, value);
  }
  void PresentUnsigned(uint32_t field, uint64_t value) {
    *at_++ = Tag(field, kVarint);
    at_ = PutVarint(at_, value);
  }
  void Fixed(uint32_t field, uint64_t value) {
    if (value == 0) return;
    *at_++ = Tag(field, kFixed64);
    at_ = PutFixed(at_, value);
  }
  // Always there, and last, so that it can be filled in where it stands.
  void EndCount(uint32_t value) {
    at_ = std::copy(kEndCountTag.begin(), kEndCountTag.end(), at_);
    at_ = PutFixed(at_, value);
  }
  template <typename Encode>
  void Message(uint32_t field, const Encode& encode) {
    Sizer content;
    encode(content);
    Length(field, content.size());
    encode(*this);
  }
  void Length(uint32_t field, size_t length) {
    *at_++ = Tag(field, kLengthDelimited);
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
void EncodeMetadata(Sink& sink, uint32_t field, MetadataView metadata, const CredentialFingerprint* fingerprint) {
  for (const Metadatum& pair : metadata) {
    const bool credential = pair.credential || CredentialFingerprint::IsCredentialName(pair.key);
    sink.Message(field, [&](auto& out) {
      out.Bytes(1, pair.key);
      if (credential) {
        out.Fingerprint(2, *fingerprint, pair.value);
        out.Unsigned(3, 1);
      } else {
        out.Bytes(2, pair.value);
      }
    });
  }
}

template <typename Sink>
void EncodeIdentity(Sink& sink, const IdentityView& identity) {
  if (identity.issuer.empty() && identity.subject.empty() && identity.groups.empty() && identity.proof == 0) return;
  sink.Message(4, [&](auto& out) {
    out.Text(1, identity.issuer);
    out.Text(2, identity.subject);
    for (const std::string& group : identity.groups) out.PresentText(3, group);
    out.Unsigned(4, SignExtended(identity.proof));
  });
}

}  // namespace

EntryBatch::EntryBatch(uint64_t call_id, const CredentialFingerprint* fingerprint)
    : call_id_(call_id), fingerprint_(fingerprint) {}

// Writes one entry whose event `encode` writes, in field `field` of Entry.
template <typename Encode>
void EntryBatch::Add(absl::Time time, uint32_t field, const Encode& encode) {
  const auto entry = [&](auto& out) {
    out.Fixed(1, call_id_);
    out.Fixed(2, static_cast<uint64_t>(absl::ToUnixNanos(time)));
    out.Message(field, encode);
  };
  Sizer size;
  entry(size);
  const size_t before = bytes_.size();
  const size_t after = before + VarintSize(size.size()) + size.size();
  // Most batches see a few small entries: leave room for them at once.
  if (after > bytes_.capacity()) bytes_.reserve(std::max(after + 256, 2 * bytes_.capacity()));
  bytes_.resize(after);
  Writer writer(bytes_.data() + before);
  writer.RawVarint(size.size());
  entry(writer);
  ++entries_;
}

void EntryBatch::AddStart(absl::Time time, const CallStart& start) {
  Add(time, 3, [&](auto& out) {
    out.Bytes(1, start.method);
    out.Bytes(2, start.authority);
    out.Text(3, start.peer);
    EncodeIdentity(out, start.identity);
    out.Fixed(5, start.session_id);
    out.Bytes(6, start.session_name);
    out.Text(7, start.upstream);
    out.Text(8, start.upstream_target);
    EncodeMetadata(out, 9, start.metadata, fingerprint_);
    if (start.timeout.has_value()) out.PresentUnsigned(10, SignExtended(absl::ToInt64Nanoseconds(*start.timeout)));
    out.Text(11, start.encoding);
    out.Text(12, start.descriptors);
    out.Unsigned(13, static_cast<uint64_t>(start.path));
    out.Text(14, start.durability);
  });
  ++starts_;
}

void EntryBatch::AddDecision(absl::Time time, const Decision& decision) {
  Add(time, 8, [&](auto& out) {
    out.Unsigned(1, static_cast<uint64_t>(decision.outcome));
    out.Text(2, decision.rule);
    out.Text(3, decision.policy);
    for (std::string_view rule : decision.shadow) out.PresentText(4, rule);
    for (const ShownProof& proof : decision.proofs) {
      out.Message(5, [&](auto& shown) {
        shown.Unsigned(1, SignExtended(proof.identity.proof));
        shown.Text(2, proof.identity.issuer);
        shown.Text(3, proof.identity.subject);
        for (const std::string& group : proof.identity.groups) shown.PresentText(4, group);
        shown.Text(5, proof.credential);
        if (proof.expires != absl::InfiniteFuture()) {
          shown.Unsigned(6, SignExtended(absl::ToUnixNanos(proof.expires)));
        }
      });
    }
  });
}

void EntryBatch::AddFrame(absl::Time time, Direction direction, uint64_t index, bool compressed,
                          absl::Span<const std::string_view> payload, const FrameMasking& masking) {
  size_t payload_size = 0;
  for (std::string_view piece : payload) payload_size += piece.size();

  // The payload may be many megabytes: it is appended piece by piece, between what comes before and after it.
  const auto encode_after = [&](auto& out) {
    out.Unsigned(4, compressed ? 1 : 0);
    if (masking.sealed != nullptr) {
      out.Message(5, [&](auto& sealed) {
        sealed.Bytes(1, masking.sealed->encapsulated_key);
        sealed.Bytes(2, masking.sealed->ciphertext);
        sealed.Bytes(3, masking.sealed->key_id);
        sealed.Unsigned(4, masking.sealed->compressed ? 1 : 0);
      });
    }
    out.Unsigned(6, masking.masked ? 1 : 0);
    for (std::string_view rule : masking.shadow) out.PresentText(7, rule);
  };
  Sizer after_size;
  encode_after(after_size);
  Sizer before_size;
  before_size.Unsigned(1, static_cast<uint64_t>(direction));
  before_size.Unsigned(2, index);
  const size_t frame_size =
      before_size.size() + (payload_size == 0 ? 0 : 1 + VarintSize(payload_size) + payload_size) + after_size.size();
  const auto time_ns = static_cast<uint64_t>(absl::ToUnixNanos(time));
  const size_t entry_size = (call_id_ != 0 ? 9 : 0) + (time_ns != 0 ? 9 : 0) + 1 + VarintSize(frame_size) + frame_size;

  char head[96];
  Writer writer(head);
  writer.RawVarint(entry_size);
  writer.Fixed(1, call_id_);
  writer.Fixed(2, time_ns);
  writer.Length(4, frame_size);
  writer.Unsigned(1, static_cast<uint64_t>(direction));
  writer.Unsigned(2, index);
  if (payload_size != 0) writer.Length(3, payload_size);

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
  Add(time, 5, [](auto&) {});
}

void EntryBatch::AddResponseHeaders(absl::Time time, MetadataView metadata, std::string_view encoding) {
  Add(time, 6, [&](auto& out) {
    EncodeMetadata(out, 1, metadata, fingerprint_);
    out.Text(2, encoding);
  });
}

void EntryBatch::AddEnd(absl::Time time, const CallEnd& end) {
  Add(time, 7, [&](auto& out) {
    out.Unsigned(1, static_cast<uint64_t>(end.reason));
    out.Unsigned(2, SignExtended(end.status_code));
    out.Bytes(3, end.status_message);
    EncodeMetadata(out, 4, end.trailers, fingerprint_);
    if (end.upstream_status_code.has_value()) out.PresentUnsigned(5, SignExtended(*end.upstream_status_code));
    out.Bytes(6, end.upstream_status_message);
    out.Unsigned(7, end.trailers_only ? 1 : 0);
    out.Unsigned(8, end.request_frames);
    out.Unsigned(9, end.response_frames);
    out.Unsigned(10, end.request_bytes);
    out.Unsigned(11, end.response_bytes);
    out.Unsigned(12, static_cast<uint64_t>(std::max<int64_t>(0, absl::ToInt64Nanoseconds(end.duration))));
    out.Unsigned(13, end.connection_lost ? 1 : 0);
    out.Unsigned(14, static_cast<uint64_t>(end.told));
    out.Unsigned(15, static_cast<uint64_t>(end.ended_by));
    out.EndCount(end.entries);
  });
  ++ends_;
}

}  // namespace sallyport::recorder
