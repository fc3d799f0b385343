// Globs over where a field is, as masks and content rules use them.
#ifndef SALLYPORT_POLICY_MASKING_FIELD_GLOB_H_
#define SALLYPORT_POLICY_MASKING_FIELD_GLOB_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace sallyport::policy {

// A glob over a type's full name and the names of fields from there on, joined with dots. `*` stands for one name or a
// part of one, and in the first place, alone, for any type; `**` for any number of names, at the end for at least one.
// A value.
class FieldGlob {
 public:
  // INVALID_ARGUMENT says what is wrong.
  static absl::StatusOr<FieldGlob> Parse(std::string_view text);

  const std::string& text() const { return text_; }  // as it was parsed

  // How far a path has been followed: numbers of the parts that may come next, in order and each once.
  using Places = std::vector<uint16_t>;
  // At a type, before its fields.
  Places AtType(std::string_view full_name) const;
  // After one more field.
  Places After(const Places& places, std::string_view field) const;
  // The path ends here and is what the glob means. `by_wildcard` is true if only a `**` at the end says so.
  bool Accepts(const Places& places, bool* by_wildcard) const;
  // Whatever the next field is called, it is meant.
  bool AcceptsAnyNext(const Places& places) const;

 private:
  static constexpr char kAnyNumber[] = "**";
  void Add(uint16_t place, Places* places) const;
  Places Step(const Places& places, std::string_view name) const;

  std::string text_;
  std::vector<std::string> parts_;
  bool any_type_ = false;  // the first part is `*`
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_FIELD_GLOB_H_
