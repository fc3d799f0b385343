// Targets and authorities: what a call says it is for, and what an upstream is called.
#ifndef SALLYPORT_GATEWAY_UPSTREAM_AUTHORITY_H_
#define SALLYPORT_GATEWAY_UPSTREAM_AUTHORITY_H_

#include <string>
#include <string_view>

namespace sallyport::gateway {

// Whether servers take this for an authority (RFC 3986, 3.2, without user information and percent-encoding, which they
// refuse): a name, an IPv4 address or an IPv6 address in brackets, and perhaps a port. Clients that dial a UNIX socket
// send others, such as "%2Frun%2Fx.sock".
bool IsAuthority(std::string_view text);

// "host:port" or "[v6]:port" without the port and the brackets.
std::string_view HostOf(std::string_view authority);

// The part of a target in gRPC's notation that says where to: "dns:///etcd:2379" has "etcd:2379".
std::string TargetAuthority(std::string_view target);

// Whether the target is a name that DNS has addresses for, which may change.
bool IsName(std::string_view target);

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_UPSTREAM_AUTHORITY_H_
