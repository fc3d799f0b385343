// How a replay connects.
#ifndef SALLYPORT_REPLAY_REPLAYER_CHANNEL_CREDENTIALS_H_
#define SALLYPORT_REPLAY_REPLAYER_CHANNEL_CREDENTIALS_H_

#include <memory>
#include <string>

namespace grpc {
class ChannelCredentials;
}

namespace sallyport::replay {

// PEM.
struct TlsTexts {
  std::string authorities;   // to trust; empty: the system's
  std::string certificates;  // the client's own, first, and those above it; empty: none is shown
  std::string private_key;   // of the client's certificate
};

std::shared_ptr<grpc::ChannelCredentials> PlainCredentials();
std::shared_ptr<grpc::ChannelCredentials> TlsCredentials(const TlsTexts& texts);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_REPLAYER_CHANNEL_CREDENTIALS_H_
