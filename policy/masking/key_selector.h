// What stands in brackets behind a name in a field glob: which messages are meant, by a field of theirs that is a key.
#ifndef SALLYPORT_POLICY_MASKING_KEY_SELECTOR_H_
#define SALLYPORT_POLICY_MASKING_KEY_SELECTOR_H_

#include <google/protobuf/descriptor.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace sallyport::policy {

// One value of a key, or with `glob` all that a glob matches.
struct KeyPattern {
  std::string text;
  bool glob = false;
};

// `[field=a|b]`, or `[a|b]` for the field `key`: one of the patterns matches what is in the field. In quotes of either
// kind, characters stand for themselves, and \" \' \\ for the second of theirs; without quotes, `*` and `?` are those
// of globs. A value.
struct KeySelector {
  std::string field;
  std::vector<KeyPattern> patterns;
  std::string text;  // as it was read, brackets and all

  // Reads one at `*at` in `text`, where its bracket is, and moves `*at` past it. INVALID_ARGUMENT says what is wrong.
  static absl::StatusOr<KeySelector> Parse(std::string_view text, size_t* at);
};

// A string, bytes, a number that is none with a point, or a boolean; and one, not several.
bool CanBeKey(const google::protobuf::FieldDescriptor& field);

// What a selector looks at in messages of that type: null if it has no such field, or one that cannot be a key. Of an
// Any there is none: what is in it stands in its place.
const google::protobuf::FieldDescriptor* KeyFieldOf(const google::protobuf::Descriptor& type,
                                                    const KeySelector& selector);

// Whether the field may hold what the pattern says: of numbers and booleans, what their decimal and `true` or `false`
// look like. Of a glob that is taken to be so.
bool MayHold(const google::protobuf::FieldDescriptor& field, const KeyPattern& pattern);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_KEY_SELECTOR_H_
