// What is hidden in messages, metadata and status texts: the public face of masking.
#ifndef SALLYPORT_POLICY_MASKING_MASKER_H_
#define SALLYPORT_POLICY_MASKING_MASKER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/types/span.h"
#include "policy/access_request.h"
#include "policy/descriptors/descriptors.h"
#include "policy/masking/detection_counts.h"
#include "policy/masking/mask_rules.h"
#include "policy/policy.h"

namespace sallyport::policy {

// How the messages of one side of a method look in one view, for one set of masks. Immutable, thread-safe. An
// interface, as are the two below, so that plans and tables stay behind it: whoever relays sees only what comes of
// them.
class MessageMask {
 public:
  enum class Outcome {
    kUnchanged,   // nothing in it is hidden: the message may be passed by reference; *masked is not touched
    kMasked,      // *masked is what may be shown
    kUnreadable,  // it cannot be said what is in it (`*problem` says why, without values); *masked is not to be used
  };
  virtual ~MessageMask() = default;
  // `*masked` is overwritten; at most one allocation, none if it has the room. Iterative; nesting of 100 at most.
  virtual Outcome Apply(std::string_view message, std::string* masked, std::string* problem) const = 0;
};

// What content rules say to a message.
struct ContentVerdict {
  std::string_view rule;                 // the first that refuses it; empty: none does. A text of the policy
  std::vector<std::string_view> shadow;  // rules in shadow that would have
  bool unreadable = false;
};

// What applies to one call. Immutable; keeps the masker that made it alive. Shared by calls to which the same applies.
class CallMasks {
 public:
  virtual ~CallMasks() = default;

  // Null if nothing is hidden in that view. The same object for views that look alike, so that the work is done once.
  // (The caller's view is one of responses, the upstream's one of requests: of the other sides they are null.)
  virtual const MessageMask* message(MessageSide side, MaskView view) const = 0;
  // Messages of this side cannot be read, for want of a descriptor, and masks say something about the view.
  virtual bool unreadable(MessageSide side, MaskView view) const = 0;
  // A mask or a content rule of these has to look into messages.
  virtual bool looks_into_messages() const = 0;
  // What cannot be read passes as it is, in all views: all masks that match allow that.
  virtual bool passes_unreadable() const = 0;
  // A mask that hides something in the record wants the original sealed, as far as other masks leave it: what those
  // hide that do not seal is nowhere.
  virtual bool seals() const = 0;
  // How messages look by the masks of the record that do not seal. Null: as they are.
  virtual const MessageMask* before_sealing(MessageSide side) const = 0;

  // Masks `value` of metadata (headers or trailers) in place; for names in -bin it is the decoded value.
  // grpc-status-details-bin is read as google.rpc.Status, its details by their types. False if nothing was changed;
  // *drop is set where the pair is to be left out altogether.
  virtual bool MaskMetadata(MaskView view, std::string_view name, std::string* value, bool* drop) const = 0;
  // Masks what detectors find in a text that stands in no field, such as a status message. False if nothing was
  // changed.
  virtual bool MaskText(MaskView view, std::string* text) const = 0;
  // Whether metadata or status texts may be changed in that view at all.
  virtual bool masks_metadata(MaskView view) const = 0;

  virtual bool checks_content(MessageSide side) const = 0;
  // Some rule does so that is not in shadow: what cannot be looked into is refused, whatever masks let pass.
  virtual bool enforces_content(MessageSide side) const = 0;
  virtual ContentVerdict CheckContent(MessageSide side, std::string_view message) const = 0;
};

// Masks and content rules of one policy over one set of descriptors. Thread-safe. Plans are compiled when first needed
// and kept, as far as their bytes stay below a bound: callers choose which masks match them, and upstreams the types.
class Masker {
 public:
  static constexpr size_t kMostBytes = size_t{64} << 20;

  // Globs that match no field are no error: other upstreams may come. `counts`, where given, is told what detectors
  // find for masks: each find once for each view that looks different.
  static std::shared_ptr<const Masker> Create(std::shared_ptr<const Policy> policy,
                                              std::shared_ptr<const Descriptors> descriptors, const MaskKey& key,
                                              std::shared_ptr<DetectionCounts> counts = nullptr,
                                              size_t most_bytes = kMostBytes);
  virtual ~Masker() = default;
  // Null if nothing applies: the policy has no masks or content rules that match the call.
  virtual std::shared_ptr<const CallMasks> ForCall(const AccessRequest& request) const = 0;
  // Of a call that goes nowhere because it is not known whose it is: all masks there are, whatever they match.
  virtual std::shared_ptr<const CallMasks> ForUnproved() const = 0;
  // What these masks hide from readers of a recorded call: in the view kReader alone, where nothing passes unreadable.
  // `masks` are places in the policy's masks(), ascending, of some with that view; `method` is as in AccessRequest.
  // policy/masking/reader_masks.h says which they are.
  virtual std::shared_ptr<const CallMasks> ForReader(std::string_view method, std::vector<uint32_t> masks) const = 0;
  // Compiles what `before` has compiled, as far as it still applies, so that a reload costs no call the time.
  virtual void Warm(const Masker& before) const = 0;
  // About what is kept. One kind of call more may be in it than the bound has room for.
  virtual size_t bytes() const = 0;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_MASKER_H_
