// What tests of the door ask for and are told.
#ifndef SALLYPORT_TESTS_GATEWAY_API_DOOR_DOOR_MESSAGES_H_
#define SALLYPORT_TESTS_GATEWAY_API_DOOR_DOOR_MESSAGES_H_

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "google/rpc/status.pb.h"
#include "sallyport/v1/audit.pb.h"
#include "tests/gateway/api/door/door_rig.h"

namespace sallyport::gateway::testing {

inline const Pairs kJson = {{"Content-Type", "application/json"}};
inline const Pairs kConnectJson = {{"Content-Type", "application/connect+json"}};
inline const Pairs kConnectProto = {{"Content-Type", "application/connect+proto"}};
inline const Pairs kWeb = {{"Content-Type", "application/grpc-web+proto"}, {"X-Grpc-Web", "1"}};
inline const Pairs kWebText = {{"Content-Type", "application/grpc-web-text"}};

inline Pairs With(Pairs headers, const Pairs& more) {
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

inline std::string TwoCalls(size_t id_bytes = 4) {
  v1::SearchCallsResponse response;
  response.add_calls()->set_id(std::string(id_bytes, 'a'));
  response.add_calls()->set_id("second");
  response.set_next_page_token("next");
  response.set_count(7);
  return response.SerializeAsString();
}

inline std::string Skipped(uint64_t number) {
  v1::TailCallsResponse said;
  said.set_skipped(number);
  return said.SerializeAsString();
}

inline std::string PayRequest() {
  v1::SearchCallsRequest request;
  request.mutable_filter()->set_method("pay.*");
  request.set_page_size(100);
  return request.SerializeAsString();
}

inline Script Refusing(grpc::StatusCode code, const std::string& message = "no ä%") {
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  v1::Filter detail;
  detail.set_method("pay.*");
  status.add_details()->PackFrom(detail);
  Script script;
  script.status = grpc::Status(code, message, status.SerializeAsString());
  script.trailing = {{"x-why", "because"}};
  return script;
}

struct Part {
  uint8_t flags = 0;
  std::string message;
};
inline std::vector<Part> PartsOf(std::string body) {
  std::vector<Part> parts;
  while (body.size() >= 5) {
    size_t length = 0;
    for (size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[i]);
    REQUIRE(body.size() >= 5 + length);
    parts.push_back({static_cast<uint8_t>(body[0]), body.substr(5, length)});
    body.erase(0, 5 + length);
  }
  CHECK(body.empty());
  return parts;
}

}  // namespace sallyport::gateway::testing

#endif  // SALLYPORT_TESTS_GATEWAY_API_DOOR_DOOR_MESSAGES_H_
