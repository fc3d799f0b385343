// Sets that are too large to be built at once: what is wrong with them is told all the same, and files are built when
// they are used.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/descriptors/descriptors.h"
#include "policy/masking/content_check.h"
#include "policy/masking/mask_plan.h"
#include "tests/policy/descriptor_files.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
using pb::FieldDescriptorProto;
using pb::FileDescriptorSet;

// Adds files that nobody asks for, until a set is large.
void AddBallast(FileDescriptorSet* set) {
  for (int i = 0; i < 700; ++i) {
    auto* file = set->add_file();
    *file = File(absl::StrCat("ballast/", i, ".proto"), {}, absl::StrCat("ballast", i));
    auto* message = file->add_message_type();
    message->set_name("M");
    for (int field = 1; field <= 40; ++field) {
      AddField(message, absl::StrCat("a_field_with_a_name_", field), field, FieldDescriptorProto::TYPE_STRING);
    }
  }
}

FileDescriptorSet LargeShop() {
  FileDescriptorSet set = ShopSet();
  AddBallast(&set);
  return set;
}

TEST_CASE("a large set knows what a small one knows") {
  const auto small = Descriptors::Create(ShopSet(), "shop").value();
  const auto large = Descriptors::Create(LargeShop(), "large").value();
  REQUIRE(large->FindMethod("/shop.Orders/Watch") != nullptr);
  CHECK(large->FindMethod("/shop.Orders/Watch")->server_streaming);
  CHECK(large->FindMethod("/shop.Orders/Nope") == nullptr);
  const std::string order =
      "\x0a\x02"
      "41\x10\x2a";
  CHECK(large->ToJson("/shop.Orders/Get", MessageSide::kRequest, order, JsonStyle::kOneLine).value() ==
        small->ToJson("/shop.Orders/Get", MessageSide::kRequest, order, JsonStyle::kOneLine).value());
  CHECK(large->message_types().size() == 2 + 700);
  CHECK(large->files().size() == 2 + 700);
  CHECK(large->services() == small->services());
  CHECK(large->fingerprint("shop.proto") == small->fingerprint("shop.proto"));
  CHECK(large->pool().FindMessageTypeByName("ballast699.M")->field_count() == 40);
  CHECK(large->pool().FindFieldByName("ballast3.M.a_field_with_a_name_7") != nullptr);
  CHECK(large->pool().FindMessageTypeByName("ballast3.N") == nullptr);
  CHECK(large->pool().FindMessageTypeByName("M") == nullptr);
  CHECK(large->faults().empty());
  // Kept and read again it is the same.
  const auto kept = Descriptors::OfKept(large->serialized(), "kept", large->version());
  CHECK(kept->serialized() == large->serialized());
  CHECK(Descriptors::Parse(large->serialized(), "again").value()->version() == large->version());
  CHECK(kept->ToJson("/shop.Orders/Get", MessageSide::kRequest, order, JsonStyle::kOneLine).ok());
  CHECK(Descriptors::Merge({large, small}, nullptr).value()->version() == large->version());
}

TEST_CASE("of a large set only what is used is built, whatever an Any might hold") {
  const auto large = Descriptors::Create(LargeShop(), "large").value();
  const auto built = [&](int number) {
    return large->pool().InternalIsFileLoaded(absl::StrCat("ballast/", number, ".proto"));
  };
  CHECK(large->KnownServices().size() == 1);
  CHECK_FALSE(large->fingerprint("ballast/3.proto").empty());
  CHECK_FALSE(large->pool().InternalIsFileLoaded("shop.proto"));
  FieldSelection selection;
  selection.globs.push_back(FieldGlob::Parse("*.a_field_with_a_name_1").value());
  MaskPlan::Request request;
  request.root = large->FindMessage("/shop.Orders/Get", MessageSide::kRequest);
  REQUIRE(request.root != nullptr);
  request.pool = &large->pool();
  request.selections = {&selection};
  const auto plan = MaskPlan::Compile(request).value();
  for (int i = 0; i < 700; ++i) REQUIRE_FALSE(built(i));
  // detail (4), an Any that holds a ballast3.M, in which the field is "x"; twice, as calls come.
  const std::string order = absl::StrCat("\x22\x14\x0a\x0d", "t/ballast3.M\x20", "\x12\x03\x0a\x01x");
  const std::string named = absl::StrCat("\x22\x13\x0a\x0c", "t/ballast3.M", "\x12\x03\x0a\x01x");
  for (int round = 0; round < 2; ++round) {
    std::vector<std::string> found;
    CHECK(VisitValues(*plan, named, [&](const VisitedValue& value) {
      found.emplace_back(value.text);
      return true;
    }));
    CHECK(found == std::vector<std::string>{"x"});
  }
  // Of a type that is not there: nothing is found, and nothing is built.
  CHECK(VisitValues(*plan, order, [](const VisitedValue&) -> bool { throw std::runtime_error("a value"); }));
  for (int i = 0; i < 700; ++i) REQUIRE(built(i) == (i == 3));
}

