#include "policy/masking/text_scan.h"

namespace sallyport::policy {

Separator SeparatorAt(std::string_view text, size_t at) {
  struct Known {
    std::string_view bytes;
    char kind;
  };
  constexpr Known kOthers[] = {{"\xc2\xa0", ' '},       // no-break space
                               {"\xe2\x80\x87", ' '},   // figure space
                               {"\xe2\x80\x89", ' '},   // thin space
                               {"\xe2\x80\xaf", ' '},   // narrow no-break space
                               {"\xe3\x80\x80", ' '},   // ideographic space
                               {"\xe2\x80\x90", '-'},   // hyphen
                               {"\xe2\x80\x91", '-'},   // non-breaking hyphen
                               {"\xe2\x80\x92", '-'},   // figure dash
                               {"\xe2\x80\x93", '-'},   // en dash
                               {"\xe2\x80\x94", '-'},   // em dash
                               {"\xe2\x88\x92", '-'}};  // minus
  const char c = At(text, at);
  if (c == ' ' || c == '-') return {c, 1};
  if (static_cast<unsigned char>(c) < 0x80) return {};
  for (const Known& known : kOthers) {
    if (text.substr(at, known.bytes.size()) == known.bytes) return {known.kind, known.bytes.size()};
  }
  return {};
}

}  // namespace sallyport::policy
