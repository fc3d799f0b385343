// Checks a whole store with the independent verifier.
#ifndef SALLYPORT_TESTS_RECORDER_VERIFIED_STORE_H_
#define SALLYPORT_TESTS_RECORDER_VERIFIED_STORE_H_

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "recorder/keys/store_keys.h"
#include "recorder/record_reader.h"
#include "recorder/verify/verifier.h"

namespace sallyport::recorder {

// What the index lists, newest first.
inline std::vector<CallSummary> AllCalls(const std::string& store) {
  auto reader = RecordReader::Open(store);
  REQUIRE(reader.ok());
  CallQuery query;
  query.limit = 1'000'000;
  auto calls = (*reader)->Calls(query);
  REQUIRE(calls.ok());
  return *calls;
}

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
