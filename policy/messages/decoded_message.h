// A message as its bytes and its type say it is, read one level at a time.
#ifndef SALLYPORT_POLICY_MESSAGES_DECODED_MESSAGE_H_
#define SALLYPORT_POLICY_MESSAGES_DECODED_MESSAGE_H_

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "policy/messages/message_types.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {

// How deep messages may be nested. What is deeper is bytes.
inline constexpr int kMostNesting = 1'000;

// One value on the wire. Places are offsets from the beginning of the outermost message.
struct Occurrence {
  uint32_t number;
  WireType type;
  uint32_t begin;  // behind the tag, and the length if there is one
  uint32_t end;    // of a group: where the tag that ends it begins
};

// Occurrences that belong together: indices, as the list they are in grows.
struct OccurrenceRange {
  uint32_t first = 0;
  uint32_t last = 0;  // not included
  uint32_t size() const { return last - first; }
};

// A field that the type has.
struct DecodedField {
  const google::protobuf::FieldDescriptor* descriptor;
  // Those that count: of a singular value the last, of a singular message all (parsers merge them), but of a member of
  // a oneof none that came before another member.
  OccurrenceRange values;
  bool several = false;    // it is singular and came more than once
  bool displaced = false;  // another member of its oneof came later; no value counts
  bool absent = false;     // it has its default value, and the type does not tell that from absence

  bool shown() const { return !displaced && !absent; }
};

// Bytes that are not what a message may hold there.
struct Unparsed {
  uint32_t begin;
  uint32_t end;
  const char* reason;
};

// What all levels of one message have in common. Lives for one message; not thread-safe.
class MessageReader {
 public:
  // `message` must be below 2 GiB. All must outlive it.
  MessageReader(const MessageTypes& types, std::string_view message);

  const MessageTypes& types() const { return types_; }
  // Stands for the whole message.
  OccurrenceRange whole() const { return {0, 1}; }

  const Occurrence& occurrence(uint32_t index) const { return known_[index]; }
  std::string_view bytes(const Occurrence& occurrence) const { return bytes(occurrence.begin, occurrence.end); }
  std::string_view bytes(uint32_t begin, uint32_t end) const { return message_.substr(begin, end - begin); }
  // Of a field that is neither text nor a message: as ReadScalar does.
  uint64_t Scalar(const google::protobuf::FieldDescriptor& field, const Occurrence& occurrence) const;

 private:
  friend class DecodedMessage;
  friend class MessageScan;

  struct GroupEnd {
    uint32_t begin;  // behind the tag that begins it
    uint32_t end;    // where the tag that ends it begins
  };

  const MessageTypes& types_;
  const std::string_view message_;
  // Each level that is open has a stretch at the end of these.
  absl::InlinedVector<Occurrence, 32> known_;
  std::vector<Occurrence> unknown_;
  absl::InlinedVector<DecodedField, 24> fields_;
  std::vector<Unparsed> unparsed_;
  std::vector<GroupEnd> group_ends_;
  absl::flat_hash_map<const google::protobuf::Descriptor*, std::vector<const google::protobuf::FieldDescriptor*>>
      required_;
};

// One level: the fields of one message, those of messages in it not. What parsers would read differently, or not at
// all, is told apart from what they agree on. Levels are opened and closed like brackets: only the innermost may be
// read further, by opening levels in it.
class DecodedMessage {
 public:
  // The parts of a message of `type`, merged. `outer` is the level that they stand in; null for the outermost. Not to
  // be opened deeper than kMostNesting.
  DecodedMessage(MessageReader& reader, const google::protobuf::Descriptor& type, OccurrenceRange parts,
                 const DecodedMessage* outer);
  ~DecodedMessage();
  DecodedMessage(const DecodedMessage&) = delete;
  DecodedMessage& operator=(const DecodedMessage&) = delete;

  const google::protobuf::Descriptor& type() const { return type_; }
  // 1 for the outermost.
  int depth() const { return depth_; }

  // By number. A reference is good until another level is opened.
  size_t field_count() const { return field_count_; }
  const DecodedField& field(size_t index) const { return reader_.fields_[first_field_ + index]; }
  // The field of that number if it came and is shown.
  const DecodedField* Find(int number) const;

  // What the type does not have, or not with that wire type; by number, those of one number as they came.
  size_t unknown_count() const { return unknown_count_; }
  const Occurrence& unknown(size_t index) const { return reader_.unknown_[first_unknown_ + index]; }
  size_t unparsed_count() const { return unparsed_count_; }
  const Unparsed& unparsed(size_t index) const { return reader_.unparsed_[first_unparsed_ + index]; }
  // Required fields that did not come.
  std::vector<const google::protobuf::FieldDescriptor*> Missing() const;

  // Nothing about it has to be told beside the values of its fields.
  bool clean() const { return !has_extras_ && !has_repeats_; }
  // Nothing has to be told that is not told about the field whose value it is: that it came in parts.
  bool clean_but_for_parts() const { return !has_extras_ && (!has_repeats_ || merged_); }

 private:
  friend class MessageScan;

  void Collect();
  void ResolveOneofs();
  bool IsAbsent(const google::protobuf::FieldDescriptor& field, const Occurrence& value) const;
  const std::vector<const google::protobuf::FieldDescriptor*>* Required() const;

  MessageReader& reader_;
  const google::protobuf::Descriptor& type_;
  const int depth_;
  const size_t first_known_;
  const size_t first_unknown_;
  const size_t first_field_;
  const size_t first_unparsed_;
  const size_t first_group_end_;
  // Where ends of groups in this level are found, if it stands in a group itself.
  size_t scope_first_ = 0;
  size_t scope_last_ = 0;
  size_t field_count_ = 0;
  size_t unknown_count_ = 0;
  size_t unparsed_count_ = 0;
  const bool merged_;         // it came in parts
  bool has_extras_ = false;   // unknown, or not parsed
  bool has_repeats_ = false;  // values that do not count
};

// The elements of a repeated field of scalars, packed or not.
class ScalarElements {
 public:
  ScalarElements(const MessageReader& reader, const google::protobuf::FieldDescriptor& field, OccurrenceRange values)
      : reader_(reader), field_(field), next_(values.first), last_(values.last) {}
  // False after the last.
  bool Next(uint64_t* raw);

 private:
  const MessageReader& reader_;
  const google::protobuf::FieldDescriptor& field_;
  uint32_t next_;
  const uint32_t last_;
  WireReader packed_{std::string_view()};
};

// An entry of a map.
struct MapEntry {
  uint32_t occurrence;  // its index
  bool several;         // another one with its key came before
  uint64_t number;      // the key, if it is no text
  std::string_view text;
};
// The entries of a map of `message` that count: of those with one key the last. In the order in which they came. Not
// where entries are nested too deeply.
std::vector<MapEntry> MapEntries(MessageReader& reader, const DecodedMessage& message,
                                 const google::protobuf::FieldDescriptor& map, OccurrenceRange values);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_DECODED_MESSAGE_H_
