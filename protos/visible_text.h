// Which characters of a text show, for names, logs and terminals: one table for all, libutf8proc's.
#ifndef SALLYPORT_PROTOS_VISIBLE_TEXT_H_
#define SALLYPORT_PROTOS_VISIBLE_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport {

struct Character {
  uint32_t point = 0;
  size_t bytes = 1;    // that it takes; 1 where it is not valid
  bool valid = false;  // well-formed UTF-8: in its shortest form, no surrogate
};

// The first character of a text that is not empty.
Character FirstCharacter(std::string_view text);

// True for what does not show as itself: controls, marks that reorder or hide what stands beside them, fillers and
// variation selectors, separators and blanks other than the ASCII space, the private planes, and what is no character.
bool IsHidden(uint32_t point);

// How many columns a character takes on a terminal: 0 for one that joins the one before it, 2 for a wide one, else 1.
size_t ColumnsOf(uint32_t point);

// The character's lower case, where that is one character, as Unicode has it for all languages; in UTF-8. `point` is of
// a valid Character.
void AppendLowerCase(uint32_t point, std::string* out);

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_VISIBLE_TEXT_H_
