// PROXY protocol headers, made by hand.
#ifndef SALLYPORT_TESTS_GATEWAY_LISTENER_PROXY_BYTES_H_
#define SALLYPORT_TESTS_GATEWAY_LISTENER_PROXY_BYTES_H_

#include <string>

namespace sallyport::testing {

inline std::string ProxyBytes(unsigned char command, unsigned char family, const std::string& body) {
  std::string header("\r\n\r\n\0\r\nQUIT\n", 12);
  header.push_back(static_cast<char>(command));
  header.push_back(static_cast<char>(family));
  header.push_back(static_cast<char>(body.size() >> 8));
  header.push_back(static_cast<char>(body.size() & 255));
  return header + body;
}

// For a caller at 203.0.113.`last`:4660, connected to 192.0.2.1:443.
inline std::string ProxiedCaller(char last, const std::string& tlvs = "") {
  return ProxyBytes(0x21, 0x11,
                    std::string("\xcb\x00\x71", 3) + last + std::string("\xc0\x00\x02\x01\x12\x34\x01\xbb", 8) + tlvs);
}

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_GATEWAY_LISTENER_PROXY_BYTES_H_
