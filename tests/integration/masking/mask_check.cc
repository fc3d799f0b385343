// Masks messages with the gateway's own code, for decoders in other languages to look at.
//
// usage: mask_check POLICY.yaml DESCRIPTORS METHOD < LINES
//
// A line is a request of the method in base64, answered with a line: "masked BASE64" (as it was, if nothing was
// changed) or "unreadable".
#include <iostream>
#include <string>

#include "absl/strings/escaping.h"
#include "policy/masking/masker.h"

namespace sallyport::policy {
namespace {

int Run(const std::string& policy_file, const std::string& descriptor_file, const std::string& method) {
  const auto policy = Policy::Load(policy_file);
  const auto descriptors = Descriptors::Load(descriptor_file);
  if (!policy.ok() || !descriptors.ok()) {
    std::cerr << policy.status().message() << '\n' << descriptors.status().message() << '\n';
    return 2;
  }
  const auto no_metadata = [](MetadataVisitor) {};
  AccessRequest request(no_metadata);
  request.method = method;
  const auto masks = Masker::Create(*policy, *descriptors, MaskKey{})->ForCall(request);
  if (masks == nullptr || masks->message(MessageSide::kRequest, MaskView::kRecord) == nullptr) {
    std::cerr << "no mask applies to " << method << '\n';
    return 2;
  }
  const MessageMask& mask = *masks->message(MessageSide::kRequest, MaskView::kRecord);
  for (std::string line; std::getline(std::cin, line);) {
    std::string message;
    if (!absl::Base64Unescape(line, &message)) return 2;
    std::string masked;
    std::string problem;
    switch (mask.Apply(message, &masked, &problem)) {
      case MessageMask::Outcome::kUnreadable:
        std::cout << "unreadable\n";
        break;
      case MessageMask::Outcome::kUnchanged:
        masked = message;
        [[fallthrough]];
      case MessageMask::Outcome::kMasked:
        std::cout << "masked " << absl::Base64Escape(masked) << '\n';
    }
  }
  return 0;
}

}  // namespace
}  // namespace sallyport::policy

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: mask_check POLICY.yaml DESCRIPTORS METHOD < LINES\n";
    return 2;
  }
  return sallyport::policy::Run(argv[1], argv[2], argv[3]);
}
