// Parts of what the service Audit answers that the record is not asked for.
#ifndef SALLYPORT_GATEWAY_API_AUDIT_ANSWERS_H_
#define SALLYPORT_GATEWAY_API_AUDIT_ANSWERS_H_

#include "absl/status/status.h"
#include "gateway/api/reader.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::gateway {

v1::WhoamiResponse WhoIs(const Reader& reader);

// Operators, who may not see calls, are told numbers by method, upstream and status, and of no caller and no single
// call: PERMISSION_DENIED for what would tell of them, naming the field.
absl::Status MayOperatorsAsk(const v1::StatisticsRequest& request);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_AUDIT_ANSWERS_H_
