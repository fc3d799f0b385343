// Opens the sealed originals of masked frames for whoever holds the reveal key.
#ifndef SALLYPORT_REPLAY_VIEW_REVEALER_H_
#define SALLYPORT_REPLAY_VIEW_REVEALER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/keys/sealed_view.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// Constant once created; thread-safe. Never part of a service: whoever holds the key opens with it, where they are.
class Revealer {
 public:
  // `file` holds a reveal key.
  static absl::StatusOr<std::unique_ptr<Revealer>> Create(const std::string& file);

  // Puts the original in the place of a masked payload that is sealed to this key; of the sealed view only the key's id
  // is left. Every other entry stays as it is. DATA_LOSS if a view sealed to this key is damaged.
  absl::Status Reveal(v1::Entry* entry) const;

 private:
  explicit Revealer(recorder::RevealPrivateKey key) : key_(std::move(key)) {}

  const recorder::RevealPrivateKey key_;
};

// True for a masked frame whose original was put in its place.
bool IsRevealed(const v1::Frame& frame);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_REVEALER_H_
