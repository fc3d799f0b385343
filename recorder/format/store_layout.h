// Where everything in a data directory is. Nothing else makes these paths.
#ifndef SALLYPORT_RECORDER_FORMAT_STORE_LAYOUT_H_
#define SALLYPORT_RECORDER_FORMAT_STORE_LAYOUT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport::recorder {

// The paths of one store. A value.
class StoreLayout {
 public:
  explicit StoreLayout(std::string directory);

  const std::string& directory() const { return directory_; }
  // A number, where a release says the store's format so (store_version.h). None has written it so far.
  std::string Format() const { return directory_ + "/format"; }
  // Held by the gateway that writes the store.
  std::string OwnerLock() const { return directory_ + "/lock"; }
  // Held while the index is opened, caught up or replaced.
  std::string IndexLock() const { return directory_ + "/index.lock"; }
  std::string KeysDirectory() const { return directory_ + "/keys"; }
  std::string StoreKey() const { return directory_ + "/keys/store.key"; }
  std::string SigningKey() const { return directory_ + "/keys/signing.key"; }
  // Held while a file in the keys directory or the keyring is replaced or destroyed.
  std::string KeysLock() const { return directory_ + "/keys.lock"; }
  // The wrapped data key of a segment.
  std::string DataKey(uint64_t segment) const;
  // The same while it is destroyed, and then, empty, the mark that it was.
  std::string DestroyedDataKey(uint64_t segment) const { return DataKey(segment) + ".destroyed"; }
  // Where the keyring is unless something else is said: beside the directory, so that a copy of the directory alone
  // reveals nothing.
  std::string DefaultKeyring() const;
  std::string TreeDirectory() const { return directory_ + "/tree"; }
  std::string Leaves() const { return directory_ + "/tree/leaves"; }
  // The key that verifies the checkpoints, in the clear.
  std::string VerifierKey() const { return directory_ + "/tree/verifier.key"; }
  // A copy of the last tombstone in the log.
  std::string Tombstone() const { return directory_ + "/tree/tombstone"; }
  std::string Checkpoint() const { return directory_ + "/tree/checkpoint"; }
  // The last checkpoint that witnesses cosigned.
  std::string Cosigned() const { return directory_ + "/tree/cosigned"; }
  std::string LogDirectory() const { return directory_ + "/log"; }
  std::string Segment(uint64_t number) const;
  // A segment until it has its header, then it is renamed.
  std::string NextSegment() const { return directory_ + "/log/next.new"; }
  std::string IndexDirectory() const { return directory_ + "/index"; }
  std::string Index() const { return directory_ + "/index/index.db"; }
  std::string RebuiltIndex() const { return directory_ + "/index/rebuilt.db"; }
  // The legal holds: what must not be deleted, sealed.
  std::string LegalHolds() const { return directory_ + "/holds"; }
  std::string LegalHoldsLock() const { return directory_ + "/holds.lock"; }
  std::string QuarantineDirectory() const { return directory_ + "/quarantine"; }
  std::string DescriptorsDirectory() const { return directory_ + "/descriptors"; }
  // How far receivers of events have come. Nothing of the record hangs on it.
  std::string EventsDirectory() const { return directory_ + "/events"; }
  std::string EventCursor(std::string_view receiver) const {
    return EventsDirectory() + "/" + std::string(receiver) + ".cursor";
  }
  // `version` must have passed IsDescriptorVersion.
  std::string Descriptors(std::string_view version) const;

 private:
  std::string directory_;
};

// The number of the segment whose data key a file name in the keys directory stands for. Nothing if it is no such name.
std::optional<uint64_t> ParseDataKeyName(std::string_view name);

// The same for one that is being destroyed, or that was.
std::optional<uint64_t> ParseDestroyedDataKeyName(std::string_view name);

// The number of the segment a file name in the log directory stands for. Nothing if it is no segment's name.
std::optional<uint64_t> ParseSegmentName(std::string_view name);

// Whether `version` can name a descriptor set: 8 to 128 lower-case hex digits.
bool IsDescriptorVersion(std::string_view version);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_STORE_LAYOUT_H_
