// The index's content as text, to compare.
#ifndef SALLYPORT_TESTS_RECORDER_INDEX_DUMP_H_
#define SALLYPORT_TESTS_RECORDER_INDEX_DUMP_H_

#include <string>

namespace sallyport::recorder {

// Every row of every table, with names in place of their numbers.
std::string DumpIndex(const std::string& store);

// Runs SQL on the index of a store that nobody has open.
void ExecuteOnIndex(const std::string& store, const std::string& sql);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_RECORDER_INDEX_DUMP_H_
