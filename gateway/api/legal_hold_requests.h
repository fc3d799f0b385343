// Legal holds, as the services place and release them.
#ifndef SALLYPORT_GATEWAY_API_LEGAL_HOLD_REQUESTS_H_
#define SALLYPORT_GATEWAY_API_LEGAL_HOLD_REQUESTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/keys/key_source.h"
#include "sallyport/v1/operations.pb.h"

namespace sallyport::gateway {

// The holds of one store. Each opens it anew, and takes turns with whoever else changes them.
class LegalHoldRequests {
 public:
  LegalHoldRequests(const std::string& directory, const std::optional<recorder::KeySource>& keys)
      : directory_(directory), keys_(keys) {}

  absl::StatusOr<v1::ListLegalHoldsResponse> List() const;
  // INVALID_ARGUMENT names the field.
  absl::StatusOr<v1::LegalHold> Place(const v1::LegalHold& asked, absl::Time now) const;
  // NOT_FOUND if there is none.
  absl::Status Release(uint64_t id) const;

 private:
  const std::string& directory_;
  const std::optional<recorder::KeySource>& keys_;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_LEGAL_HOLD_REQUESTS_H_
