// Encodes the entries of one call for the log.
#ifndef SALLYPORT_RECORDER_FORMAT_ENTRY_BATCH_H_
#define SALLYPORT_RECORDER_FORMAT_ENTRY_BATCH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace sallyport::v1 {
class Entry;
}

namespace sallyport::recorder {

class CredentialFingerprint;

// One metadata pair as gRPC hands it to an application. The views must live until the batch call that takes them
// returns.
struct Metadatum {
  std::string_view key;
  std::string_view value;
  // It stands for something secret, whatever its name says: only a fingerprint of it is kept, as of what
  // CredentialFingerprint::IsCredentialName names.
  bool credential = false;
};
using MetadataView = absl::Span<const Metadatum>;

enum class Direction { kRequest = 1, kResponse = 2 };
// How a call is relayed: with one message each way as a whole, or message by message. Mirrors sallyport.v1.Path.
enum class Arity { kUnary = 1, kStream = 2 };

// Mirrors sallyport.v1.EndReason.
enum class EndReason {
  kCompleted = 1,
  kCancelled = 2,
  kDeadline = 3,
  kUpstreamFailure = 4,
  kRefused = 5,
  kInterrupted = 6
};

// Mirrors sallyport.v1.Told.
enum class Told { kUnspecified = 0, kStatus = 1, kNothing = 2, kReset = 3, kUnsure = 4 };

// Mirrors sallyport.v1.EndedBy.
enum class EndedBy { kUnspecified = 0, kUpstream = 1, kCaller = 2, kGateway = 3 };

struct IdentityView {
  std::string_view issuer;
  std::string_view subject;
  absl::Span<const std::string> groups;
  int proof = 0;  // sallyport.v1.Proof
};

// What is known when a call begins; see sallyport.v1.CallStart for each member's meaning.
struct CallStart {
  std::string_view method;
  std::string_view authority;
  std::string_view peer;
  IdentityView identity;
  uint64_t session_id = 0;
  std::string_view session_name;
  std::string_view upstream;
  std::string_view upstream_target;
  MetadataView metadata;
  std::optional<absl::Duration> timeout;
  std::string_view encoding;
  std::string_view descriptors;
  Arity arity = Arity::kStream;
  std::string_view durability;
  std::string_view record_rule;
  std::optional<uint64_t> frame_bytes;
  std::string_view trace_id;  // 16 bytes, or none
};

// Mirrors sallyport.v1.Decision.Outcome.
enum class DecisionOutcome { kAllowed = 1, kDenied = 2, kUnauthenticated = 3, kLimited = 4 };

// Which frame a view is of, so that it cannot be shown as that of another. Mirrors sallyport.v1.
struct FrameName {
  uint64_t call_id = 0;
  int direction = 0;
  uint64_t index = 0;
  bool compressed = false;  // the original
};

// Mirrors sallyport.v1.SealedView.
struct SealedView {
  std::string encapsulated_key;
  std::string ciphertext;
  std::string key_id;
  bool compressed = false;
};

// What the policy, masks and record rules, did to a frame; see sallyport.v1.Frame.
struct FrameMasking {
  bool masked = false;
  const SealedView* sealed = nullptr;  // the original; null unless `masked`
  absl::Span<const std::string_view> shadow;
  // How many bytes the payload has of which only the first are recorded, or none; nothing where all of them are.
  std::optional<uint64_t> whole_length;
};

// How a call ended; see sallyport.v1.CallEnd.
struct CallEnd {
  EndReason reason = EndReason::kCompleted;
  int status_code = 0;
  std::string_view status_message;
  MetadataView trailers;
  std::optional<int> upstream_status_code;
  std::string_view upstream_status_message;
  bool trailers_only = false;
  uint64_t request_frames = 0;
  uint64_t response_frames = 0;
  uint64_t request_bytes = 0;
  uint64_t response_bytes = 0;
  absl::Duration duration;
  bool connection_lost = false;
  Told told = Told::kUnspecified;
  EndedBy ended_by = EndedBy::kUnspecified;
  uint32_t entries = 0;  // 0: whoever writes the log fills it in
};

// What a `string` field of an entry holds of a text. What is not UTF-8 could not be parsed again: its bytes beyond
// ASCII become question marks.
std::string ValidText(std::string_view text);

// The tag of CallEnd.entries. An end entry ends with it and the four bytes of the number.
inline constexpr std::string_view kEndCountTag = "\x85\x01";

// The encoded entries of one call that belong together, in order: each a varint length and a serialised
// sallyport.v1.Entry, what is frequent written straight to the wire format without building messages. A value; not
// thread-safe.
class EntryBatch {
 public:
  // `fingerprint` stands in for credentials in metadata and must outlive the batch. Null only where there can be none.
  EntryBatch(uint64_t call_id, const CredentialFingerprint* fingerprint);

  void AddStart(absl::Time time, const CallStart& start);
  // `payload` is the message's bytes in pieces, as they may be stored.
  void AddFrame(absl::Time time, Direction direction, uint64_t index, bool compressed,
                absl::Span<const std::string_view> payload, const FrameMasking& masking = {});
  void AddHalfClose(absl::Time time);
  void AddResponseHeaders(absl::Time time, MetadataView metadata, std::string_view encoding);
  void AddEnd(absl::Time time, const CallEnd& end);
  // An entry of any other kind, given as the message that it is: what a call has once at most needs no way of its own.
  // Fills in its call and its time. `string` fields must hold UTF-8: see ValidText.
  void Add(absl::Time time, v1::Entry* entry);

  uint64_t call_id() const { return call_id_; }
  int entries() const { return entries_; }
  // How many of them are starts and ends.
  int starts() const { return starts_; }
  int ends() const { return ends_; }
  bool empty() const { return bytes_.empty(); }
  const std::string& bytes() const { return bytes_; }
  std::string TakeBytes() && { return std::move(bytes_); }

 private:
  template <typename Event>
  void Encode(absl::Time time, int field, const Event& event);
  // Makes room for an entry of that size behind the others, and says where.
  char* Grow(size_t entry_size);

  uint64_t call_id_;
  const CredentialFingerprint* fingerprint_;
  int entries_ = 0;
  int starts_ = 0;
  int ends_ = 0;
  std::string bytes_;
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_ENTRY_BATCH_H_