TEST_CASE("a large set finds extensions wherever they stand") {
  FileDescriptorSet set = LargeShop();
  auto* file = set.add_file();
  *file = File("open.proto", {}, "open");
  file->clear_syntax();
  auto* open = file->add_message_type();
  open->set_name("Open");
  auto* range = open->add_extension_range();
  range->set_start(100);
  range->set_end(200);
  for (int i = 0; i < 2; ++i) {
    auto* more = set.add_file();
    *more = File(absl::StrCat("more", i, ".proto"), {"open.proto"}, absl::StrCat("more", i));
    more->clear_syntax();
    auto* extension = i == 0 ? more->add_extension() : more->add_message_type()->add_extension();
    if (i == 1) more->mutable_message_type(0)->set_name("Within");
    extension->set_name("x");
    extension->set_number(100 + i);
    extension->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    extension->set_type(FieldDescriptorProto::TYPE_INT32);
    extension->set_extendee(".open.Open");
  }
  const auto large = Descriptors::Create(set, "large").value();
  const pb::Descriptor* type = large->pool().FindMessageTypeByName("open.Open");
  REQUIRE(type != nullptr);
  CHECK(large->types().FindExtension(*type, 100)->full_name() == "more0.x");
  std::vector<const pb::FieldDescriptor*> all;
  large->pool().FindAllExtensions(type, &all);
  CHECK(all.size() == 2);
  CHECK(large->types().FindExtension(*type, 102) == nullptr);
}

TEST_CASE("a large set finds the extension of a number, whatever else its files extend and in whichever order") {
  FileDescriptorSet set = LargeShop();
  auto* file = set.add_file();
  *file = File("open.proto", {}, "open");
  file->clear_syntax();
  for (const char* name : {"Open", "Other"}) {
    auto* open = file->add_message_type();
    open->set_name(name);
    auto* range = open->add_extension_range();
    range->set_start(100);
    range->set_end(200);
  }
  const std::vector<int> numbers = {150, 100, 199, 101, 120, 198};
  for (size_t i = 0; i < numbers.size(); ++i) {
    const int number = numbers[i];
    auto* more = set.add_file();
    // By name in the same order.
    *more = File(absl::StrCat("more", i, ".proto"), {"open.proto"}, absl::StrCat("more", i));
    more->clear_syntax();
    for (const char* name : {"Open", "Other"}) {
      auto* extension = more->add_extension();
      extension->set_name(absl::StrCat("x", name));
      // Of the other type the numbers are others.
      extension->set_number(*name == 'O' && name[1] == 'p' ? number : 299 - number);
      extension->set_label(FieldDescriptorProto::LABEL_OPTIONAL);
      extension->set_type(FieldDescriptorProto::TYPE_INT32);
      extension->set_extendee(absl::StrCat(".open.", name));
    }
  }
  for (int number = 100; number < 200; ++number) {
    // Anew for each, so that no file was read for another.
    if (number > 102 && number < 195 && number % 10 != 0) continue;
    const auto large = Descriptors::Create(set, "large").value();
    const auto place = std::find(numbers.begin(), numbers.end(), number);
    const bool there = place != numbers.end();
    const pb::Descriptor* const type = large->pool().FindMessageTypeByName("open.Open");
    REQUIRE(type != nullptr);
    const pb::FieldDescriptor* const found = large->types().FindExtension(*type, static_cast<uint32_t>(number));
    CAPTURE(number);
    REQUIRE((found != nullptr) == there);
    if (there) CHECK(found->full_name() == absl::StrCat("more", place - numbers.begin(), ".xOpen"));
  }
}

TEST_CASE("what is wrong with a large set is told when it is made, with the file") {
  const auto told = [](const std::function<void(FileDescriptorSet*)>& spoil) {
    FileDescriptorSet set = LargeShop();
    spoil(&set);
    CHECK_FALSE(Descriptors::Create(set, "large").ok());
    std::vector<std::string> left_out;
    const auto made = Descriptors::Create(set, "large", &left_out);
    REQUIRE(made.ok());
    REQUIRE(left_out.size() >= 1);
    CHECK((*made)->FindMethod("/shop.Orders/Get") == nullptr);
    CHECK((*made)->pool().FindMessageTypeByName("ballast0.M") != nullptr);
    return left_out[0];
  };
  CHECK(told([](auto* set) {
          set->mutable_file(0)->set_syntax("editions");
        }).find("large: shop.proto: is written in syntax \"editions\"") == 0);
  CHECK(told([](auto* set) {
          set->mutable_file(0)->add_dependency("gone.proto");
        }).find("large: shop.proto: imports \"gone.proto\", which the set does not hold") == 0);
  CHECK(told([](auto* set) {
          set->mutable_file(0)->mutable_service(0)->mutable_method(0)->set_input_type(".shop.Nothing");
        }) == "large: shop.proto: shop.Orders.Get: \".shop.Nothing\" is not defined (left out)");
  CHECK(told([](auto* set) {
          set->mutable_file(0)->mutable_message_type(0)->mutable_field(2)->set_type_name(".ballast1.M");
        }) ==
        "large: shop.proto: shop.Order.next: \".ballast1.M\" is defined in a file that this one does not import "
        "(left out)");
  CHECK(told([](auto* set) {
          set->mutable_file(0)->mutable_message_type(0)->mutable_field(2)->set_type_name("Order");
        }).find("is not a full name") != std::string::npos);
  CHECK(told([](auto* set) {
          // By name it comes before shop.proto.
          *set->add_file() = File("first.proto");
          set->mutable_file(set->file_size() - 1)->add_message_type()->set_name("Order");
        }) == "large: shop.proto: shop.Order: is already defined in first.proto (left out)");
  CHECK(told([](auto* set) {
          *set->add_file() = File("first.proto", {}, "");
          set->mutable_file(set->file_size() - 1)->add_message_type()->set_name("shop");
        }).find("shop: is already defined in first.proto") != std::string::npos);
}

