#include "replay/view/exact_text.h"

#include "protos/utf8.h"

namespace sallyport::replay {

void SetText(std::string_view bytes, const char* name, std::string* text, ExactBytes* exact) {
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  text->clear();
  text->reserve(bytes.size());
  bool is_text = true;
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = Utf8CharacterSize(bytes, at);
    is_text = is_text && size != 0;
    text->append(size == 0 ? kReplacement : bytes.substr(at, size));
    at += size == 0 ? 1 : size;
  }
  if (!is_text) (*exact)[name] = std::string(bytes);
}

const std::string& ExactText(const std::string& text, const char* name, const ExactBytes& exact) {
  const auto bytes = exact.find(name);
  return bytes == exact.end() ? text : bytes->second;
}

}  // namespace sallyport::replay
