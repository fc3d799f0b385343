#include "gateway/listener/proxy_header.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/gateway/listener/proxy_bytes.h"

namespace sallyport::gateway {
namespace {

using testing::ProxiedCaller;
using testing::ProxyBytes;

// The caller, "nobody", or what is wrong.
std::string Caller(const std::string& header) {
  const auto caller = ParseProxyHeader(header);
  if (!caller.ok()) {
    CHECK(absl::IsInvalidArgument(caller.status()));
    return std::string(caller.status().message());
  }
  return caller->has_value() ? PeerText(**caller) : "nobody";
}

std::string Tlv(char type, const std::string& value) {
  return std::string({type, static_cast<char>(value.size() >> 8), static_cast<char>(value.size() & 255)}) + value;
}

std::string Ipv6Body(const std::string& source) {
  return source + std::string(16, '\1') + std::string("\0\x50\1\xbb", 4);
}

}  // namespace

TEST_CASE("a PROXY header names the caller") {
  CHECK(Caller(ProxiedCaller(7)) == "ipv4:203.0.113.7:4660");
  const std::string v6("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
  CHECK(Caller(ProxyBytes(0x21, 0x21, Ipv6Body(v6))) == "ipv6:%5B2001:db8::9%5D:80");
  SECTION("an IPv4 address in IPv6 notation is that IPv4 address, so that no rule about networks is got round") {
    const std::string mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\7", 16);
    CHECK(Caller(ProxyBytes(0x21, 0x21, Ipv6Body(mapped))) == "ipv4:10.0.0.7:80");
  }
  SECTION("extensions are passed over") {
    CHECK(Caller(ProxiedCaller(7, Tlv(1, "h2") + Tlv(4, std::string(300, '\0')) + Tlv(2, ""))) ==
          "ipv4:203.0.113.7:4660");
  }
}

TEST_CASE("a PROXY header may name nobody: then it is the proxy's own connection") {
  CHECK(Caller(ProxyBytes(0x20, 0x00, "")) == "nobody");
  CHECK(Caller(ProxyBytes(0x20, 0x11, std::string(12, 'x'))) == "nobody");
  CHECK(Caller(ProxyBytes(0x20, 0x77, "whatever")) == "nobody");
  CHECK(Caller(ProxyBytes(0x21, 0x00, "")) == "nobody");
  CHECK(Caller(ProxyBytes(0x21, 0x00, Tlv(3, "abcd"))) == "nobody");
  // Whoever is on a UNIX socket of the proxy's machine is not on one of this machine.
  CHECK(Caller(ProxyBytes(0x21, 0x31, std::string(216, 'p'))) == "nobody");
}

TEST_CASE("what is no PROXY header of version 2 says what it is instead") {
  const auto has = [](const std::string& header, const std::string& words) {
    const std::string said = Caller(header);
    INFO(said);
    return said.find(words) != std::string::npos;
  };
  CHECK(has("PROXY TCP4 192.0.2.1 192.0.2.2 5 6\r\n", "version 1"));
  CHECK(has("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "missing"));
  CHECK(has("", "missing"));
  CHECK(has(ProxiedCaller(7).substr(0, 15), "missing"));
  CHECK(has(ProxyBytes(0x11, 0x11, std::string(12, 'x')), "not of version 2"));
  CHECK(has(ProxyBytes(0x22, 0x11, std::string(12, 'x')), "command"));
  CHECK(has(ProxyBytes(0x21, 0x41, std::string(12, 'x')), "family"));
  CHECK(has(ProxyBytes(0x21, 0x12, std::string(12, 'x')), "stream"));
  CHECK(has(ProxyBytes(0x21, 0x11, std::string(11, 'x')), "shorter"));
  CHECK(has(ProxyBytes(0x21, 0x21, std::string(35, 'x')), "shorter"));
  CHECK(has(ProxyBytes(0x21, 0x31, std::string(215, 'x')), "shorter"));
  CHECK(has(ProxiedCaller(7, "ab"), "extension"));
  CHECK(has(ProxiedCaller(7, std::string("\1\0\5abcd", 7)), "extension"));
  CHECK(has(ProxiedCaller(7) + "x", "not as long"));
  CHECK(has(ProxyBytes(0x21, 0x11, std::string(kMostProxyHeaderBytes, 'x')), "more than"));
}

}  // namespace sallyport::gateway
