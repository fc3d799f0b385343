// The record of a call as people read it.
#ifndef SALLYPORT_REPLAY_CLI_RECORD_TEXT_H_
#define SALLYPORT_REPLAY_CLI_RECORD_TEXT_H_

#include <cstdint>
#include <ostream>
#include <string>

#include "recorder/record_reader.h"
#include "replay/view/call_decoder.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

enum class FrameExtent {
  kBounded,  // long messages are cut, with a line that says so
  kWhole,
};

// Writes one call to `out`, entry by entry; nothing it writes acts on a terminal. Lives for one call.
class RecordText {
 public:
  RecordText(std::ostream* out, const CallDecoder* decoder, FrameExtent extent)
      : out_(*out), decoder_(*decoder), extent_(extent) {}

  // What stands above the entries: who called what, and how it ended as far as `summary` knows.
  void Start(const v1::Entry& start, const recorder::CallSummary& summary);
  // Any entry but the start. `frame_number` counts the call's frames.
  void Entry(const v1::Entry& entry, uint64_t frame_number);

 private:
  void Field(const std::string& name, const std::string& value);
  void Metadata(const google::protobuf::RepeatedPtrField<v1::Metadatum>& metadata, const std::string& indent);
  void Frame(const v1::Entry& entry, uint64_t frame_number);
  void Decision(const v1::Entry& entry);
  void End(const v1::CallEnd& end);
  void Event(const v1::Entry& entry, const std::string& text);
  // Indented lines, cut where the extent asks for it.
  void Lines(const std::string& text);

  std::ostream& out_;
  const CallDecoder& decoder_;
  FrameExtent extent_;
  uint64_t start_ns_ = 0;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_RECORD_TEXT_H_
