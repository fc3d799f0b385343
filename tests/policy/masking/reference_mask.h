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

// Whether a glob of the policy means a path: a type's full name and at least one field from there on. `whole` is false
// if only a `**` at the end says so.
bool ReferenceMatches(const std::string& glob, const std::string& type, const std::vector<std::string>& fields,
                      bool* whole);

// Bytes fields whose option (t.sensitive) says that they hold a message must hold one; it comes out in canonical order
// and without unknown fields.
void ApplyReference(const std::vector<ReferenceRule>& rules, const MaskKey& key, google::protobuf::Message* message);

// Where in `message` something stands that nobody knows and that should not: unknown fields, anywhere if there are
// detectors and otherwise in messages with fields that a rule means; bytes that hold a message of an unknown type.
// Empty: nowhere.
std::string MisplacedUnknown(const std::vector<ReferenceRule>& rules, const google::protobuf::Message& message);

// For comparing: removes unknown fields, and puts messages in bytes fields that hold them into canonical order.
void Normalize(google::protobuf::Message* message);

// Says where two messages differ; empty if they are equal.
std::string DifferenceOf(const google::protobuf::Message& expected, const google::protobuf::Message& found);

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MASKING_REFERENCE_MASK_H_
