// Finds where two messages differ, and says it readably.
#ifndef SALLYPORT_REPLAY_REPLAYER_MESSAGE_DIFF_H_
#define SALLYPORT_REPLAY_REPLAYER_MESSAGE_DIFF_H_

#include <string>
#include <string_view>
#include <vector>

#include "policy/descriptors/descriptors.h"

namespace sallyport::replay {

// One thing that is not as recorded. All members are text for people, without bytes that a terminal would act on.
struct Difference {
  std::string where;     // such as "status", "trailer x-cost", "frame 0 payment.id"
  std::string recorded;  // "none" where there was nothing
  std::string replayed;
};

struct MessageContext {
  std::string where;   // in front of each difference's path, such as "frame 0"
  std::string method;  // "/package.Service/Method"
  policy::MessageSide side = policy::MessageSide::kResponse;
  const policy::Descriptors* descriptors = nullptr;  // null if none are known
  // Globs over paths such as "payment.items[2].name"; what they match, with all below it, is not compared.
  std::vector<std::string> ignored_fields;
};

// The differences between two messages: where the descriptors know the message as policy::CompareMessages finds them,
// else the first byte that differs with what stands around it. No more than `most` of them, the last then saying how
// many more there are. Empty if they mean the same: the order of map entries, say, does not count.
std::vector<Difference> CompareMessages(const MessageContext& context, std::string_view recorded,
                                        std::string_view replayed, size_t most = 20);

// A message for one line: as policy::MessagePrinter shows it where a descriptor knows it, else its size and first
// bytes.
std::string MessageText(const MessageContext& context, std::string_view message, size_t most_characters = 200);

// Text from outside for one line of a terminal: escaped, and cut after `most` bytes.
std::string SafeText(const std::string& text, size_t most = 200);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_MESSAGE_DIFF_H_
