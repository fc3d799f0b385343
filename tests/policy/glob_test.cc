#include "policy/glob.h"

#include <catch2/catch.hpp>
#include <string>

namespace sallyport::policy {
namespace {

TEST_CASE("a glob matches the whole text, with * for any run and ? for one character") {
  CHECK(GlobMatches("", ""));
  CHECK(GlobMatches("*", ""));
  CHECK(GlobMatches("etcdserverpb.*", "etcdserverpb.KV/Put"));
  CHECK(GlobMatches("*/Delete*", "a.b.C/DeleteRange"));
  CHECK(GlobMatches("a?c", "abc"));
  CHECK(GlobMatches("*a*b*", "xxaxxbxx"));
  CHECK(GlobMatches("a**b", "ab"));
  CHECK_FALSE(GlobMatches("", "a"));
  CHECK_FALSE(GlobMatches("a?c", "ac"));
  CHECK_FALSE(GlobMatches("abc", "abcd"));
  CHECK_FALSE(GlobMatches("*/Delete", "a.b.C/DeleteRange"));
  CHECK_FALSE(GlobMatches("ABC", "abc"));
}

TEST_CASE("a glob made to be slow is not") {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "a*";
  CHECK_FALSE(GlobMatches(pattern + "b", std::string(20'000, 'a')));
}

}  // namespace
}  // namespace sallyport::policy
