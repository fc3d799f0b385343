// Walks two decoded messages side by side.
#ifndef SALLYPORT_POLICY_MESSAGES_TREE_COMPARISON_H_
#define SALLYPORT_POLICY_MESSAGES_TREE_COMPARISON_H_

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "policy/messages/decoded_message.h"
#include "policy/messages/message_comparison.h"
#include "policy/messages/tree_printer.h"

namespace sallyport::policy {

// A message on both sides: its parts and the level they stand in. No parts is an empty message.
struct MessagePair {
  OccurrenceRange left;
  const DecodedMessage* left_outer;
  OccurrenceRange right;
  const DecodedMessage* right_outer;
};
struct LevelPair {
  const DecodedMessage& left;
  const DecodedMessage& right;
};

// Lives for one comparison. Recursion is bounded by kMostNesting.
class TreeComparison {
 public:
  TreeComparison(MessageReader& left, MessageReader& right, const ComparisonBounds& bounds)
      : left_(left), right_(right), bounds_(bounds) {}

  void Messages(const google::protobuf::Descriptor& type, const MessagePair& pair);

  MessageDifferences Take() { return std::move(differences_); }

 private:
  using pb_field = google::protobuf::FieldDescriptor;
  // Writes a value of one side.
  using Write = absl::FunctionRef<void(TreePrinter&, JsonWriter&)>;

  // One more name at the end of the path, for as long as it lives.
  class Step {
   public:
    Step(TreeComparison& comparison, std::string_view name);
    Step(TreeComparison& comparison, size_t index);
    ~Step();
    Step(const Step&) = delete;
    Step& operator=(const Step&) = delete;

   private:
    TreeComparison& comparison_;
    const size_t length_;
  };

  void Fields(const LevelPair& levels);
  void Field(const LevelPair& levels, const DecodedField& left, const DecodedField& right);
  void OneSided(const DecodedMessage& level, const DecodedField& field, bool is_left);
  void Elements(const LevelPair& levels, const pb_field& field, OccurrenceRange left, OccurrenceRange right);
  void ScalarLists(const pb_field& field, OccurrenceRange left, OccurrenceRange right);
  void Maps(const LevelPair& levels, const pb_field& map, OccurrenceRange left, OccurrenceRange right);
  void MapEntryPair(const LevelPair& levels, const pb_field& map, uint32_t left, uint32_t right);
  void MapEntryAlone(const DecodedMessage& level, const pb_field& map, uint32_t entry, bool is_left);
  void EntryValues(const LevelPair& entries, const pb_field& value);
  // Unknown fields and what is not parsed.
  void Extras(const LevelPair& levels);
  void UnknownFields(const LevelPair& levels);
  void NotParsed(const LevelPair& levels);

  bool WellKnown(const LevelPair& levels);
  void Any(const LevelPair& levels);
  void Value(const LevelPair& levels);
  // Compares all fields of a message that is shown as one value.
  void AsOne(const LevelPair& levels);

  bool SameText(const Occurrence& left, const Occurrence& right) const {
    return left_.bytes(left) == right_.bytes(right);
  }
  static bool SameScalar(const pb_field& field, uint64_t left, uint64_t right);
  bool done() const { return quiet_ > 0 && found_; }

  // There is a difference at the path as it is.
  void AddDifference(std::optional<Write> left, std::optional<Write> right);
  std::string Text(MessageReader& reader, Write write) const;

  MessageReader& left_;
  MessageReader& right_;
  const ComparisonBounds& bounds_;
  MessageDifferences differences_;
  std::string path_;
  std::vector<size_t> steps_;  // how long the path is after each
  int quiet_ = 0;              // nothing is told, only found
  bool found_ = false;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MESSAGES_TREE_COMPARISON_H_
