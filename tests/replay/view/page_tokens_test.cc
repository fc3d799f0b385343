// Page tokens: nobody but who got them can use them, and nothing can be read in them.
#include "replay/view/page_tokens.h"

#include <catch2/catch.hpp>
#include <functional>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "tests/replay/view/reader_fixture.h"

namespace sallyport::replay {
namespace {

v1::SearchCallsRequest Request() {
  v1::SearchCallsRequest request;
  request.mutable_filter()->set_method("pay.*");
  request.set_page_size(10);
  return request;
}

bool Refuses(const PageTokens& tokens, const google::protobuf::Message& request, const std::string& token) {
  const auto opened = tokens.Open(request, token);
  return opened.status().code() == absl::StatusCode::kInvalidArgument &&
         absl::StartsWith(opened.status().message(), "page_token: ");
}

TEST_CASE("a token is opened for the same reader and request, however long its page is, and not empty ones") {
  const ShopStore store;
  const auto opened = OpenStore(store);
  const PageTokens tokens(opened->keys(), Investigator({"pay.*"}));
  const std::string token = tokens.Seal(Request(), "0a1b2c3d4e5f6");
  v1::SearchCallsRequest next = Request();
  next.set_page_size(500);
  next.set_page_token(token);
  CHECK(tokens.Open(next, token).value() == "0a1b2c3d4e5f6");
  CHECK(tokens.Seal(Request(), "0a1b2c3d4e5f6") == token);
  CHECK(tokens.Seal(Request(), "").empty());
  CHECK(tokens.Open(Request(), "").value().empty());
  // Another of the same reader's requests, made later, opens it too.
  CHECK(PageTokens(opened->keys(), Investigator({"pay.*"})).Open(Request(), token).ok());
}

TEST_CASE("a token tells nothing of what it stands for") {
  const ShopStore store;
  const auto opened = OpenStore(store);
  const PageTokens tokens(opened->keys(), Auditor());
  std::string bytes;
  REQUIRE(absl::WebSafeBase64Unescape(tokens.Seal(Request(), "0a1b2c3d4e5f6"), &bytes));
  CHECK_FALSE(absl::StrContains(bytes, "0a1b"));
  // Nor is what two tokens have in common to be seen.
  std::string other;
  REQUIRE(absl::WebSafeBase64Unescape(tokens.Seal(Request(), "0a1b2c3d4e5f7"), &other));
  REQUIRE(bytes.size() == other.size());
  size_t equal = 0;
  for (size_t i = 1; i < bytes.size(); ++i) equal += bytes[i] == other[i] ? 1 : 0;
  CHECK(equal < bytes.size() / 4);
}

TEST_CASE("a token of another reader, scope, filter, order, kind of list or store is refused") {
  const ShopStore store;
  const auto opened = OpenStore(store);
  const ReaderRights rights = Investigator({"pay.*"});
  const PageTokens tokens(opened->keys(), rights);
  const std::string token = tokens.Seal(Request(), "7");
  CHECK(Refuses(PageTokens(opened->keys(), Investigator({"pay.*"}, "mallory")), Request(), token));
  CHECK(Refuses(PageTokens(opened->keys(), Investigator({"pay.*", "shop.*"})), Request(), token));
  ReaderRights narrower = rights;
  narrower.scope.parts[0].but_methods = {"pay.Admin/*"};
  CHECK(Refuses(PageTokens(opened->keys(), narrower), Request(), token));
  const std::vector<std::function<void(v1::SearchCallsRequest&)>> changes = {
      [](auto& request) { request.mutable_filter()->set_method("*"); },
      [](auto& request) { request.mutable_filter()->set_identity("alice"); },
      [](auto& request) { request.mutable_filter()->set_status_code(0); },
      [](auto& request) { request.clear_filter(); },
      [](auto& request) { request.set_order(v1::CALL_ORDER_OLDEST_FIRST); }};
  for (const auto& change : changes) {
    v1::SearchCallsRequest changed = Request();
    change(changed);
    CHECK(Refuses(tokens, changed, token));
  }
  CHECK(Refuses(tokens, v1::SearchSessionsRequest(), tokens.Seal(v1::ListLooksRequest(), "7")));
  const ShopStore other;
  CHECK(Refuses(PageTokens(OpenStore(other)->keys(), rights), Request(), token));
}

TEST_CASE("a changed token is refused, wherever it was changed; so is what is none") {
  const ShopStore store;
  const auto opened = OpenStore(store);
  const PageTokens tokens(opened->keys(), Auditor());
  const std::string token = tokens.Seal(Request(), "0a1b2c3d4e5f6");
  for (size_t i = 0; i < token.size(); ++i) {
    for (const char c : {'A', 'b', '_', '='}) {
      if (token[i] == c) continue;
      std::string changed = token;
      changed[i] = c;
      CHECK(Refuses(tokens, Request(), changed));
    }
    CHECK(Refuses(tokens, Request(), token.substr(0, i == 0 ? token.size() - 1 : i)));
  }
  for (const std::string& none : {std::string("7"), std::string("0a1b2c3d4e5f6"), token + "A", token + "\n",
                                  std::string(100'000, 'A'), std::string("\0", 1)}) {
    CHECK(Refuses(tokens, Request(), none));
  }
}

}  // namespace
}  // namespace sallyport::replay
