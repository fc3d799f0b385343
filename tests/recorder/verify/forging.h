// Stores that say something else than what is, made to fit, and who must notice.
#ifndef SALLYPORT_TESTS_RECORDER_VERIFY_FORGING_H_
#define SALLYPORT_TESTS_RECORDER_VERIFY_FORGING_H_

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/recorder/verify/verifier_fixture.h"

namespace sallyport::recorder {

enum class Who {
  kAnybody,    // who has the store, without keys
  kKeyHolder,  // who can open the blocks
  kNobody,     // it contradicts nothing that is recorded
};

inline void CheckNoticed(const std::string& what, Store& store, Who who) {
  INFO(what);
  const VerifyReport without = store.Verify(false);
  const VerifyReport with = store.Verify(true);
  INFO("without keys:\n" << Findings(without) << "with keys:\n" << Findings(with));
  CHECK(without.verified() == (who != Who::kAnybody));
  CHECK(with.verified() == (who == Who::kNobody));
}

// The lie is told in the second of three segments, or in one block of it.
inline void Forge(const std::string& what, Who who, const std::function<void(ForgedStore::Lies&)>& lie,
                  const std::function<void(ForgedStore&)>& second = nullptr) {
  Store store;
  store.log.BeginSegment();
  store.log.AddEntries(WholeCall(11));
  store.log.AddEntries({StartEntry(12), FrameEntry(12, v1::DIRECTION_REQUEST, 0, "one")});
  store.log.AddEntries({StartEntry(14)});
  store.log.CloseSegment();
  lie(store.log.lies);
  store.log.BeginSegment();
  store.log.lies.segment_header = nullptr;
  if (second) {
    second(store.log);
  } else {
    std::vector<v1::Entry> mixed = WholeCall(13);
    mixed.push_back(FrameEntry(12, v1::DIRECTION_REQUEST, 1, "two"));
    store.log.AddEntries(mixed);
  }
  const ForgedStore::Lies lies = std::exchange(store.log.lies, {});
  store.log.AddEntries({EndEntry(12, 2, 0, 6, 0)});
  store.log.lies.footer = lies.footer;
  store.log.CloseSegment();
  store.log.lies = {};
  store.log.BeginSegment();
  store.log.AddEntries({EndEntry(14, 0, 0, 0, 0)});
  store.log.AddEntries(WholeCall(15));
  store.log.Write(store.directory.store());
  CheckNoticed(what, store, who);
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_VERIFY_FORGING_H_
