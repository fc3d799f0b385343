// Which calls somebody may be told of.
#ifndef SALLYPORT_RECORDER_INDEX_CALL_SCOPE_H_
#define SALLYPORT_RECORDER_INDEX_CALL_SCOPE_H_

#include <optional>
#include <string>
#include <vector>

namespace sallyport::recorder {

// A value. Calls beyond a scope are, to whoever asks, not there: they are neither listed nor counted, and cost no time
// that would tell of them.
struct CallScope {
  // Every condition that is there must hold; in a list, one element is enough.
  struct Part {
    std::optional<std::string> own;        // exactly this CallSummary::identity
    std::vector<std::string> identities;   // globs over CallSummary::identity
    std::vector<std::string> methods;      // globs over CallSummary::method
    std::vector<std::string> upstreams;    // globs over CallSummary::upstream
    std::vector<std::string> but_methods;  // globs over methods that are not meant

    // Without conditions it has all calls, shredded ones too; those match no condition.
    bool everything() const {
      return !own.has_value() && identities.empty() && methods.empty() && upstreams.empty() && but_methods.empty();
    }
  };
  std::vector<Part> parts;  // one that holds is enough; without any there is no call
};

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_INDEX_CALL_SCOPE_H_
