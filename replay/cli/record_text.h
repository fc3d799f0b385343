// The record of a call as people read it.
#ifndef SALLYPORT_REPLAY_CLI_RECORD_TEXT_H_
#define SALLYPORT_REPLAY_CLI_RECORD_TEXT_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

enum class FrameExtent {
  kBounded,  // long messages are cut, with a line that says so
  kWhole,
};

// Writes one call to `out`, event by event, of which messages are indented JSON; nothing it writes acts on a terminal.
// Lives for one call.
class RecordText {
 public:
  RecordText(std::ostream* out, FrameExtent extent) : out_(*out), extent_(extent) {}

  // What stands above the events: who called what, and how it ended as far as `summary` knows.
  void Beginning(const v1::CallBeginning& beginning, const v1::CallSummary& summary);
  // Any event but the beginning.
  void Event(const v1::Event& event);

 private:
  void Field(const std::string& name, const std::string& value);
  void Metadata(const google::protobuf::RepeatedPtrField<v1::MetadataPair>& metadata, const std::string& indent);
  void Frame(const v1::Event& event);
  void FrameMessage(const v1::FrameEvent& frame);
  void Decision(const v1::Event& event);
  void End(const v1::EndEvent& end);
  // The line of an event: when it happened, and what.
  void Title(const v1::Event& event, const std::string& text);
  // Indented lines, cut where the extent asks for it.
  void Lines(const std::string& text);

  std::ostream& out_;
  FrameExtent extent_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_RECORD_TEXT_H_
