#include "replay/replayer/channel_credentials.h"

#include <grpcpp/security/credentials.h>

namespace sallyport::replay {

std::shared_ptr<grpc::ChannelCredentials> PlainCredentials() { return grpc::InsecureChannelCredentials(); }

std::shared_ptr<grpc::ChannelCredentials> TlsCredentials(const TlsTexts& texts) {
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = texts.authorities;
  options.pem_cert_chain = texts.certificates;
  options.pem_private_key = texts.private_key;
  return grpc::SslCredentials(options);
}

}  // namespace sallyport::replay
