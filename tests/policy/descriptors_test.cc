#include "policy/descriptors/descriptors.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/descriptors/proto_sources.h"
#include "tests/policy/descriptor_files.h"

// Sanitizers bring their own allocator; the promise that nothing is allocated is held without them.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SALLYPORT_COUNTS_ALLOCATIONS
#endif

namespace {
thread_local long allocations = 0;
}  // namespace

#ifdef SALLYPORT_COUNTS_ALLOCATIONS
void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace sallyport::policy {
namespace {

using google::protobuf::FileDescriptorSet;

std::shared_ptr<const Descriptors> Shop() { return Descriptors::Create(ShopSet(), "shop").value(); }

TEST_CASE("nothing known has no version, no services and no methods") {
  const auto empty = Descriptors::Empty();
  CHECK(empty->version().empty());
  CHECK(empty->serialized().empty());
  CHECK(empty->services().empty());
  CHECK(empty->FindMethod("/shop.Orders/Get") == nullptr);
  CHECK(Descriptors::Create(FileDescriptorSet(), "x").value()->version().empty());
}

TEST_CASE("each kind of method is told apart") {
  const auto shop = Shop();
  REQUIRE(shop->FindMethod("/shop.Orders/Get") != nullptr);
  CHECK(shop->FindMethod("/shop.Orders/Get")->unary());
  CHECK(shop->FindMethod("/shop.Orders/Upload")->client_streaming);
  CHECK_FALSE(shop->FindMethod("/shop.Orders/Upload")->server_streaming);
  CHECK(shop->FindMethod("/shop.Orders/Watch")->server_streaming);
  CHECK_FALSE(shop->FindMethod("/shop.Orders/Watch")->client_streaming);
  CHECK(shop->FindMethod("/shop.Orders/Chat")->client_streaming);
  CHECK(shop->FindMethod("/shop.Orders/Chat")->server_streaming);
  CHECK(shop->services() == std::vector<std::string>{"shop.Orders"});
}

TEST_CASE("paths that are not exactly a known method's are unknown") {
  const auto shop = Shop();
  for (const char* path :
       {"", "/", "shop.Orders/Get", "/shop.Orders/Get/", "/shop.Orders/get", "/shop.Orders", "//shop.Orders/Get"}) {
    CAPTURE(path);
    CHECK(shop->FindMethod(path) == nullptr);
  }
}

TEST_CASE("finding a method allocates nothing") {
  const auto shop = Shop();
  const std::string long_path = "/" + std::string(10'000, 'x');
#ifdef SALLYPORT_COUNTS_ALLOCATIONS
  const long start = allocations;
  const std::string heap(1'000, 'x');
  REQUIRE(allocations > start);
#endif
  const long before = allocations;
  const MethodShape* known = shop->FindMethod("/shop.Orders/Get");
  const MethodShape* unknown = shop->FindMethod(long_path);
  CHECK(allocations == before);
  CHECK(known != nullptr);
  CHECK(unknown == nullptr);
}

TEST_CASE("a message of a known method is shown as JSON with the fields' own names") {
  const auto shop = Shop();
  const std::string order(
      "\x0a\x04"
      "4111"
      "\x10\x2a",
      8);
  CHECK(shop->ToJson("/shop.Orders/Get", MessageSide::kRequest, order, JsonStyle::kOneLine).value() ==
        R"({"card_number":"4111","amount":"42"})");
  CHECK(shop->ToJson("/shop.Orders/Get", MessageSide::kResponse, order, JsonStyle::kIndented).value() ==
        "{\n \"card_number\": \"4111\",\n \"amount\": \"42\"\n}");
  CHECK(shop->ToJson("/shop.Orders/Get", MessageSide::kRequest, "", JsonStyle::kOneLine).value() == "{}");
}

TEST_CASE("an unknown method is told, and bytes that are no message are shown as bytes") {
  const auto shop = Shop();
  const auto json = [&](const char* path, std::string_view bytes) {
    return shop->ToJson(path, MessageSide::kRequest, bytes, JsonStyle::kOneLine);
  };
  CHECK(json("/shop.Orders/Nope", "").status().code() == absl::StatusCode::kNotFound);
  CHECK(json("/shop.Orders/Get", "\x0a\xff").value() ==
        R"({"@unparsed":[{"offset":0,"reason":"no length that a value may have","bytes":"Cv8="}]})");
  CHECK(json("/shop.Orders/Get",
             "\x0a\x05"
             "4111")
            .value() == R"({"@unparsed":[{"offset":0,"reason":"cut short","bytes":"CgU0MTEx"}]})");
}

TEST_CASE("an Any of an unknown type does not hide the rest of its message") {
  const auto shop = Shop();
  const std::string any = std::string("\x0a\x13") + "type.test/a.Unknown" + "\x12\x02hi";
  const std::string order = std::string(
                                "\x0a\x04"
                                "4111"
                                "\x22") +
                            static_cast<char>(any.size()) + any;
  const auto json = shop->ToJson("/shop.Orders/Get", MessageSide::kRequest, order, JsonStyle::kOneLine);
  REQUIRE(json.ok());
  CHECK(*json == R"({"card_number":"4111","detail":{"@type":"type.test/a.Unknown","@bytes":"aGk="}})");
}

TEST_CASE("a known Any is shown whole, whatever host its type is said to come from") {
  const auto shop = Shop();
  const std::string any = std::string("\x0a\x10") + "x.test/shop.Order" + "\x12\x02\x10\x07";
  std::string fixed = any;
  fixed[1] = 17;
  const std::string order = std::string("\x22") + static_cast<char>(fixed.size()) + fixed;
  CHECK(shop->ToJson("/shop.Orders/Get", MessageSide::kRequest, order, JsonStyle::kOneLine).value() ==
        R"({"detail":{"@type":"x.test/shop.Order","amount":"7"}})");
}

TEST_CASE("equal sets have equal versions, whatever their order, comments and standard imports") {
  const auto shop = Shop();
  CHECK(shop->version().size() == 64);

  FileDescriptorSet commented = ShopSet();
  commented.mutable_file(0)->mutable_source_code_info()->add_location()->set_leading_comments("hello");
  commented.mutable_file(0)->mutable_message_type(0)->mutable_field(0)->set_json_name("cardNumber");
  CHECK(Descriptors::Create(commented, "x").value()->version() == shop->version());

  FileDescriptorSet twice = ShopSet();
  *twice.add_file() = twice.file(0);
  CHECK(Descriptors::Create(twice, "x").value()->version() == shop->version());

  FileDescriptorSet one, other;
  for (const char* name : {"a.proto", "b.proto", "c.proto"}) *one.add_file() = File(name);
  for (const char* name : {"c.proto", "a.proto", "b.proto"}) *other.add_file() = File(name);
  CHECK(Descriptors::Create(one, "x").value()->version() == Descriptors::Create(other, "x").value()->version());
}

TEST_CASE("what a set is kept as reads back as the same set") {
  const auto shop = Shop();
  const auto again = Descriptors::Parse(shop->serialized(), "kept");
  REQUIRE(again.ok());
  CHECK((*again)->version() == shop->version());
  CHECK((*again)->serialized() == shop->serialized());
  FileDescriptorSet set;
  REQUIRE(set.ParseFromString(shop->serialized()));
  REQUIRE(set.file_size() == 2);  // with any.proto, which it imports
  CHECK(set.file(0).name() == "google/protobuf/any.proto");
}

TEST_CASE("merged sets know what each knew") {
  FileDescriptorSet other;
  *other.add_file() = File("other.proto", {}, "other");
  other.mutable_file(0)->add_message_type()->set_name("Empty");
  auto* method = other.mutable_file(0)->add_service();
  method->set_name("Ping");
  auto* ping = method->add_method();
  ping->set_name("Do");
  ping->set_input_type(".other.Empty");
  ping->set_output_type(".other.Empty");
  std::vector<std::string> conflicts;
  const auto merged = Descriptors::Merge({Shop(), Descriptors::Create(other, "o").value(), Shop()}, &conflicts).value();
  CHECK(conflicts.empty());
  CHECK(merged->FindMethod("/shop.Orders/Get") != nullptr);
  CHECK(merged->FindMethod("/other.Ping/Do") != nullptr);
  CHECK(Descriptors::Merge({}, nullptr).value()->version().empty());
}

TEST_CASE("of a file described in two ways the first is taken and the conflict is told") {
  FileDescriptorSet changed = ShopSet();
  changed.mutable_file(0)->mutable_service(0)->mutable_method(0)->set_server_streaming(true);
  std::vector<std::string> conflicts;
  const auto merged = Descriptors::Merge({Shop(), Descriptors::Create(changed, "changed").value()}, &conflicts).value();
  REQUIRE(conflicts.size() == 1);
  CHECK(conflicts[0] == "shop.proto: shop and changed describe it differently; the first is used");
  CHECK(merged->FindMethod("/shop.Orders/Get")->unary());
}

TEST_CASE("files that cannot be built are named, and the others are usable") {
  FileDescriptorSet set = ShopSet();
  *set.add_file() = File("new.proto", {}, "new");
  set.mutable_file(1)->set_syntax("editions");
  *set.add_file() = File("uses_new.proto", {"new.proto"}, "uses");
  CHECK(Descriptors::Create(set, "mixed").status().code() == absl::StatusCode::kInvalidArgument);
  std::vector<std::string> left_out;
  const auto descriptors = Descriptors::Create(set, "mixed", &left_out);
  REQUIRE(descriptors.ok());
  CHECK((*descriptors)->FindMethod("/shop.Orders/Get") != nullptr);
  REQUIRE(left_out.size() == 2);
  CHECK(left_out[0].find("mixed: new.proto: is written in syntax \"editions\"") == 0);
  CHECK(left_out[1].find("mixed: uses_new.proto: imports \"new.proto\"") == 0);
}

TEST_CASE("directories of sources are compiled, and faults have their places") {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / absl::StrCat("sallyport-protos-", getpid());
  std::filesystem::create_directories(directory / "shop");
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(directory / name) << text; };
  write("shop/order.proto",
        "syntax = \"proto3\";\npackage shop;\nimport \"google/protobuf/timestamp.proto\";\n"
        "message Order { string card = 1; google.protobuf.Timestamp at = 2; }\n");
  write("shop/orders.proto",
        "syntax = \"proto3\";\npackage shop;\nimport \"shop/order.proto\";\n"
        "service Orders { rpc Get(Order) returns (stream Order); }\n");
  write("notes.txt", "not a proto");
  std::filesystem::create_directory_symlink(directory, directory / "loop");
  auto compiled = CompileProtos(directory);
  INFO(compiled.status().message());
  REQUIRE(compiled.ok());
  REQUIRE((*compiled)->FindMethod("/shop.Orders/Get") != nullptr);
  CHECK((*compiled)->FindMethod("/shop.Orders/Get")->server_streaming);
  CHECK((*compiled)->source() == directory);
  write("shop/bad.proto", "syntax = \"proto3\";\nmessage Bad {\n  strin card = 1;\n  string a = 1\n}\n");
  compiled = CompileProtos(directory);
  const std::string fault(compiled.status().message());
  CHECK(fault.find(directory.string() + "/shop/bad.proto:5:1: ") == 0);
  // With somebody to tell, what is in order is used.
  write("shop/new.proto", "// Copyright\n\nedition = \"2023\";\npackage shop;\nmessage New {}\n");
  std::filesystem::create_directories(directory / "node_modules/x");
  write("node_modules/x/garbage.proto", "\x01\xff{{{");
  write("shop/lost.proto", "syntax = \"proto3\";\nimport \"nowhere.proto\";\n");
  std::vector<std::string> left_out;
  compiled = CompileProtos(directory, &left_out);
  REQUIRE(compiled.ok());
  CHECK((*compiled)->FindMethod("/shop.Orders/Get") != nullptr);
  const auto told = [&](const std::string& what) {
    return std::any_of(left_out.begin(), left_out.end(),
                       [&](const std::string& line) { return line.find(what) != std::string::npos; });
  };
  CHECK(told("/shop/bad.proto:5:1: "));
  CHECK(told("/shop/new.proto: is written in an edition"));
  CHECK(told("buf build "));
  CHECK(told("/node_modules/x/garbage.proto:"));
  CHECK(told("/shop/lost.proto"));
  std::filesystem::remove_all(directory);
  CHECK_FALSE(CompileProtos(directory).ok());
  std::filesystem::create_directories(directory);
  CHECK(std::string(CompileProtos(directory).status().message()).find("there is no .proto file") != std::string::npos);
  std::filesystem::remove_all(directory);
}

TEST_CASE("options that came after this protobuf are read from sources, as a current protoc puts them into a set") {
  const std::filesystem::path directory =
      std::filesystem::temp_directory_path() / absl::StrCat("sallyport-options-", getpid());
  std::filesystem::create_directories(directory / "google/protobuf");
  const auto write = [&](const char* name, const std::string& text) { std::ofstream(directory / name) << text; };
  write("secret.proto",
        "syntax = \"proto3\";\npackage shop;\nimport \"google/protobuf/descriptor.proto\";\n"
        "extend google.protobuf.FieldOptions { bool own = 5001 [retention = RETENTION_SOURCE, targets = "
        "TARGET_TYPE_FIELD]; }\n"
        "message Login { string name = 1; string password = 2 [debug_redact = true, (own) = true, deprecated = true]; "
        "}\n"
        "enum Kind { NONE = 0; SECRET = 1 [debug_redact = true]; }\n");
  write("plain.proto", "syntax = \"proto2\";\nmessage M { optional string p = 1 [debug_redact = true]; }\n");
  // One that this protobuf does not understand itself is not in the way.
  write("google/protobuf/descriptor.proto", "edition = \"2099\";\n");
  const auto compiled = CompileProtos(directory);
  INFO(compiled.status().message());
  REQUIRE(compiled.ok());
  const auto options = [&](const char* message, const char* field) {
    return (*compiled)->pool().FindMessageTypeByName(message)->FindFieldByName(field)->options().SerializeAsString();
  };
  // deprecated = 3, debug_redact = 16, own = 5001.
  CHECK(options("shop.Login", "password") == std::string("\x18\x01\x80\x01\x01\xc8\xb8\x02\x01", 9));
  CHECK(options("shop.Login", "name").empty());
  CHECK(options("M", "p") == std::string("\x80\x01\x01", 3));
  CHECK((*compiled)->pool().FindEnumTypeByName("shop.Kind")->FindValueByName("SECRET")->options().SerializeAsString() ==
        std::string("\x18\x01", 2));
  std::filesystem::remove_all(directory);
}

TEST_CASE("a type that two sets define under different file names is taken from the first") {
  FileDescriptorSet renamed = ShopSet();
  renamed.mutable_file(0)->set_name("elsewhere/shop.proto");
  *renamed.add_file() = File("uses.proto", {"elsewhere/shop.proto"}, "uses");
  std::vector<std::string> conflicts;
  const auto merged = Descriptors::Merge({Shop(), Descriptors::Create(renamed, "renamed").value()}, &conflicts).value();
  CHECK(merged->version() == Shop()->version());
  REQUIRE(conflicts.size() == 2);
  CHECK(conflicts[0].find("elsewhere/shop.proto") != std::string::npos);
  CHECK(conflicts[1].find("uses.proto") != std::string::npos);
}

TEST_CASE("threads may ask at the same time") {
  const auto shop = Shop();
  const std::string order(
      "\x0a\x04"
      "4111"
      "\x10\x2a",
      8);
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::vector<int> good(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 200; ++round) {
        const auto json = shop->ToJson("/shop.Orders/Chat", MessageSide::kResponse, order, JsonStyle::kOneLine);
        if (json.ok() && shop->FindMethod("/shop.Orders/Chat") != nullptr) ++good[i];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == std::vector<int>{200, 200, 200, 200});
}

}  // namespace
}  // namespace sallyport::policy
