#include "gateway/relay/legs/upstream_request.h"

#include <grpcpp/support/slice.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace sallyport::gateway {
namespace {

grpc::ByteBuffer Message(const std::string& text) {
  const grpc::Slice slice(text);
  return {&slice, 1};
}

std::string TextOf(const grpc::ByteBuffer& message) {
  std::vector<grpc::Slice> slices;
  REQUIRE(message.Dump(&slices).ok());
  std::string text;
  for (const grpc::Slice& slice : slices) text.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  return text;
}

// "write b" and the like, in the order in which an owner performs them.
std::string Show(const UpstreamRequest::Step& step) {
  std::string text;
  if (step.withheld) text += "withheld ";
  if (step.tell) text += step.ok ? "tell " : "tell-failed ";
  if (step.write) text += "write " + TextOf(step.frame.message) + " ";
  if (step.half_close) text += "half-close ";
  if (step.release) text += "release ";
  if (!text.empty()) text.pop_back();
  return text;
}

TEST_CASE("a request is passed on as it comes where nothing is kept") {
  UpstreamRequest request;
  CHECK(Show(request.Opened()).empty());
  CHECK(request.Add(Message("a"), false));
  CHECK(Show(request.Written(true)) == "tell");
  CHECK(Show(request.NoHeaders()).empty());
  CHECK(request.Add(Message("b"), false));
  CHECK(Show(request.Written(false)) == "tell-failed");
  CHECK_FALSE(request.Again());
  CHECK(request.Release());
  CHECK_FALSE(request.Release());
}

TEST_CASE("what was written is written again, in its order") {
  UpstreamRequest request;
  request.Keep(1000);
  request.Opened();
  CHECK(request.Add(Message("a"), false));
  CHECK(Show(request.Written(true)) == "tell");
  CHECK(request.Add(Message("b"), true));
  // The attempt ends before the write has.
  CHECK(Show(request.NoHeaders()) == "withheld");
  CHECK(Show(request.Written(false)) == "withheld release");
  CHECK(request.Again());
  CHECK(Show(request.Opened()) == "write a");
  CHECK(Show(request.Written(true)) == "write b");
  CHECK(Show(request.Written(true)) == "tell");
  CHECK(request.AddHalfClose());
  CHECK(Show(request.Written(true)) == "tell");
  SECTION("once more") {
    CHECK(Show(request.NoHeaders()) == "withheld release");
    CHECK(request.Again());
    const UpstreamRequest::Step first = request.Opened();
    CHECK(Show(first) == "write a");
    CHECK_FALSE(first.frame.compressed);
    const UpstreamRequest::Step second = request.Written(true);
    CHECK(Show(second) == "write b");
    CHECK(second.frame.compressed);
    CHECK(Show(request.Written(true)) == "half-close");
    // All of which the call has been told.
    CHECK(Show(request.Written(true)).empty());
  }
  SECTION("not once the upstream answers") {
    CHECK(Show(request.Headers()).empty());
    CHECK(Show(request.NoHeaders()).empty());
    CHECK_FALSE(request.Again());
  }
}

TEST_CASE("what the call writes between two attempts goes with the next") {
  UpstreamRequest request;
  request.Keep(1000);
  request.Opened();
  CHECK(Show(request.NoHeaders()) == "withheld release");
  CHECK_FALSE(request.Add(Message("a"), false));
  CHECK(request.Again());
  CHECK(Show(request.Opened()) == "write a");
  CHECK(Show(request.Written(true)) == "tell");
  CHECK(Show(request.NoHeaders()) == "withheld release");
  CHECK_FALSE(request.AddHalfClose());
  CHECK(request.Again());
  CHECK_FALSE(request.Release());
  CHECK(Show(request.Opened()) == "write a");
  CHECK(Show(request.Written(true)) == "half-close");
  CHECK(Show(request.Written(true)) == "tell");
}

TEST_CASE("what the call writes while an attempt is given what the last one had comes behind it") {
  UpstreamRequest request;
  request.Keep(1000);
  request.Opened();
  CHECK(request.Add(Message("a"), false));
  CHECK(Show(request.Written(true)) == "tell");
  CHECK(Show(request.NoHeaders()) == "withheld release");
  CHECK(request.Again());
  const std::string too_long(2000, 'b');
  SECTION("a message") {
    CHECK(Show(request.Opened()) == "write a");
    CHECK_FALSE(request.Add(Message("b"), false));
    CHECK(Show(request.Written(true)) == "write b");
  }
  SECTION("the half-close") {
    CHECK(Show(request.Opened()) == "write a");
    CHECK_FALSE(request.AddHalfClose());
    CHECK(Show(request.Written(true)) == "half-close");
  }
  SECTION("a message when the upstream has answered") {
    CHECK(Show(request.Opened()) == "write a");
    CHECK(Show(request.Headers()).empty());
    CHECK_FALSE(request.Add(Message("b"), false));
    CHECK(Show(request.Written(true)) == "write b");
  }
  SECTION("a message that is too long to be kept") {
    CHECK(Show(request.Opened()) == "write a");
    CHECK_FALSE(request.Add(Message(too_long), false));
    CHECK(Show(request.Written(true)) == "write " + too_long);
  }
  SECTION("such a one just before the attempt") {
    CHECK_FALSE(request.Add(Message(too_long), false));
    CHECK(Show(request.Opened()) == "write a");
    CHECK(Show(request.Written(true)) == "write " + too_long);
  }
  CHECK(Show(request.Written(true)) == "tell");
}

TEST_CASE("an upstream that answers in the midst of an attempt is given the rest") {
  UpstreamRequest request;
  request.Keep(1000);
  request.Opened();
  for (const char* text : {"a", "b", "c"}) {
    CHECK(request.Add(Message(text), false));
    CHECK(Show(request.Written(true)) == "tell");
  }
  request.NoHeaders();
  CHECK(request.Again());
  CHECK(Show(request.Opened()) == "write a");
  CHECK(Show(request.Headers()).empty());
  CHECK(Show(request.Written(true)) == "write b");
  CHECK(Show(request.Written(true)) == "write c");
  CHECK(Show(request.Written(true)).empty());
  CHECK(request.Add(Message("d"), false));
  CHECK(Show(request.Written(true)) == "tell");
}

TEST_CASE("what was withheld is told when there is no other attempt") {
  UpstreamRequest request;
  request.Keep(1000);
  request.Opened();
  SECTION("with a write that failed") {
    CHECK(request.Add(Message("a"), false));
    CHECK(Show(request.Written(false)) == "withheld");
    CHECK(Show(request.NoHeaders()) == "withheld release");
    const UpstreamRequest::Untold untold = request.End();
    CHECK(untold.no_headers);
    CHECK(untold.write_failed);
  }
  SECTION("with a write that was never started, for it is too long to be kept") {
    CHECK(Show(request.NoHeaders()) == "withheld release");
    CHECK_FALSE(request.Add(Message(std::string(2000, 'a')), false));
    CHECK_FALSE(request.Again());
    const UpstreamRequest::Untold untold = request.End();
    CHECK(untold.no_headers);
    CHECK(untold.write_failed);
  }
  SECTION("with nothing written") {
    CHECK(Show(request.NoHeaders()) == "withheld release");
    const UpstreamRequest::Untold untold = request.End();
    CHECK(untold.no_headers);
    CHECK_FALSE(untold.write_failed);
  }
  SECTION("with headers after a write that failed") {
    CHECK(request.Add(Message("a"), false));
    CHECK(Show(request.Written(false)) == "withheld");
    CHECK(Show(request.Headers()) == "tell-failed");
    const UpstreamRequest::Untold untold = request.End();
    CHECK_FALSE(untold.no_headers);
    CHECK_FALSE(untold.write_failed);
  }
}

TEST_CASE("what is kept is bounded, and so are attempts") {
  UpstreamRequest request;
  SECTION("by bytes") {
    request.Keep(200);
    request.Opened();
    CHECK(request.Add(Message(std::string(100, 'a')), false));
    CHECK(Show(request.Written(true)) == "tell");
    CHECK(request.keeps());
    CHECK(request.Add(Message(std::string(100, 'b')), false));
    CHECK_FALSE(request.keeps());
    CHECK(Show(request.Written(true)) == "tell");
    CHECK(Show(request.NoHeaders()).empty());
    CHECK_FALSE(request.Again());
  }
  SECTION("by what empty messages cost") {
    request.Keep(200);
    request.Opened();
    int kept = 0;
    for (; kept < 1000 && request.keeps(); ++kept) {
      CHECK(request.Add(Message(""), false));
      CHECK(Show(request.Written(true)) == "tell");
    }
    CHECK(kept < 20);
  }
  SECTION("by attempts") {
    request.Keep(200);
    request.AddWhole(Message("a"));
    int attempts = 1;
    while (request.Again()) ++attempts;
    CHECK(attempts == UpstreamRequest::kMostAttempts);
  }
  SECTION("of a whole request") {
    request.Keep(200);
    request.AddWhole(Message(std::string(300, 'a')));
    CHECK_FALSE(request.Again());
  }
}

TEST_CASE("what is left open when the upstream has ended is closed first, once, and the call hears nothing of that") {
  UpstreamRequest request;
  SECTION("nothing was half-closed") {
    request.Opened();
    CHECK(request.Add(Message("a"), false));
    CHECK(Show(request.Written(true)) == "tell");
    CHECK(request.CloseFirst());
    CHECK_FALSE(request.CloseFirst());
    CHECK(request.Release());
    const bool written = GENERATE(true, false);
    CHECK(Show(request.Written(written)).empty());
    CHECK_FALSE(request.End().write_failed);
  }
  SECTION("it was half-closed before") {
    request.Opened();
    CHECK(request.AddHalfClose());
    CHECK(Show(request.Written(true)) == "tell");
    CHECK_FALSE(request.CloseFirst());
  }
  SECTION("a write is under way") {
    request.Opened();
    CHECK(request.Add(Message("a"), false));
    CHECK_FALSE(request.CloseFirst());
  }
  SECTION("it was released, or never opened") { CHECK_FALSE(request.CloseFirst()); }
}

}  // namespace
}  // namespace sallyport::gateway
