// Tells when a file that somebody else reads is to be read again.
#ifndef SALLYPORT_GATEWAY_FILES_CHANGED_FILE_H_
#define SALLYPORT_GATEWAY_FILES_CHANGED_FILE_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "recorder/system/private_file.h"

namespace sallyport::gateway {

// Remembers what the file looked like before it was last read, symbolic links followed. For readers that have other
// reasons to read it, too; those that only read what has changed use FileWatcher. Not thread-safe.
class ChangedFile {
 public:
  // How often Look looks. A file that was changed is left alone until it looks the same twice.
  static constexpr absl::Duration kInterval = absl::Seconds(1);
  // When what was refused is to be read again although it looks the same: what it names may have come since.
  static constexpr absl::Duration kAgain = absl::Minutes(1);

  explicit ChangedFile(std::string path) : path_(std::move(path)) {}

  // It is about to be read: what changes from now on is seen by later looks.
  void Reading();
  // It was read at `now` and is not in force.
  void Refused(absl::Time now) { again_ = now + kAgain; }

  // Whether it is to be read. Costs nothing when called more often than every kInterval.
  bool Look(absl::Time now);

 private:
  using Version = std::optional<recorder::FileVersion>;  // nullopt for no file

  Version Now() const;

  const std::string path_;
  Version read_;
  Version seen_;
  absl::Time next_look_ = absl::InfinitePast();
  absl::Time again_ = absl::InfiniteFuture();
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_FILES_CHANGED_FILE_H_
