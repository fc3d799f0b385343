#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>
#include <iostream>
#include <set>
#include <string>

#include "tests/skipped.h"

namespace sallyport::testing {
namespace {

// Test cases and why they were left out; one of several sections says the same as another.
std::set<std::string>& Skipped() {
  static std::set<std::string> skipped;
  return skipped;
}

}  // namespace

void Skip(const std::string& why) {
  Skipped().insert(Catch::getResultCapture().getCurrentTestName() + ": " + why);
  SUCCEED("skipped: " << why);
}

}  // namespace sallyport::testing

int main(int argc, char** argv) {
  const int failed = Catch::Session().run(argc, argv);
  for (const std::string& what : sallyport::testing::Skipped()) std::cerr << "SKIPPED " << what << '\n';
  // Catch's status is how many failed, which may be any number.
  if (failed != 0) return 1;
  return sallyport::testing::Skipped().empty() ? 0 : sallyport::testing::kSkippedStatus;
}
