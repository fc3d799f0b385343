// Addresses to listen on, as gRPC reads them.
#ifndef SALLYPORT_GATEWAY_LISTEN_ADDRESS_H_
#define SALLYPORT_GATEWAY_LISTEN_ADDRESS_H_

#include <string>
#include <string_view>
#include <vector>

namespace sallyport::gateway {

// What is wrong with an address to listen on, and what to write; empty if it can be one.
std::string ListenFault(std::string_view address);

// Whether only this machine can reach what listens on `address`: "unix:…", "unix-abstract:…", or a host that is
// 127.0.0.0/8,
// ::1, one of these mapped into IPv6, or "localhost" and names below it, which RFC 6761 keeps for loopback. Whatever
// else it is, also if it cannot be read or is spelt in a way of its own ("127.1"), the answer is no: nothing is
// resolved.
bool IsLoopback(std::string_view address);

// What `address` stands for, each with a numeric host: one for each of its addresses where the host is a name, which is
// resolved and may block, else itself. Only itself, too, where that fails.
std::vector<std::string> NumericAddresses(const std::string& address);

// With `port` in place of port 0.
std::string WithPort(const std::string& address, int port);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LISTEN_ADDRESS_H_