TEST_CASE("a set of too many files is refused before they are read") {
  std::string bytes;
  for (int i = 0; i < 10'000'000; ++i) bytes += std::string("\x0a\0", 2);
  const absl::Status status = Descriptors::Parse(bytes, "many").status();
  CHECK(std::string(status.message()).find("many: holds a file without a name") == 0);
  for (int i = 0; i <= 20'000; ++i) {
    const std::string name = absl::StrCat(100'000 + i);
    bytes.insert(0, absl::StrCat("\x0a\x08\x0a\x06", name));
    if (i == 0) bytes.resize(10);
  }
  CHECK(Descriptors::Parse(bytes, "many").status().message() == "many: holds more than 20000 files, which is the most");
}

TEST_CASE("files that need one that is left out are left out, and circles are refused, in a large set as well") {
  FileDescriptorSet set = LargeShop();
  set.mutable_file(0)->set_syntax("editions");
  *set.add_file() = File("uses.proto", {"shop.proto"}, "uses");
  std::vector<std::string> left_out;
  REQUIRE(Descriptors::Create(set, "large", &left_out).ok());
  CHECK(left_out.size() == 2);
  *set.add_file() = File("a.proto", {"b.proto"});
  *set.add_file() = File("b.proto", {"a.proto"});
  CHECK(Descriptors::Create(set, "large", &left_out).status().message() == "large: a.proto: its imports form a circle");
}

TEST_CASE("what only protobuf finds in a large set makes the file's types unknown, and is told where they are used") {
  FileDescriptorSet set = LargeShop();
  AddField(set.mutable_file(0)->mutable_message_type(0), "again", 1, FieldDescriptorProto::TYPE_STRING);
  const auto large = Descriptors::Create(set, "large").value();
  CHECK(large->FindMethod("/shop.Orders/Get") != nullptr);
  CHECK(large->FindMessage("/shop.Orders/Get", MessageSide::kRequest) == nullptr);
  const auto json = large->ToJson("/shop.Orders/Get", MessageSide::kRequest, "", JsonStyle::kOneLine);
  CHECK(std::string(json.status().message())
            .find("the descriptors of method /shop.Orders/Get cannot be built: shop.proto: shop.Order.again: ") == 0);
  REQUIRE(large->faults().size() == 1);
  CHECK(large->pool().FindMessageTypeByName("ballast1.M") != nullptr);
}

TEST_CASE("long chains of imports do not exhaust the stack, whatever is asked for first") {
  FileDescriptorSet set;
  constexpr int kFiles = 10'000;
  for (int i = 0; i < kFiles; ++i) {
    auto* file = set.add_file();
    *file = File(absl::StrCat("f", i, ".proto"));
    // Two ways on, one of which goes past every other file.
    if (i > 0) file->add_dependency(absl::StrCat("f", i - 1, ".proto"));
    if (i > 1) file->add_dependency(absl::StrCat("f", i - 2, ".proto"));
    auto* message = file->add_message_type();
    message->set_name(absl::StrCat("M", i));
    for (int field = 1; field < 4; ++field)
      AddField(message, absl::StrCat("f", field), field, FieldDescriptorProto::TYPE_INT32);
  }
  const auto large = Descriptors::Create(set, "chain").value();
  REQUIRE(large->serialized().size() > (512 << 10));
  CHECK(large->pool().FindMessageTypeByName("shop.M9999") != nullptr);
}

TEST_CASE("threads may use a large set for the first time together") {
  const auto large = Descriptors::Create(LargeShop(), "large").value();
  std::vector<std::thread> threads;
  threads.reserve(4);
  std::vector<int> good(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int round = 0; round < 200; ++round) {
        const std::string name = absl::StrCat("ballast", (round * 3 + i) % 700, ".M");
        if (large->types().FindMessage(name) != nullptr && large->FindMethod("/shop.Orders/Chat") != nullptr &&
            large->FindMessage("/shop.Orders/Chat", MessageSide::kRequest) != nullptr &&
            !large->fingerprint("shop.proto").empty()) {
          ++good[static_cast<size_t>(i)];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(good == std::vector<int>{200, 200, 200, 200});
}

}  // namespace
}  // namespace sallyport::policy
