// The index's content as text, to compare.
#ifndef SALLYPORT_TESTS_RECORDER_INDEX_DUMP_H_
#define SALLYPORT_TESTS_RECORDER_INDEX_DUMP_H_

#include <string>

namespace sallyport::recorder {

// What the index says, with sealed names in place of their numbers: the same for indexes that say the same, whatever
// the order in which they came to know it.
std::string DumpIndex(const std::string& store);
std::string DumpIndexFile(const std::string& path);

// Runs SQL on the index of a store that nobody has open.
void ExecuteOnIndex(const std::string& store, const std::string& sql);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_INDEX_DUMP_H_
