// The record of a call on a page for people.
#ifndef SALLYPORT_REPLAY_CLI_RECORD_TEXT_H_
#define SALLYPORT_REPLAY_CLI_RECORD_TEXT_H_

#include <ostream>
#include <string>
#include <string_view>

#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

enum class FrameExtent {
  kBounded,  // long messages are cut, with a line that says so
  kWhole,
};

// Lays out what event_forms.cc says: fields above, then events by their time with lines below each. Texts are already
// printable. Lives for one call.
class RecordText {
 public:
  RecordText(std::ostream* out, FrameExtent extent) : out_(*out), extent_(extent) {}

  bool bounded() const { return extent_ == FrameExtent::kBounded; }
  // The value, or its beginning if the extent asks for that.
  std::string Bounded(const std::string& value) const;

  // A line with a name; none if there is no value.
  void Field(const std::string& name, const std::string& value);
  // What ends the fields: metadata, if there is any, under a heading.
  void Section(const std::string& heading, const google::protobuf::RepeatedPtrField<v1::MetadataPair>& metadata);

  // The line of an event: when it happened, and what.
  void Title(const v1::Event& event, const std::string& text);
  // Below it: lines, metadata, and bytes in hexadecimal.
  void Lines(const std::string& text);
  void Metadata(const google::protobuf::RepeatedPtrField<v1::MetadataPair>& metadata);
  void Bytes(std::string_view bytes);

 private:
  void Pairs(const google::protobuf::RepeatedPtrField<v1::MetadataPair>& metadata, std::string_view indent);

  std::ostream& out_;
  const FrameExtent extent_;
};

// "512 B", or "1.5 KiB (1536 bytes)".
std::string Size(uint64_t bytes);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_RECORD_TEXT_H_
