// Masks the slow and obvious way: on a parsed message, by reflection, with paths as texts.
#ifndef SALLYPORT_TESTS_POLICY_MASKING_REFERENCE_MASK_H_
#define SALLYPORT_TESTS_POLICY_MASKING_REFERENCE_MASK_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "policy/masking/mask_action.h"

namespace sallyport::policy {

struct ReferenceRule {
  std::vector<std::string> globs;
  MaskAction action;
  bool detects = false;  // payment cards, wherever they stand
};

// A place in messages: a type and the field that leads on from it, in a message, which is as it was before masks.
struct ReferenceStep {
  std::string type;
  std::string field;
  const google::protobuf::Message* message = nullptr;  // without one no selector holds
};

// What is taken to be so where a glob asks for a key.
enum class ReferenceKeys {
  kAsTheyAre,
  kAnyAtTheEnd,  // that the path's last message may have at all
};

// Whether a glob of the policy means the path from its step `from` on. `whole` is false if only a `**` at the end says
// so. Keys in brackets must have no quotes, brackets or spaces.
bool ReferenceMeans(const std::string& glob, const std::vector<ReferenceStep>& path, size_t from, ReferenceKeys keys,
                    bool* whole);

// The same of a glob without keys and a path of no messages: a type's full name and at least one field from there on.
bool ReferenceMatches(const std::string& glob, const std::string& type, const std::vector<std::string>& fields,
                      bool* whole);

// Bytes fields whose option (t.sensitive) says that they hold a message must hold one; it comes out in canonical order
// and without unknown fields.
void ApplyReference(const std::vector<ReferenceRule>& rules, const MaskKey& key, google::protobuf::Message* message);

// Where in `message` something stands that nobody knows and that should not: unknown fields, anywhere if there are
// detectors and otherwise in messages with fields that a rule means, or would with other keys in the message; bytes
// that hold a message of an unknown type. Empty: nowhere. Keys must be as they were before masks.
std::string MisplacedUnknown(const std::vector<ReferenceRule>& rules, const google::protobuf::Message& message);

// For comparing: removes unknown fields, and puts messages in bytes fields that hold them into canonical order.
void Normalize(google::protobuf::Message* message);

// Says where two messages differ; empty if they are equal.
std::string DifferenceOf(const google::protobuf::Message& expected, const google::protobuf::Message& found);

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MASKING_REFERENCE_MASK_H_
