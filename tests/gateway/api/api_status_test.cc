#include "gateway/api/api_status.h"

#include <google/protobuf/any.pb.h>

#include <catch2/catch.hpp>

#include "google/rpc/status.pb.h"

namespace sallyport::gateway {
namespace {

TEST_CASE("an error has a reason, and names the field that is wrong") {
  const grpc::Status told = ApiStatus(absl::InvalidArgumentError("filter.since: is not before filter.until"));
  CHECK(told.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(told.error_details()));
  CHECK(details.code() == 3);
  CHECK(details.message() == told.error_message());
  REQUIRE(details.details_size() == 2);
  google::rpc::ErrorInfo info;
  REQUIRE(details.details(0).UnpackTo(&info));
  CHECK(info.domain() == "sallyport");
  CHECK(info.reason() == "INVALID_REQUEST");
  google::rpc::BadRequest bad;
  REQUIRE(details.details(1).UnpackTo(&bad));
  REQUIRE(bad.field_violations_size() == 1);
  CHECK(bad.field_violations(0).field() == "filter.since");
}

TEST_CASE("fields are what a message begins with, in the form of one") {
  CHECK(FieldOf("page_token: not for this search") == "page_token");
  CHECK(FieldOf("group_by[2]: twice") == "group_by[2]");
  CHECK(FieldOf("Something else: no") == "");
  CHECK(FieldOf("two words: no") == "");
  CHECK(FieldOf("no colon") == "");
}

TEST_CASE("texts that are no UTF-8 are told as text") {
  const grpc::Status told = ApiStatus(absl::NotFoundError("call \xff"), "NO_CALL");
  google::rpc::Status details;
  REQUIRE(details.ParseFromString(told.error_details()));
  CHECK(told.error_message() == "call ?");
}

}  // namespace
}  // namespace sallyport::gateway
