// What the verifier's tests share: a small forged store, and what the verifier says of it.
#ifndef SALLYPORT_TESTS_RECORDER_VERIFY_VERIFIER_FIXTURE_H_
#define SALLYPORT_TESTS_RECORDER_VERIFY_VERIFIER_FIXTURE_H_

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "recorder/format/checkpoint.h"
#include "recorder/format/store_layout.h"
#include "recorder/verify/verifier.h"
#include "tests/recorder/forged_store.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {

inline std::string KeyOf(const StoreKeys& keys) {
  return VerifierKey::Make(CheckpointOrigin(keys.store_id()), SignatureType::kEd25519, keys.signing_key().public_key())
      ->Text();
}

// Two closed segments and one that is still written, with calls in one block, over several and over segments.
inline void FillStore(ForgedStore& store, std::string_view payload = "payload") {
  store.BeginSegment();
  store.AddEntries(WholeCall(11, payload));
  store.AddEntries({StartEntry(12), FrameEntry(12, v1::DIRECTION_REQUEST, 0, "one")});
  std::vector<v1::Entry> mixed = WholeCall(13, std::string(2000, 'x'));
  mixed.push_back(FrameEntry(12, v1::DIRECTION_REQUEST, 1, "two"));
  store.AddEntries(mixed);
  store.CloseSegment();
  store.BeginSegment();
  store.AddEntries({FrameEntry(12, v1::DIRECTION_RESPONSE, 0, "three"), StartEntry(14)});
  store.AddEntries({EndEntry(12, 2, 1, 6, 5)});
  store.CloseSegment();
  store.BeginSegment();
  store.AddEntries({EndEntry(14, 0, 0, 0, 0)});
  store.AddEntries(WholeCall(15));
}

struct Store {
  explicit Store(char seed = 'a') : keys(seed), log(keys) {}

  VerifyReport Verify(bool with_keys = false, const std::string& against = "") {
    VerifyOptions options;
    options.directory = directory.store();
    options.verifier_key = KeyOf(keys);
    options.against = against;
    if (with_keys) options.keys = &keys;
    const absl::StatusOr<VerifyReport> report = VerifyStore(options);
    INFO(report.status().message());
    REQUIRE(report.ok());
    return *report;
  }
  bool Verifies(bool with_keys = false, const std::string& against = "") {
    return Verify(with_keys, against).verified();
  }
  std::string path(uint64_t segment) const { return StoreLayout(directory.store()).Segment(segment); }

  TemporaryDirectory directory;
  FakeStoreKeys keys;
  ForgedStore log;
};

inline std::string Findings(const VerifyReport& report) {
  std::string text;
  for (const Finding& finding : report.findings) absl::StrAppend(&text, finding.Line(), "\n");
  return text;
}

// The first error.
inline Finding FirstError(const VerifyReport& report) {
  REQUIRE(!report.verified());
  return report.findings.front();
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_VERIFY_VERIFIER_FIXTURE_H_
