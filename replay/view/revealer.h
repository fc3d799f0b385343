// Reads a call with the originals of its masked frames, for somebody who has the reveal key.
#ifndef SALLYPORT_REPLAY_VIEW_REVEALER_H_
#define SALLYPORT_REPLAY_VIEW_REVEALER_H_

#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "recorder/keys/sealed_view.h"
#include "recorder/record_reader.h"
#include "sallyport/v1/record.pb.h"

namespace sallyport::replay {

// Opens sealed views with one reveal key, or with none. Constant once created.
class Revealer {
 public:
  // `file` is a reveal key's file; empty: nothing is revealed.
  static absl::StatusOr<Revealer> Create(const std::string& file);

  // As RecordReader::ReadCall. Where a frame was masked and its original was sealed to this key, the payload is the
  // original, and of the sealed view only the key id is left. Views sealed to another key stay as they are. DATA_LOSS
  // if a view sealed to this key is damaged.
  absl::Status ReadCall(recorder::RecordReader* reader, uint64_t id,
                        absl::FunctionRef<absl::Status(const v1::Entry&)> entry) const;

 private:
  explicit Revealer(std::unique_ptr<recorder::RevealPrivateKey> key) : key_(std::move(key)) {}

  std::unique_ptr<recorder::RevealPrivateKey> key_;  // null if there is none
};

// True for a masked frame whose original was put in its place.
bool IsRevealed(const v1::Frame& frame);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_VIEW_REVEALER_H_
