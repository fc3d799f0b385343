// A list of calls, as it is printed.
#ifndef SALLYPORT_REPLAY_CLI_CALL_LIST_H_
#define SALLYPORT_REPLAY_CLI_CALL_LIST_H_

#include "replay/cli/terminal_text.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::replay {

enum class ListForm { kTable, kWideTable, kJson, kCsv };

// Prints to stdout: tables at the end, everything else as it comes. Lives for one list.
class CallList {
 public:
  explicit CallList(ListForm form);

  void Add(const v1::CallSummary& call);
  // Nothing is added after it.
  void End() const;

 private:
  const ListForm form_;
  Table table_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_CALL_LIST_H_
