// Patterns over names.
#ifndef SALLYPORT_RECORDER_INDEX_SQLITE_GLOB_H_
#define SALLYPORT_RECORDER_INDEX_SQLITE_GLOB_H_

#include <string_view>

namespace sallyport::recorder {

// Whether `text` matches `pattern`, in which `*` stands for any run of bytes and `?` for any one. Linear in memory, at
// worst quadratic in time.
bool GlobMatches(std::string_view pattern, std::string_view text);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_SQLITE_GLOB_H_
