// Checks a whole store with the independent verifier.
#ifndef SALLYPORT_TESTS_RECORDER_VERIFIED_STORE_H_
#define SALLYPORT_TESTS_RECORDER_VERIFIED_STORE_H_

#include <catch2/catch.hpp>
#include <string>

#include "recorder/keys/store_keys.h"
#include "recorder/verify/verifier.h"

namespace sallyport::recorder {

// Fails the test unless the store verifies, its contents included. Its keyring is beside it.
inline void CheckVerifies(const std::string& store) {
  auto keys = StoreKeys::Open(StoreLayout(store), std::nullopt);
  REQUIRE(keys.ok());
  VerifyOptions options;
  options.directory = store;
  options.keys = keys->get();
  auto report = VerifyStore(options);
  REQUIRE(report.ok());
  for (const Finding& finding : report->findings) {
    INFO(finding.Line());
    CHECK(finding.weight == Finding::Weight::kNote);
  }
  CHECK(report->verified());
  CHECK(report->index_checked);
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_VERIFIED_STORE_H_
