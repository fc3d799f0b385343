// Globs over where a field is, as masks and content rules use them.
#ifndef SALLYPORT_POLICY_MASKING_FIELD_GLOB_H_
#define SALLYPORT_POLICY_MASKING_FIELD_GLOB_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "policy/masking/key_selector.h"

namespace sallyport::policy {

// A glob over a type's full name and the names of fields from there on, joined with dots. `*` stands for one name or a
// part of one, and in the first place, alone, for any type; `**` for any number of names, at the end for at least one.
// Behind the name of a type, or of a field that holds messages, a selector in brackets says which messages are meant;
// at the end it means their field `value`. A value.
class FieldGlob {
 public:
  // INVALID_ARGUMENT says what is wrong.
  static absl::StatusOr<FieldGlob> Parse(std::string_view text);

  const std::string& text() const { return text_; }  // as it was parsed
  // The same with another last name; empty if that is not written, being the `value` of a selector.
  std::string EndingIn(std::string_view name) const;
  std::string_view last_name() const { return parts_.back(); }
  bool has_selectors() const { return !selectors_.empty(); }

  // How far a path has been followed: numbers of the parts that may come next, in order and each once. Those that wait
  // for the message that has been reached to be what a selector says are told apart from those that do not.
  using Places = std::vector<uint16_t>;
  // At a type, before its fields.
  Places AtType(std::string_view full_name) const;
  // The selector that a place waits for; null if it waits for none.
  const KeySelector* WaitsFor(uint16_t place) const;
  bool AnyWaits(const Places& places) const;
  // The places once it is known which selectors hold: those that wait for one that does not are left out.
  Places Decided(const Places& places, absl::FunctionRef<bool(uint16_t place, const KeySelector&)> holds) const;
  // After one more field. Of the places before it none waits.
  Places After(const Places& places, std::string_view field) const;
  // The path ends here and is what the glob means. `by_wildcard` is true if only a `**` at the end says so.
  bool Accepts(const Places& places, bool* by_wildcard) const;
  // Whatever the next field is called, it is meant. None of the places waits.
  bool AcceptsAnyNext(const Places& places) const;
  // What is to follow once a place no longer waits, as text: equal where the same follows.
  std::string RestFrom(uint16_t place) const;

 private:
  static constexpr char kAnyNumber[] = "**";
  static constexpr uint16_t kWaiting = 0x8000;  // added to a place's number
  absl::Status AddPart(std::string_view part);
  // Adds a place, and those that are reached from it without another name.
  void Add(uint16_t place, Places* places) const;
  // Adds the place behind a name. If there is a selector behind the name, it waits for that.
  void Arrive(uint16_t place, Places* places) const;
  Places Step(const Places& places, std::string_view name) const;

  std::string text_;
  size_t last_at_ = 0;  // where the last name begins in it; past its end if it is not written
  std::vector<std::string> parts_;
  std::map<uint16_t, KeySelector> selectors_;  // by the place behind the name that they are at
  bool any_type_ = false;                      // the first part is `*`
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_FIELD_GLOB_H_
