#include "policy/glob.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

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

TEST_CASE("two globs meet where some text is matched by both") {
  // All texts that matter, with one letter more than the globs have.
  std::vector<std::string> texts = {""};
  for (size_t i = 0; i < texts.size(); ++i) {
    for (const char c : {'a', 'b', 'c'}) {
      if (texts[i].size() < 5) texts.push_back(texts[i] + c);
    }
  }
  std::vector<std::string> globs = {""};
  for (size_t i = 0; i < globs.size(); ++i) {
    for (const char c : {'a', 'b', '*', '?'}) {
      if (globs[i].size() < 3) globs.push_back(globs[i] + c);
    }
  }
  for (const std::string& a : globs) {
    for (const std::string& b : globs) {
      const bool both = std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
        return GlobMatches(a, text) && GlobMatches(b, text);
      });
      if (GlobsMeet(a, b) != both) FAIL(a << " and " << b);
    }
  }
}

}  // namespace
}  // namespace sallyport::policy
