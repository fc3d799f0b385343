#include "gateway/api/api_call.h"

#include "recorder/format/gateway_notes.h"

namespace sallyport::gateway {

absl::Duration ApiCall::Elapsed() const { return absl::FromChrono(std::chrono::steady_clock::now() - start_tick); }

std::string_view ApiCall::method() const { return recorder::NameOfMethod(path); }

}  // namespace sallyport::gateway
