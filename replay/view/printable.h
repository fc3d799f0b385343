// Recorded text made safe to be shown.
#ifndef SALLYPORT_REPLAY_VIEW_PRINTABLE_H_
#define SALLYPORT_REPLAY_VIEW_PRINTABLE_H_

#include <string>
#include <string_view>

namespace sallyport::replay {

// `text` with everything escaped that a terminal would act on or that would mislead a reader: control characters (C0,
// DEL, C1) and all else that does not show as itself (protos/visible_text.h), as \u2028; bytes that are not UTF-8 as
// \xff. A backslash stays as it is. Recorded bytes go to people through this and nothing else.
std::string Printable(std::string_view text);
// The same, with line feeds kept.
std::string PrintableLines(std::string_view text);

// How many columns printable text takes, an East Asian wide character counting two.
size_t DisplayWidth(std::string_view text);
// At most `columns` wide, with an ellipsis where something was cut from the end, or from the middle.
std::string CutEnd(const std::string& text, size_t columns);
std::string CutMiddle(const std::string& text, size_t columns);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_PRINTABLE_H_
