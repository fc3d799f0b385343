// Which of some keys a message has, as the wire has it: what masks and content rules for entries chosen by key ask.
#ifndef SALLYPORT_POLICY_MASKING_KEY_TABLE_H_
#define SALLYPORT_POLICY_MASKING_KEY_TABLE_H_

#include <google/protobuf/descriptor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "policy/masking/key_selector.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {

// One thing that may be so of a message: its field holds what one of the patterns matches.
struct KeyCondition {
  const google::protobuf::FieldDescriptor* field = nullptr;  // one that CanBeKey
  std::vector<KeyPattern> patterns;
};

// Conditions on messages of one type, and every set of them that one message may fulfil. Sets are bits in the order of
// the conditions. A value, thread-safe once it is made; the descriptors must outlive it.
class KeyTable {
 public:
  // RESOURCE_EXHAUSTED if there are more than 64 conditions, or too many sets.
  static absl::StatusOr<KeyTable> Create(const std::vector<KeyCondition>& conditions);

  // In order, each once.
  const std::vector<uint64_t>& outcomes() const { return outcomes_; }
  size_t bytes() const;  // about how much memory it takes

  // The place in outcomes() of what holds for the message that follows, or with `group` for what is left of a group of
  // that number. Of a key that comes several times each occurrence counts, since one of them is what parsers take; of
  // one that does not come, its default. Nothing if that can't be said: it does not parse, a text is not UTF-8, which
  // parsers read in different ways, or several occurrences fulfil what one can't. `depth` is for groups in it;
  // `*looked` grows by the bytes of a group, which somebody may have looked through before.
  std::optional<size_t> Outcome(WireReader reader, uint32_t group, int depth, size_t* looked) const;

 private:
  struct Key {
    const google::protobuf::FieldDescriptor* field = nullptr;
    absl::flat_hash_map<std::string, uint64_t> literals;  // with what globs say of them
    std::vector<std::pair<std::string, uint64_t>> globs;
    uint64_t absent = 0;               // what holds where it does not come
    std::vector<uint32_t> displacing;  // fields after which it is absent: the others of its oneof
  };
  uint64_t Matched(const Key& key, std::string_view text, bool* known) const;
  bool ReadKey(const Key& key, WireReader& reader, uint64_t* matched) const;
  static Key KeyOf(const google::protobuf::FieldDescriptor& field, const std::vector<KeyCondition>& conditions);
  static absl::Status AddOutcomes(const Key& key, const std::vector<KeyCondition>& conditions,
                                  std::vector<uint64_t>* outcomes);

  std::vector<Key> keys_;
  std::vector<uint64_t> outcomes_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_KEY_TABLE_H_
