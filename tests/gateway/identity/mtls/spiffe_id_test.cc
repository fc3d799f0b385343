#include "gateway/identity/mtls/spiffe_id.h"

#include <catch2/catch.hpp>
#include <string>

namespace sallyport::gateway {

TEST_CASE("a SPIFFE ID is taken apart") {
  const absl::StatusOr<SpiffeId> id = SpiffeId::Parse("spiffe://prod-1.example_x/ns/Pay/a.b-c_d");
  REQUIRE(id.ok());
  CHECK(id->trust_domain == "prod-1.example_x");
  CHECK(id->path == "/ns/Pay/a.b-c_d");
  CHECK(id->Authority() == "spiffe://prod-1.example_x");
  CHECK(SpiffeId::Parse("spiffe://a/...").ok());
  CHECK(SpiffeId::Parse("spiffe://" + std::string(255, 'a') + "/x").ok());
}

TEST_CASE("what is wrong with a SPIFFE ID is told without repeating it") {
  for (const char* text :
       {"spiffe://secret", "spiffe://secret/", "spiffe://secret/a b", "spiffe://SECRET/a", "secret"}) {
    const absl::Status status = SpiffeId::Parse(text).status();
    CHECK(absl::IsInvalidArgument(status));
    CHECK(std::string(status.message()).find("ecret") == std::string::npos);
  }
}

TEST_CASE("whatever begins with the scheme claims to be a SPIFFE ID") {
  for (const char* text : {"spiffe:", "spiffe://a/b", "SPIFFE:x", "sPiFfE://"}) CHECK(ClaimsToBeSpiffeId(text));
  for (const char* text : {"", "spiffe", "https://spiffe:/", " spiffe://a/b", "spiffes://a/b"}) {
    CHECK_FALSE(ClaimsToBeSpiffeId(text));
  }
}

}  // namespace sallyport::gateway
