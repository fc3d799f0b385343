// What the service Audit answers without asking the record.
#ifndef SALLYPORT_GATEWAY_API_AUDIT_ANSWERS_H_
#define SALLYPORT_GATEWAY_API_AUDIT_ANSWERS_H_

#include "gateway/api/reader.h"
#include "sallyport/v1/audit.pb.h"

namespace sallyport::gateway {

v1::WhoamiResponse WhoIs(const Reader& reader);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_API_AUDIT_ANSWERS_H_
