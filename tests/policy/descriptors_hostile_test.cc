// Descriptor sets come from files and from upstreams' reflection: nothing in them is trusted.
#include <google/protobuf/stubs/common.h>
#if GOOGLE_PROTOBUF_VERSION < 4022000
#include <google/protobuf/stubs/logging.h>
#endif

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>
#include <string>

#include "policy/descriptors/descriptors.h"
#include "tests/policy/descriptor_files.h"

namespace sallyport::policy {
namespace {

#if GOOGLE_PROTOBUF_VERSION < 4022000
using Silence = google::protobuf::LogSilencer;
#else
struct Silence {
  Silence() {}
};
#endif

using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorSet;

std::string Refusal(const FileDescriptorSet& set) {
  const auto descriptors = Descriptors::Create(set, "hostile.binpb");
  REQUIRE(descriptors.status().code() == absl::StatusCode::kInvalidArgument);
  return std::string(descriptors.status().message());
}

TEST_CASE("a set without one of its imports is refused, naming both files") {
  FileDescriptorSet set;
  *set.add_file() = File("a.proto", {"gone.proto"});
  CHECK(Refusal(set).find("hostile.binpb: a.proto: imports \"gone.proto\", which the set does not hold") == 0);
}

TEST_CASE("only standard files are supplied, not whatever this program happens to hold") {
  FileDescriptorSet set;
  *set.add_file() = File("a.proto", {"sallyport/v1/config.proto"});
  CHECK(Refusal(set).find("which the set does not hold") != std::string::npos);
}

TEST_CASE("circles of imports are refused") {
  FileDescriptorSet set;
  *set.add_file() = File("free.proto");
  *set.add_file() = File("a.proto", {"b.proto"});
  *set.add_file() = File("b.proto", {"c.proto"});
  *set.add_file() = File("c.proto", {"a.proto"});
  CHECK(Refusal(set) == "hostile.binpb: a.proto: its imports form a circle");
  FileDescriptorSet self;
  *self.add_file() = File("self.proto", {"self.proto"});
  CHECK(Refusal(self) == "hostile.binpb: self.proto: its imports form a circle");
}

TEST_CASE("a file given twice with different contents is refused") {
  FileDescriptorSet set;
  *set.add_file() = File("a.proto");
  *set.add_file() = File("a.proto", {}, "other");
  CHECK(Refusal(set) == "hostile.binpb: a.proto: is there twice, with different contents");
}

TEST_CASE("two definitions of one name are refused, naming it") {
  FileDescriptorSet set;
  *set.add_file() = File("a.proto");
  *set.add_file() = File("b.proto");
  set.mutable_file(0)->add_message_type()->set_name("Same");
  set.mutable_file(1)->add_message_type()->set_name("Same");
  CHECK(Refusal(set).find("hostile.binpb: b.proto: shop.Same: ") == 0);
}

TEST_CASE("a file in a syntax that is not known is refused, naming both") {
  FileDescriptorSet set;
  *set.add_file() = File("new.proto");
  set.mutable_file(0)->set_syntax("editions");
  CHECK(Refusal(set).find("hostile.binpb: new.proto: is written in syntax \"editions\"") == 0);
}

TEST_CASE("files without a name and types that do not exist are refused") {
  FileDescriptorSet nameless;
  nameless.add_file()->set_syntax("proto3");
  CHECK(Refusal(nameless) == "hostile.binpb: holds a file without a name");

  FileDescriptorSet set = ShopSet();
  set.mutable_file(0)->mutable_service(0)->mutable_method(0)->set_input_type(".shop.Nothing");
  CHECK(Refusal(set).find("hostile.binpb: shop.proto: shop.Orders.Get: ") == 0);
}

TEST_CASE("a refusal carries no bytes that a terminal would act on") {
  FileDescriptorSet set;
  *set.add_file() = File("a\x1b[2J.proto", {"b\x07.proto"});
  const std::string refusal = Refusal(set);
  CHECK(refusal.find('\x1b') == std::string::npos);
  CHECK(refusal.find('\x07') == std::string::npos);
}

TEST_CASE("bytes that are no descriptor set are refused with how to make one") {
  for (const std::string& bytes :
       {std::string("\x1f\x8b\x08"), std::string("syntax = \"proto3\";"), std::string("\x0a\x05")}) {
    const auto parsed = Descriptors::Parse(bytes, "x.binpb");
    REQUIRE(parsed.status().code() == absl::StatusCode::kInvalidArgument);
    CHECK(std::string(parsed.status().message()).find("x.binpb: not a descriptor set: make one with protoc") == 0);
  }
}

TEST_CASE("a set cut anywhere is refused or is a smaller set") {
  const std::string whole = ShopSet().SerializeAsString();
  int refused = 0;
  for (size_t length = 1; length < whole.size(); ++length) {
    if (!Descriptors::Parse(whole.substr(0, length), "cut").ok()) ++refused;
  }
  CHECK(refused == static_cast<int>(whole.size()) - 1);
}

TEST_CASE("mangled sets give a refusal or a set whose methods can be used") {
  const Silence silence;
  const std::string good = Descriptors::Create(ShopSet(), "shop").value()->serialized();
  std::mt19937 random(11);
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = good;
    for (int change = 1 + static_cast<int>(random() % 3); change > 0; --change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto set = Descriptors::Parse(bytes, "mangled");
    if (!set.ok()) {
      ++refused;
      continue;
    }
    if ((*set)->FindMethod("/shop.Orders/Get") != nullptr) {
      const auto json =
          (*set)->ToJson("/shop.Orders/Get", MessageSide::kRequest, "\x0a\x01x\x10\x01\x1a\x00", JsonStyle::kOneLine);
      CHECK(json.ok());
    }
  }
  CHECK(refused > 100);
  CHECK(refused < 4000);
}

TEST_CASE("mangled messages give JSON") {
  const Silence silence;
  const auto shop = Descriptors::Create(ShopSet(), "shop").value();
  const std::string any = std::string("\x0a\x11") + "x.test/shop.Order" + "\x12\x02\x10\x07";
  const std::string good = std::string(
                               "\x0a\x04"
                               "4111"
                               "\x10\x2a\x1a\x02\x10\x01\x22",
                               13) +
                           static_cast<char>(any.size()) + any;
  std::mt19937 random(5);
  int unparsed = 0;
  for (int round = 0; round < 5000; ++round) {
    std::string bytes = good;
    for (int change = 1 + static_cast<int>(random() % 3); change > 0; --change) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    const auto json = shop->ToJson("/shop.Orders/Get", MessageSide::kRequest, bytes, JsonStyle::kIndented);
    REQUIRE(json.ok());
    REQUIRE(nlohmann::json::accept(*json));
    if (json->find("@unparsed") != std::string::npos) ++unparsed;
  }
  CHECK(unparsed > 500);
  CHECK(unparsed < 5000);
}

TEST_CASE("a message nested too deeply is not followed") {
  const auto shop = Descriptors::Create(ShopSet(), "shop").value();
  std::string message;
  for (int depth = 0; depth < 5000; ++depth) {
    std::string outer = "\x1a";
    for (size_t length = message.size(); true; length >>= 7) {
      outer += static_cast<char>((length & 0x7f) | (length > 0x7f ? 0x80 : 0));
      if (length <= 0x7f) break;
    }
    message.insert(0, outer);
  }
  const auto json = shop->ToJson("/shop.Orders/Get", MessageSide::kRequest, message, JsonStyle::kOneLine);
  REQUIRE(json.ok());
  CHECK(json->find("nested deeper than 1,000 messages") != std::string::npos);
}

TEST_CASE("ten thousand files in a chain, last first, are built") {
  constexpr int kFiles = 10'000;
  FileDescriptorSet set;
  for (int i = kFiles - 1; i >= 0; --i) {
    auto* file = set.add_file();
    *file = File("f" + std::to_string(i) + ".proto");
    if (i > 0) file->add_dependency("f" + std::to_string(i - 1) + ".proto");
    file->add_message_type()->set_name("M" + std::to_string(i));
  }
  const auto descriptors = Descriptors::Create(set, "many");
  REQUIRE(descriptors.ok());
  CHECK((*descriptors)->version().size() == 64);
}

TEST_CASE("types that lead to one another in a long chain do not exhaust the stack") {
  const int kTypes = GENERATE(4'000, 20'000);
  FileDescriptorSet set = ShopSet();
  auto* file = set.mutable_file(0);
  for (int i = 0; i < kTypes; ++i) {
    auto* message = file->add_message_type();
    message->set_name("T" + std::to_string(i));
    AddField(message, "next", 1, FieldDescriptorProto::TYPE_MESSAGE, ".shop.T" + std::to_string((i + 1) % kTypes));
  }
  file->mutable_service(0)->mutable_method(0)->set_input_type(".shop.T0");
  const auto descriptors = Descriptors::Create(set, "chain");
  REQUIRE(descriptors.ok());
  const auto json = (*descriptors)->ToJson("/shop.Orders/Get", MessageSide::kRequest, "", JsonStyle::kOneLine);
  CHECK(json.value() == "{}");
}

TEST_CASE("a long chain of public imports is refused") {
  FileDescriptorSet set;
  for (int i = 0; i < 200; ++i) {
    auto* file = set.add_file();
    *file = File("f" + std::to_string(i) + ".proto");
    if (i == 0) continue;
    file->add_dependency("f" + std::to_string(i - 1) + ".proto");
    file->add_public_dependency(0);
  }
  CHECK(Refusal(set).find("public imports") != std::string::npos);
}

TEST_CASE("a file that cannot be read is named") {
  CHECK(Descriptors::Load("/nonexistent/x.binpb").status().code() == absl::StatusCode::kNotFound);
  CHECK(std::string(Descriptors::Load("/nonexistent/x.binpb").status().message()).find("/nonexistent/x.binpb") == 0);
  char directory[] = "/tmp/descriptors-test-XXXXXX";
  REQUIRE(mkdtemp(directory) != nullptr);
  const absl::Status empty = Descriptors::Load(directory).status();
  CHECK(empty.code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(empty.message()).find(directory) == 0);
  rmdir(directory);
}

}  // namespace
}  // namespace sallyport::policy
