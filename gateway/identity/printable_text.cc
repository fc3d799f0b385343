#include "gateway/identity/printable_text.h"

#include "protos/visible_text.h"

namespace sallyport::gateway {

bool IsPrintable(std::string_view text, size_t most) {
  if (text.empty() || text.size() > most || text.front() == ' ' || text.back() == ' ') return false;
  while (!text.empty()) {
    const Character character = FirstCharacter(text);
    if (!character.valid || IsHidden(character.point)) return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

}  // namespace sallyport::gateway
