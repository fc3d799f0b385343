// `admin` and `token_signing`.
#include "absl/strings/str_cat.h"
#include "gateway/configuration/sections.h"
#include "gateway/http/http_server.h"
#include "gateway/listen_address.h"
#include "gateway/upstream/credentials/credentials_check.h"

namespace sallyport::gateway {

void CheckAdmin(ConfigurationCheck& check) {
  const v1::Config& config = check.config();
  GatewayOptions& options = check.options();
  options.admin_address = config.admin().address();
  if (!options.admin_address.empty()) {
    if (absl::Status status = CheckHttpAddress(options.admin_address); !status.ok()) {
      check.Fail("admin.address", absl::StrCat("\"", options.admin_address, "\" ", status.message()));
    } else if (const std::string fault = ListenFault(options.admin_address); !fault.empty()) {
      check.Fail("admin.address", fault);
    }
  }
  if (!config.has_token_signing()) return;
  options.token_signing = CheckTokenSigning(config.token_signing(), "token_signing", check.Fault());
}

}  // namespace sallyport::gateway
