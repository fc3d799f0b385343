#include "gateway/upstream/connections/channel_sockets.h"

#include <grpc/grpc.h>
#include <grpc/support/alloc.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/synchronization/mutex.h"

namespace sallyport::gateway {
namespace {

using Json = nlohmann::json;

// Takes the text over. A null object if there is none, or it cannot be read.
Json Parse(char* text) {
  if (text == nullptr) return Json::object();
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  gpr_free(text);
  return json.is_object() ? json : Json::object();
}

// What is at a path of keys; null if it is not there.
const Json& At(const Json& json, std::initializer_list<const char*> path) {
  static const Json kNothing;
  const Json* at = &json;
  for (const char* key : path) {
    if (!at->is_object()) return kNothing;
    const auto found = at->find(key);
    if (found == at->end()) return kNothing;
    at = &*found;
  }
  return *at;
}

// Numbers are written as text, for JSON's sake.
int64_t NumberIn(const Json& json) {
  int64_t number = 0;
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_string() && absl::SimpleAtoi(json.get_ref<const std::string&>(), &number)) return number;
  return 0;
}

std::optional<SocketAddress> AddressIn(const Json& json) {
  if (const Json& tcp = At(json, {"tcpip_address"}); tcp.is_object()) {
    const Json& ip = At(tcp, {"ip_address"});
    std::string bytes;
    if (!ip.is_string() || !absl::Base64Unescape(ip.get_ref<const std::string&>(), &bytes)) return std::nullopt;
    return SocketAddress::Tcp(bytes, static_cast<int>(NumberIn(At(tcp, {"port"}))));
  }
  if (const Json& path = At(json, {"uds_address", "filename"}); path.is_string()) {
    return SocketAddress::Unix(path.get_ref<const std::string&>());
  }
  return std::nullopt;
}

// The newest channel for `target` that is newer than `after`; `*newest` is of all channels.
int64_t NewChannel(const std::string& target, int64_t after, int64_t* newest) {
  int64_t found = 0;
  while (true) {
    const Json page = Parse(grpc_channelz_get_top_channels(after + 1));
    const Json& channels = At(page, {"channel"});
    if (!channels.is_array() || channels.empty()) break;
    for (const Json& channel : channels) {
      const int64_t number = NumberIn(At(channel, {"ref", "channelId"}));
      if (number <= after) continue;
      after = number;
      const Json& name = At(channel, {"data", "target"});
      if (name.is_string() && absl::StrContains(name.get_ref<const std::string&>(), target)) found = number;
    }
    if (At(page, {"end"}).is_boolean()) break;
  }
  *newest = after;
  return found;
}

}  // namespace

NumberedChannel MakeNumbered(const std::string& target, const std::function<std::shared_ptr<grpc::Channel>()>& make) {
  // One at a time, so that the number that is new is this one's.
  static absl::Mutex mutex(absl::kConstInit);
  static int64_t newest = 0;
  absl::MutexLock lock(&mutex);
  NewChannel(target, newest, &newest);
  NumberedChannel made;
  made.channel = make();
  made.number = NewChannel(target, newest, &newest);
  return made;
}

std::vector<ChannelSocket> SocketsOf(int64_t number) {
  std::vector<ChannelSocket> sockets;
  if (number == 0) return sockets;
  const Json channel = Parse(grpc_channelz_get_channel(number));
  const Json& subchannels = At(channel, {"channel", "subchannelRef"});
  if (!subchannels.is_array()) return sockets;
  for (const Json& subchannel : subchannels) {
    const Json of = Parse(grpc_channelz_get_subchannel(NumberIn(At(subchannel, {"subchannelId"}))));
    const Json& refs = At(of, {"subchannel", "socketRef"});
    if (!refs.is_array()) continue;
    for (const Json& ref : refs) {
      ChannelSocket socket;
      socket.id = NumberIn(At(ref, {"socketId"}));
      const Json told = Parse(grpc_channelz_get_socket(socket.id));
      socket.local = AddressIn(At(told, {"socket", "local"}));
      socket.remote = AddressIn(At(told, {"socket", "remote"}));
      sockets.push_back(std::move(socket));
    }
  }
  return sockets;
}

std::set<std::string> AddressesOf(int64_t number) {
  std::set<std::string> addresses;
  const Json channel = Parse(grpc_channelz_get_channel(number));
  const Json& subchannels = At(channel, {"channel", "subchannelRef"});
  if (!subchannels.is_array()) return addresses;
  for (const Json& subchannel : subchannels) {
    const Json of = Parse(grpc_channelz_get_subchannel(NumberIn(At(subchannel, {"subchannelId"}))));
    const Json& target = At(of, {"subchannel", "data", "target"});
    if (target.is_string()) addresses.insert(target.get<std::string>());
  }
  return addresses;
}

}  // namespace sallyport::gateway
