// Which connections a channel has, as gRPC's channelz tells.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_CHANNEL_SOCKETS_H_
#define SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_CHANNEL_SOCKETS_H_

#include <grpcpp/channel.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "gateway/upstream/connections/socket_address.h"

namespace sallyport::gateway {

// One connection of a channel.
struct ChannelSocket {
  int64_t id = 0;  // never used again in this process
  std::optional<SocketAddress> local;
  std::optional<SocketAddress> remote;
};

// A channel with the number that channelz has for it: the library has no way from the one to the other, so the number
// is the one that appears when the channel is made.
struct NumberedChannel {
  std::shared_ptr<grpc::Channel> channel;
  int64_t number = 0;  // 0: channelz does not know it
};

// Makes a channel and finds its number. `target` is the one `make` uses. Thread-safe.
NumberedChannel MakeNumbered(const std::string& target, const std::function<std::shared_ptr<grpc::Channel>()>& make);

// The connections that the channel has now. Takes some microseconds each. Thread-safe.
std::vector<ChannelSocket> SocketsOf(int64_t number);

// The addresses that the channel's name stands for, as far as its load balancing uses them. Thread-safe.
std::set<std::string> AddressesOf(int64_t number);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_CONNECTIONS_CHANNEL_SOCKETS_H_
