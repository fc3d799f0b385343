// What somebody who reads the record may see of it.
#ifndef SALLYPORT_REPLAY_VIEW_READER_RIGHTS_H_
#define SALLYPORT_REPLAY_VIEW_READER_RIGHTS_H_

#include <memory>
#include <string>
#include <vector>

#include "policy/roles.h"
#include "recorder/index/call_scope.h"

namespace sallyport::policy {
class ReaderMasks;  // policy/masking/reader_masks.h
}  // namespace sallyport::policy

namespace sallyport::replay {

// A value. What is made without arguments sees nothing.
struct ReaderRights {
  // Who that is, as CallSummary.identity has it: page tokens are worth something to the same reader only.
  std::string reader;
  // What masks know of it: the subject, empty for an anonymous reader, and its groups.
  std::string subject;
  std::vector<std::string> groups;
  // Calls that it may see. Whoever is to see no looks but its own has `but_methods` here.
  recorder::CallScope scope;
  // Of which kind the role is that gives it each of the scope's parts, in their order.
  std::vector<policy::RoleKind> kinds;
  // What is hidden from it in these calls. Null: nothing.
  std::shared_ptr<const policy::ReaderMasks> masks;
  // Who has seen what: ListLooks, Filter.accessed_by. Auditors.
  bool sees_looks = false;
  // The store as a whole: VerifyStore, and all of Gaps. Auditors and operators.
  bool sees_store = false;
  // Numbers of all calls, whatever `scope` says, as long as they tell nothing of callers: Statistics, ListMethods.
  // Operators.
  bool sees_numbers = false;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_READER_RIGHTS_H_
