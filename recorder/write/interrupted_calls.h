// Ends calls that nobody ended.
#ifndef SALLYPORT_RECORDER_WRITE_INTERRUPTED_CALLS_H_
#define SALLYPORT_RECORDER_WRITE_INTERRUPTED_CALLS_H_

#include <cstdint>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "recorder/crypto/credential_fingerprint.h"
#include "recorder/log/log_writer.h"
#include "recorder/log/segment_store.h"

namespace sallyport::recorder {

// Appends, as one block, an end with END_REASON_INTERRUPTED for each of `calls`, with counts from what is
// in the log. Nothing if there are no such calls. The result lives as long as any of `log`.
absl::StatusOr<std::optional<WrittenBlock>> EndInterruptedCalls(const LogPlace& place, StoreKeys& keys,
                                                                const absl::flat_hash_map<uint64_t, OpenCall>& calls,
                                                                const CredentialFingerprint& fingerprint,
                                                                absl::Time now, LogWriter& log);

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_WRITE_INTERRUPTED_CALLS_H_
