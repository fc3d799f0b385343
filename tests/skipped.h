// What a test cannot look at on this machine.
#ifndef SALLYPORT_TESTS_SKIPPED_H_
#define SALLYPORT_TESTS_SKIPPED_H_

#include <string>

namespace sallyport::testing {

// Of a test program that held, and left something out; ctest then says that the test was skipped.
inline constexpr int kSkippedStatus = 77;

// Says so for the test case at hand, which then returns. `why` is what the machine lacks.
void Skip(const std::string& why);

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_SKIPPED_H_
