// Finds the fields in the bytes of one message.
#ifndef SALLYPORT_POLICY_MESSAGES_MESSAGE_SCAN_H_
#define SALLYPORT_POLICY_MESSAGES_MESSAGE_SCAN_H_

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>

#include "policy/messages/decoded_message.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {

// Puts what a message's parts hold onto the reader's lists: values of fields that the type has, others, and what cannot
// be parsed. Groups are walked once, however deep they are nested: where inner ones end is remembered until the level
// that walked them is closed. Lives while a level is opened.
class MessageScan {
 public:
  MessageScan(MessageReader& reader, const DecodedMessage& level);

  // `part` is a copy: the list it comes from grows.
  void Scan(Occurrence part);
  // Whether what was found has come in the order of numbers.
  bool sorted() const { return sorted_; }

 private:
  using Field = google::protobuf::FieldDescriptor;

  uint32_t Offset(const char* at) const { return static_cast<uint32_t>(at - base_); }
  const Field* FindField(uint32_t number);

  // Each goes past the value of a field, or says why it cannot.
  const char* TakeScalar(WireReader& reader, uint32_t number, WireType type, const Field* field);
  const char* TakeLength(WireReader& reader, uint32_t number, const Field* field);
  const char* TakeGroup(WireReader& reader, uint32_t number, const Field* field);

  void Add(const Field* field, const Occurrence& value);
  void AddPacked(const Field& field, Occurrence value);
  // Of packed values of a closed enum: puts those that it does not name among the unknown ones. False if no others are
  // there.
  bool SortOutEnum(const Field& field, const Occurrence& value);
  bool IsUnknownEntry(const Field& map, const Occurrence& entry) const;
  void AddSetItem(const Occurrence& item);

  const char* FindGroupEnd(WireReader& reader, uint32_t number, uint32_t* end);
  const char* WalkGroup(WireReader& reader, uint32_t number);

  MessageReader& reader_;
  const DecodedMessage& level_;
  const char* const base_;
  const bool is_set_;
  bool sorted_ = true;
  uint32_t greatest_ = 0;  // number
  uint32_t last_number_ = 0;
  const Field* last_field_ = nullptr;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_MESSAGE_SCAN_H_
