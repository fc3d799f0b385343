// The OpenAPI page: it says all that the services' protos say. npm's validator has its say in audit_clients_test.
#include "gateway/api/door/open_api.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "gateway/api/door/services_embedded.h"

namespace sallyport::gateway {
namespace {

using nlohmann::json;

json Page() {
  const absl::StatusOr<std::string> page =
      MakeOpenApi({"sallyport.v1.Audit", "sallyport.v1.Policies", "sallyport.v1.Operations"}, EmbeddedServices());
  INFO(page.status());
  REQUIRE(page.ok());
  return json::parse(*page);
}

void Collect(const json& part, std::set<std::string>& references) {
  if (part.is_object() && part.contains("$ref")) references.insert(part["$ref"].get<std::string>());
  if (part.is_structured()) {
    for (const json& one : part) Collect(one, references);
  }
}

TEST_CASE("the page has each method, by GET too where nothing is changed, with its comment") {
  const json page = Page();
  CHECK(page["openapi"] == "3.1.0");
  const json& search = page["paths"]["/sallyport.v1.Audit/SearchCalls"];
  CHECK(search["post"]["description"] == "A page of calls.");
  CHECK(search["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"] ==
        "#/components/schemas/sallyport.v1.SearchCallsRequest");
  CHECK(search.contains("get"));
  const json& tail = page["paths"]["/sallyport.v1.Audit/TailCalls"];
  CHECK(tail["post"]["requestBody"]["content"].contains("application/connect+json"));
  CHECK_FALSE(tail.contains("get"));
  CHECK_FALSE(page["paths"]["/sallyport.v1.Operations/PlaceLegalHold"].contains("get"));
}

TEST_CASE("the page has each field as JSON has it, with its comment") {
  const json page = Page();
  const json& request = page["components"]["schemas"]["sallyport.v1.SearchCallsRequest"]["properties"];
  CHECK(request["pageSize"]["type"] == "integer");
  CHECK(request["pageSize"]["description"] == "At most so many calls in the answer; 0: 50, more than 1,000: 1,000.");
  const json& summary = page["components"]["schemas"]["sallyport.v1.CallSummary"]["properties"];
  CHECK(summary["start"]["format"] == "date-time");
  CHECK(summary["exact"]["additionalProperties"]["contentEncoding"] == "base64");
  const json& outcome = page["components"]["schemas"]["sallyport.v1.CallOutcome"]["properties"];
  CHECK(outcome["requestFrames"]["type"] == "string");
  const json& state = page["components"]["schemas"]["sallyport.v1.CallState"];
  CHECK(state["enum"][1] == "CALL_STATE_OPEN");
  CHECK(absl::StrContains(state["description"].get<std::string>(), "CALL_STATE_REFUSED: by the gateway"));
}

TEST_CASE("whatever the page refers to is on it") {
  const json page = Page();
  std::set<std::string> references;
  Collect(page, references);
  CHECK(references.size() > 30);
  for (const std::string& reference : references) {
    INFO(reference);
    const std::string prefix = "#/components/schemas/";
    REQUIRE(absl::StartsWith(reference, prefix));
    CHECK(page["components"]["schemas"].contains(reference.substr(prefix.size())));
  }
}

TEST_CASE("a page is not made of what is not there") {
  CHECK(MakeOpenApi({"no.such.Service"}, EmbeddedServices()).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(MakeOpenApi({}, "\xff").status().code() == absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace sallyport::gateway
