// Catch2's version 3 under the name and with the words of version 2.
#ifndef SALLYPORT_TESTS_CATCH2_V3_CATCH_HPP_
#define SALLYPORT_TESTS_CATCH2_V3_CATCH_HPP_

#include <catch2/catch_all.hpp>
#include <string>

namespace Catch {
inline auto Contains(const std::string& text) { return Matchers::ContainsSubstring(text); }
}  // namespace Catch

#endif  // SALLYPORT_TESTS_CATCH2_V3_CATCH_HPP_
