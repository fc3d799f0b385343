// Which names may stand in records, logs and terminals.
#ifndef SALLYPORT_GATEWAY_IDENTITY_PRINTABLE_TEXT_H_
#define SALLYPORT_GATEWAY_IDENTITY_PRINTABLE_TEXT_H_

#include <cstddef>
#include <string_view>

namespace sallyport::gateway {

// True for well-formed UTF-8 of 1 to `most` bytes in which every character shows (protos/visible_text.h), with no
// blanks but inner ASCII spaces. So that no two names that look the same differ in what cannot be seen; letters of
// different alphabets that look alike are not told apart here.
bool IsPrintable(std::string_view text, size_t most);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_IDENTITY_PRINTABLE_TEXT_H_
