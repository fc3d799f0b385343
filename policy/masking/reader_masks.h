// What readers of the record are not shown: masks with the view `reader`.
#ifndef SALLYPORT_POLICY_MASKING_READER_MASKS_H_
#define SALLYPORT_POLICY_MASKING_READER_MASKS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "policy/masking/masker.h"
#include "policy/policy.h"
#include "policy/roles.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::policy {

// Somebody who reads the record.
struct ReaderFacts {
  std::string subject;  // that it is proved to be; empty for an anonymous reader
  std::vector<std::string> groups;
  // The kinds of those of its roles that show the call in question (Shows in policy/roles.h), and not of all that it
  // has: an investigator who is a caller too sees its own calls as both, and those of others as an investigator.
  std::vector<RoleKind> roles;
};

// One recorded call, as masks look at it: with the texts of its CallBeginning. A view.
struct MaskedCall {
  std::string_view method;  // "package.Service/Method", with a leading slash or without
  std::string_view upstream;
  // Null where no more than the two above are known, as of what a list says. More is then hidden rather than less: of a
  // mask's other conditions each holds, and no exception does that has one.
  const v1::Identity* proved = nullptr;
  std::string_view peer;  // in gRPC's notation; with `proved`
  absl::Time start;       // with `proved`
};

// What one reader is not shown of one call. Immutable, thread-safe; a small value that keeps alive what it needs.
class ReaderMask {
 public:
  // Null where nothing is hidden.
  explicit ReaderMask(std::shared_ptr<const CallMasks> masks) : masks_(std::move(masks)) {}

  // Nothing is hidden: all is shown as it is recorded.
  bool none() const { return masks_ == nullptr; }
  // Messages of this side are not shown as they are recorded. Nor are their bytes, compressed or not, or what was
  // sealed of them: what Message gives is all that this reader gets.
  bool hides_messages(MessageSide side) const;
  // Metadata, status texts and names may not be shown as they are recorded.
  bool hides_texts() const;

  enum class Shown {
    kAsRecorded,  // `*masked` is not touched
    kMasked,      // `*masked` is what may be shown
    kNothing,     // it cannot be said what is in it, so nothing is shown; `*masked` is not to be used
  };
  // `message` is a recorded message, inflated; of one that is shortened, what is there of it, of which mostly nothing
  // is shown.
  Shown Message(MessageSide side, std::string_view message, std::string* masked) const;
  // Masks a metadatum in place (headers or trailers; `value` decoded for names in -bin, the authority under
  // kAuthorityName). False if it is to be left out.
  bool Metadatum(std::string_view name, std::string* value) const;
  // Masks in place what detectors find in a text that stands in no field: status texts, names of sessions, paths of
  // methods that are not known.
  void Text(std::string* text) const;

 private:
  std::shared_ptr<const CallMasks> masks_;
};

// The masks with the view `reader` of one policy. Thread-safe; plans are compiled when first needed and kept, within a
// bound of some tens of MiB. A reload of the policy makes another one.
class ReaderMasks {
 public:
  // `policy` may be null: nothing is hidden then. `key` is the store's, as for the relay's masks.
  ReaderMasks(std::shared_ptr<const Policy> policy, const MaskKey& key);

  // No call has anything to hide from anybody.
  bool none() const { return masks_.empty(); }

  // `descriptors` are those that the call was recorded with; null if none are kept, and its messages then cannot be
  // looked into.
  ReaderMask For(const ReaderFacts& reader, const MaskedCall& call,
                 const std::shared_ptr<const Descriptors>& descriptors) const;

  // The places in policy.masks() of those that apply.
  std::vector<uint32_t> MasksOf(const ReaderFacts& reader, const MaskedCall& call) const;

 private:
  // A mask, and its match with fewer conditions.
  struct Prepared {
    uint32_t number = 0;  // its place in policy.masks()
    Match match;
    Match of_nobody;   // about calls whose caller is not known: nothing about who calls
    Match of_outline;  // nothing but methods and upstreams
  };
  bool Applies(const Prepared& mask, const ReaderFacts& reader, const MaskedCall& call) const;
  std::shared_ptr<const Masker> MaskerFor(const std::shared_ptr<const Descriptors>& descriptors) const;

  const std::shared_ptr<const Policy> policy_;
  const MaskKey key_;
  const std::shared_ptr<const Descriptors> no_descriptors_ = Descriptors::Empty();
  std::vector<Prepared> masks_;
  mutable absl::Mutex mutex_;
  // By what they are for, which they keep alive.
  mutable absl::flat_hash_map<const Descriptors*, std::shared_ptr<const Masker>> maskers_ ABSL_GUARDED_BY(mutex_);
};

// Whether a mask's `readers` mean this one; true if it has none.
bool MeansReader(const MaskReaders& readers, const ReaderFacts& reader);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_READER_MASKS_H_
