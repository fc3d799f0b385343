// The descriptors that were in force when calls were recorded.
#ifndef SALLYPORT_REPLAY_KNOWN_DESCRIPTORS_H_
#define SALLYPORT_REPLAY_KNOWN_DESCRIPTORS_H_

#include <map>
#include <memory>
#include <string>

#include "policy/descriptors/descriptors.h"
#include "recorder/record_reader.h"

namespace sallyport::replay {

// Reads each version once from a store. Not thread-safe; must not outlive the reader.
class KnownDescriptors {
 public:
  explicit KnownDescriptors(recorder::RecordReader& reader) : reader_(reader) {}

  // Null if `version` is empty, or cannot be read; the latter is said on stderr, once for each version.
  const policy::Descriptors* Find(const std::string& version);

 private:
  recorder::RecordReader& reader_;
  std::map<std::string, std::shared_ptr<const policy::Descriptors>> versions_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_KNOWN_DESCRIPTORS_H_
