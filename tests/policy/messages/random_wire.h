// Bytes of random messages of any type, written field by field: also in the ways that no serialiser chooses.
#ifndef SALLYPORT_TESTS_POLICY_MESSAGES_RANDOM_WIRE_H_
#define SALLYPORT_TESTS_POLICY_MESSAGES_RANDOM_WIRE_H_

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/policy/masking/random_messages.h"

namespace sallyport::policy {

struct RandomWireOptions {
  // Fields in any order, in parts, repeated, packed or not; oneofs with several members; numbers longer than they need
  // be. Not within well-known types, which are not in parts either.
  bool odd = false;
  bool unknown_fields = false;
  bool unknown_anys = false;   // of types that are not there
  bool unnamed_enums = false;  // numbers that open enums do not name
  bool unnamed_closed_enums = false;
  bool leave_out_required = false;
  std::vector<const google::protobuf::Descriptor*> any_types;  // what Anys may hold; they hold nothing if empty
};

class RandomWire {
 public:
  RandomWire(Chance& chance, const RandomWireOptions& options) : chance_(chance), options_(options) {}

  // Messages in it are at most `depth` deep.
  std::string Message(const google::protobuf::Descriptor& type, int depth);

 private:
  using Field = google::protobuf::FieldDescriptor;

  std::string WellKnown(const google::protobuf::Descriptor& type, int depth, bool* done);
  std::string Any(int depth);
  std::string Value(const google::protobuf::Descriptor& type, int depth);
  std::string FieldMask();
  // The pieces of one field, each a tag with its value.
  void AddField(const Field& field, int depth, std::vector<std::string>* pieces);
  std::string Entry(const Field& map, int depth);
  std::string Piece(const Field& field, int depth);
  std::string Packed(const Field& field, size_t count);
  std::string Scalar(const Field& field);
  std::string Content(const Field& field, int depth);
  std::string SetItem(const Field& extension, int depth);
  std::string Unknown();
  std::string Varint(uint64_t value);
  std::string Delimited(uint32_t number, const std::string& content);
  uint64_t Number(bool is_signed);

  Chance& chance_;
  const RandomWireOptions& options_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MESSAGES_RANDOM_WIRE_H_
