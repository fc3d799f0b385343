// Prints decoded messages, and parts of them, as JSON.
#ifndef SALLYPORT_POLICY_MESSAGES_TREE_PRINTER_H_
#define SALLYPORT_POLICY_MESSAGES_TREE_PRINTER_H_

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/messages/decoded_message.h"
#include "policy/messages/json_writer.h"
#include "policy/messages/well_known_types.h"

namespace sallyport::policy {

// What a printed message holds that its reader should know of.
struct PrintFindings {
  bool unparsed = false;  // bytes that are not what they should be
  bool cut = false;       // more than is printed of one message
};

// Writes what MessagePrinter's contract says. Of a message that is being read it can print a single value too.
// Recursion is bounded by kMostNesting. Lives while one message is printed.
class TreePrinter {
 public:
  TreePrinter(MessageReader& reader, JsonWriter& json) : reader_(reader), json_(json) {}

  // The merged parts of one message; `outer` is the level they stand in.
  void Message(const google::protobuf::Descriptor& type, OccurrenceRange parts, const DecodedMessage* outer);
  // The same of one that has been opened.
  void Level(const DecodedMessage& message);
  // The value of a field of `message`: an array or an object where it is repeated.
  void FieldValue(const DecodedMessage& message, DecodedField field);
  // One element of it.
  void Element(const DecodedMessage& message, const google::protobuf::FieldDescriptor& field, uint32_t occurrence);
  void Scalar(const google::protobuf::FieldDescriptor& field, uint64_t raw);
  // The value of an entry of a map, or what stands for it where it has none.
  void EntryValue(const DecodedMessage& entry, const google::protobuf::FieldDescriptor& value);
  void Text(std::string_view text);

  // An element of "@unknown" or "@unparsed". `in` says where in the message, if not in itself.
  void Unknown(const Occurrence& unknown, std::string_view in);
  void NotParsed(const Unparsed& unparsed, std::string_view in);

  const PrintFindings& findings() const { return findings_; }

 private:
  using Field = google::protobuf::FieldDescriptor;

  // Of entries of maps, which have no place for marks of their own.
  struct EntryMarks {
    std::string in;
    bool several;
    std::vector<Occurrence> unknown;
    std::vector<Unparsed> unparsed;
  };

  // The members of an object: fields, then marks.
  void Members(const DecodedMessage& message, const char* invalid);
  void Marks(const DecodedMessage& message, size_t first_entry_mark, const char* invalid);
  void Names(const char* mark, const std::vector<std::string>& names);
  void Map(const DecodedMessage& message, const DecodedField& field);
  void NoteEntry(const Field& map, const MapEntry& key, const DecodedMessage& entry);
  void TooDeep(OccurrenceRange parts);
  void Enum(const Field& field, int32_t number);
  // Whether no more is to be written, where there is more.
  bool Full();
  // Says so in the object, or the array, that is open.
  void CutObject();
  void CutArray();

  // The form of a well-known type. False if there is none, with the reason if it is that the value is not valid.
  bool WellKnown(WellKnownType kind, const DecodedMessage& message, const char** invalid);
  bool Time(WellKnownType kind, const DecodedMessage& message, const char** invalid);
  bool FieldMask(const DecodedMessage& message, const char** invalid);
  bool Struct(const DecodedMessage& message);
  bool Value(const DecodedMessage& message, const char** invalid);
  void ListValue(const DecodedMessage& message);
  void Wrapper(const DecodedMessage& message);
  bool Any(const DecodedMessage& message, const char** invalid);
  void AnyContent(const DecodedMessage& any, const google::protobuf::Descriptor& type, OccurrenceRange value);

  MessageReader& reader_;
  JsonWriter& json_;
  std::vector<EntryMarks> entry_marks_;
  PrintFindings findings_;
};

// The name of a field in JSON: its own; of an extension its full name in brackets.
std::string FieldName(const google::protobuf::FieldDescriptor& field);
// The key of an entry as the name of a member, escaped. Names that begin with one "@" are marks: an "@" that a key
// begins with is doubled.
std::string KeyName(const google::protobuf::FieldDescriptor& map, const MapEntry& entry);

// What an Any holds, by the name behind the last slash of its URL; null if that is not known.
const google::protobuf::Descriptor* AnyType(const MessageTypes& types, std::string_view url);
// The value that counts of a field of an Any.
OccurrenceRange AnyField(const DecodedMessage& any, uint32_t number);

// The field of a google.protobuf.Value that is set; null if none is.
const DecodedField* ValueKind(const DecodedMessage& value);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_TREE_PRINTER_H_
