// What somebody who wrote a name that is not known probably meant.
#ifndef SALLYPORT_PROTOS_SUGGESTION_H_
#define SALLYPORT_PROTOS_SUGGESTION_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport {

// The one of `known` that differs least from `given`, if that is little; the first of several. Takes time with the
// product of the lengths: for names, and for people.
std::optional<std::string> Nearest(std::string_view given, const std::vector<std::string>& known);

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_SUGGESTION_H_
