// What every index has to do, whatever keeps it: a suite that each IndexEngine is held to.
#ifndef SALLYPORT_TESTS_RECORDER_INDEX_INDEX_CONTRACT_H_
#define SALLYPORT_TESTS_RECORDER_INDEX_INDEX_CONTRACT_H_

#include <functional>
#include <memory>
#include <string>

#include "recorder/format/store_layout.h"
#include "recorder/index/call_index.h"

namespace sallyport::recorder {

// Makes the engine of an index that belongs to this store, of which nothing but the directory is there.
using MakeEngine = std::function<std::unique_ptr<IndexEngine>(const StoreLayout&)>;

// All that an index says of its calls and sessions, as text.
std::string DumpSearch(IndexEngine& engine);

// Each is a test: an index that took in the log as it grew says what one says that is made from what is left of it.
void CheckRebuiltEqualsLive(const MakeEngine& make_engine);
void CheckShreddedEqualsRebuilt(const MakeEngine& make_engine);
void CheckDeletedEqualsRebuilt(const MakeEngine& make_engine);
// What was not committed comes again, and what was removed is gone.
void CheckUncommittedIsAppliedAgain(const MakeEngine& make_engine);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_INDEX_INDEX_CONTRACT_H_
