// What an upstream reflects, beside what the operator's files say: nobody's word counts for more than it should, and
// what is broken costs no more than it must.
#include "policy/descriptors/reflected_files.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/descriptors/descriptors.h"
#include "policy/descriptors/reflected_bounds.h"
#include "tests/policy/descriptor_files.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
using Set = std::shared_ptr<const Descriptors>;

// References in it are as they are written, so mostly relative.
void AddSource(pb::FileDescriptorSet* set, const std::string& name, const std::string& source) {
  pb::io::ArrayInputStream input(source.data(), static_cast<int>(source.size()));
  pb::io::Tokenizer tokenizer(&input, nullptr);
  pb::FileDescriptorProto* file = set->add_file();
  REQUIRE(pb::compiler::Parser().Parse(&tokenizer, file));
  file->set_name(name);
}

pb::FileDescriptorSet Files(const std::vector<std::pair<std::string, std::string>>& sources) {
  pb::FileDescriptorSet set;
  for (const auto& [name, source] : sources) AddSource(&set, name, source);
  return set;
}

struct Reflected {
  Set set;
  std::vector<std::string> told;
  bool Knows(const std::string& type) const { return set->pool().FindMessageTypeByName(type) != nullptr; }
  bool Has(const std::string& path) const { return set->FindMethod(path) != nullptr; }
};

// What is kept has to read back by itself, and to say the same.
void CheckKept(const Descriptors& set) {
  const auto again = Descriptors::Parse(set.serialized(), "kept");
  INFO(again.status().message());
  REQUIRE(again.ok());
  CHECK((*again)->services() == set.services());
  std::vector<std::string> types = set.message_types();
  std::vector<std::string> types_again = (*again)->message_types();
  std::sort(types.begin(), types.end());
  std::sort(types_again.begin(), types_again.end());
  CHECK(types_again == types);
  for (const std::string& type : types) {
    CHECK((*again)->pool().FindMessageTypeByName(type)->DebugString() ==
          set.pool().FindMessageTypeByName(type)->DebugString());
  }
}

Reflected Over(const Set& base, const pb::FileDescriptorSet& files) {
  Reflected reflected;
  absl::StatusOr<Set> set = Descriptors::Over(base, files, "reflection of upstream a", &reflected.told);
  INFO(set.status().message());
  REQUIRE(set.ok());
  reflected.set = *std::move(set);
  CheckKept(*reflected.set);
  return reflected;
}

Reflected Alone(const std::vector<std::pair<std::string, std::string>>& sources) {
  return Over(Descriptors::Empty(), Files(sources));
}

Set Shop() { return Descriptors::Create(ShopSet(), "shop.binpb").value(); }

const pb::Descriptor& Order(const Descriptors& set) { return *set.pool().FindMessageTypeByName("shop.Order"); }

TEST_CASE("a file whose import is missing and not used is known whole") {
  const Reflected one =
      Alone({{"a.proto", "syntax='proto3'; package a; message R {} service A { rpc Get(R) returns (R); }"},
             {"b.proto",
              "syntax='proto3'; package b; import 'none.proto'; message R {} "
              "service B { rpc Get(R) returns (R); }"}});
  CHECK(one.Has("/a.A/Get"));
  CHECK(one.Has("/b.B/Get"));
  CHECK(one.told.empty());
}

TEST_CASE("of a file that uses what is missing, what needs it is lost, and nothing else") {
  const Reflected one = Alone({{"a.proto", R"(
    syntax = 'proto2'; package a; import 'none.proto';
    message Plain { optional string name = 1; }
    message Uses { optional none.Gone gone = 1; }
    message Holds { repeated Uses uses = 1; }
    message Maps { map<string, none.Gone> by_name = 1; }
    message Outer { message Inner { optional none.Gone gone = 1; } message Other {} optional Plain plain = 1; }
    message Picks { oneof one { Holds holds = 1; Plain plain = 2; } }
    message Lists { optional none.Kind kind = 1; }
    service S {
      rpc Good(Plain) returns (Outer);
      rpc In(Uses) returns (Plain);
      rpc Out(Plain) returns (stream Holds);
      rpc Gone(none.Gone) returns (Plain);
    })"}});
  for (const char* known : {"a.Plain", "a.Outer", "a.Outer.Other"}) {
    INFO(known);
    CHECK(one.Knows(known));
  }
  for (const char* lost : {"a.Uses", "a.Holds", "a.Maps", "a.Outer.Inner", "a.Picks", "a.Lists"}) {
    INFO(lost);
    CHECK_FALSE(one.Knows(lost));
  }
  CHECK(one.Has("/a.S/Good"));
  for (const char* lost : {"/a.S/In", "/a.S/Out", "/a.S/Gone"}) CHECK_FALSE(one.Has(lost));
  REQUIRE_FALSE(one.told.empty());
  CHECK(one.told[0] ==
        "reflection of upstream a: a.proto: a.Uses needs none.Gone, which is not known: nor is what needs it");
}

TEST_CASE("what an extension of an unknown type extends is not known either") {
  const Reflected one = Alone({{"a.proto", R"(
    syntax = 'proto2'; package a; import 'none.proto';
    message Open { extensions 100 to 200; }
    message Free { extensions 100 to 200; }
    extend Open { optional none.Gone gone = 100; }
    extend none.Other { optional string name = 100; }
    extend Free { optional string name = 100; }
    message Within { extend Free { optional string other = 101; } extend none.Other { optional string other = 101; } }
    )"}});
  CHECK_FALSE(one.Knows("a.Open"));
  CHECK(one.Knows("a.Free"));
  CHECK(one.Knows("a.Within"));
  CHECK(one.set->pool().FindExtensionByName("a.name") == nullptr);  // of a type that nobody knows, and the first of it
  CHECK(one.set->pool().FindExtensionByName("a.Within.other") != nullptr);
}

TEST_CASE("what stands in a type that is not known is not known either, and its users are lost one by one") {
  const Reflected one = Alone({{"a.proto", R"(
    syntax = 'proto2'; package a; import 'none.proto';
    message Outer { optional none.Gone gone = 1; message Inner { message Core {} } enum Kind { ZERO = 0; } }
    message Uses { optional Outer.Inner inner = 1; }
    message Deep { optional Outer.Inner.Core core = 1; }
    message Lists { optional Outer.Kind kind = 1; }
    message Through { optional Uses uses = 1; }
    message Plain { optional string name = 1; }
    message Open { extensions 100 to 200; }
    message Free { extensions 100 to 200; }
    extend Open { optional Through through = 100; }
    extend Free { optional Plain plain = 100; }
    service S { rpc Good(Plain) returns (Free); rpc Bad(Deep) returns (Plain); })"}});
  for (const char* known : {"a.Plain", "a.Free"}) {
    INFO(known);
    CHECK(one.Knows(known));
  }
  for (const char* lost :
       {"a.Outer", "a.Outer.Inner", "a.Outer.Inner.Core", "a.Uses", "a.Deep", "a.Lists", "a.Through", "a.Open"}) {
    INFO(lost);
    CHECK_FALSE(one.Knows(lost));
  }
  CHECK(one.Has("/a.S/Good"));
  CHECK_FALSE(one.Has("/a.S/Bad"));
  CHECK(one.set->pool().FindExtensionByName("a.plain") != nullptr);
  CHECK(one.set->pool().FindExtensionByName("a.through") == nullptr);
}

TEST_CASE("so many files, and no more") {
  ReflectedBounds bounds;
  for (size_t i = 0; i < ReflectedBounds::kMostFiles; ++i) REQUIRE(bounds.Read("\x0a\x01x").ok());
  CHECK(absl::IsResourceExhausted(bounds.Read("\x0a\x01x").status()));
}

TEST_CASE("a file that cannot be built takes with it only what needs it") {
  pb::FileDescriptorSet files =
      Files({{"bad.proto", "syntax='proto3'; package bad; message M { string a = 1; string b = 1; }"},
             {"new.proto", "syntax='proto3'; package next; message M {}"},
             {"uses.proto", R"(
    syntax = 'proto3'; package uses; import 'bad.proto'; import 'new.proto';
    message Good {} message Bad { bad.M m = 1; } message New { next.M m = 1; }
    service S { rpc Good(Good) returns (Good); rpc Bad(Bad) returns (Good); rpc New(New) returns (Good); })"}});
  files.mutable_file(1)->set_syntax("editions");
  const Reflected one = Over(Descriptors::Empty(), files);
  CHECK(one.Has("/uses.S/Good"));
  CHECK_FALSE(one.Has("/uses.S/Bad"));
  CHECK_FALSE(one.Has("/uses.S/New"));
}

TEST_CASE("a reference where none belongs breaks its file only") {
  pb::FileDescriptorSet files = Files({{"a.proto", "syntax='proto3'; package a; message M { string s = 1; }"},
                                       {"b.proto", "syntax='proto3'; package b; message M {}"}});
  files.mutable_file(0)->mutable_message_type(0)->mutable_field(0)->set_extendee("none.X");
  const Reflected one = Over(Descriptors::Empty(), files);
  CHECK_FALSE(one.Knows("a.M"));
  CHECK(one.Knows("b.M"));
}

TEST_CASE("imports in a circle harm nobody who does not use them so") {
  const char* const kA = "syntax='proto3'; package a; import 'b.proto'; message M { b.M m = 1; } message Free {}";
  CHECK(
      Alone({{"a.proto", kA}, {"b.proto", "syntax='proto3'; package b; import 'a.proto'; message M {}"}}).Knows("a.M"));
  CHECK(Alone({{"self.proto", "syntax='proto3'; package s; import 'self.proto'; message M {}"}}).Knows("s.M"));
  // Used in a circle, it cannot be built; what is not in the circle can.
  const Reflected used =
      Alone({{"a.proto", kA}, {"b.proto", "syntax='proto3'; package b; import 'a.proto'; message M { a.M m = 1; }"}});
  CHECK_FALSE(used.Knows("a.M"));
  CHECK_FALSE(used.Knows("b.M"));
  CHECK(used.Knows("a.Free"));
}

TEST_CASE("what comes through a public import, or through one that is not there, is known where anybody defines it") {
  const Reflected one = Alone({{"all.proto", "syntax='proto3'; import public 'm.proto'; import public 'none.proto';"},
                               {"m.proto", "syntax='proto3'; package m; message M {}"},
                               {"s.proto",
                                "syntax='proto3'; package s; import 'all.proto'; import 'elsewhere/t.proto'; "
                                "service S { rpc Get(m.M) returns (t.T); }"},
                               {"t.proto", "syntax='proto3'; package t; message T {}"}});
  CHECK(one.Has("/s.S/Get"));
}

TEST_CASE("what the operator's files define, an upstream cannot define otherwise") {
  const Set base = Shop();
  SECTION("under the file's own name") {
    pb::FileDescriptorSet files = ShopSet();
    files.mutable_file(0)->mutable_message_type(0)->mutable_field()->DeleteSubrange(0, 1);
    files.mutable_file(0)->mutable_service(0)->mutable_method(0)->set_server_streaming(true);
    files.mutable_file(0)->add_message_type()->set_name("More");
    const Reflected one = Over(base, files);
    CHECK(Order(*one.set).FindFieldByName("card_number") != nullptr);
    CHECK(&Order(*one.set) == &Order(*base));
    CHECK(one.set->FindMethod("/shop.Orders/Get")->unary());
    CHECK(one.Knows("shop.More"));
    CHECK(one.told.size() == 2);
    CHECK(std::any_of(one.told.begin(), one.told.end(), [](const std::string& line) {
      return line ==
             "reflection of upstream a: shop.proto: shop.Order: the descriptor files describe it differently, "
             "and they count";
    }));
  }
  SECTION("under another file's name") {
    pb::FileDescriptorSet files = ShopSet();
    files.mutable_file(0)->set_name("elsewhere/shop.proto");
    files.mutable_file(0)->mutable_message_type(0)->mutable_field(0)->set_name("harmless");
    AddSource(&files, "uses.proto",
              "syntax='proto3'; package uses; import 'elsewhere/shop.proto'; message M { shop.Order order = 1; }");
    const Reflected one = Over(base, files);
    CHECK(&Order(*one.set) == &Order(*base));
    REQUIRE(one.Knows("uses.M"));
    CHECK(one.set->pool().FindMessageTypeByName("uses.M")->field(0)->message_type() == &Order(*base));
  }
  SECTION("by a package of a type's name, or a type, an enum's value or a service of a package's or type's") {
    const Reflected one = Over(base, Files({{"x.proto", "syntax='proto3'; package shop.Order; message card_number {}"},
                                            {"y.proto", "syntax='proto3'; message shop { message Order {} }"},
                                            {"z.proto", "syntax='proto3'; package shop; enum E { Order = 0; }"},
                                            {"w.proto", "syntax='proto3'; package shop; service Order {}"},
                                            {"v.proto", "syntax='proto3'; package shop; message Orders {}"}}));
    CHECK(&Order(*one.set) == &Order(*base));
    CHECK(one.set->version() == base->version());
  }
  SECTION("by an extension of a number that they have") {
    const Set open = Descriptors::Create(Files({{"open.proto",
                                                 "syntax='proto2'; package o; message Open { extensions 100 to 200; } "
                                                 "extend .o.Open { optional string name = 100; }"}}),
                                         "open.binpb")
                         .value();
    const Reflected one = Over(open, Files({{"more.proto", R"(syntax='proto2'; package more; import 'open.proto';
        extend o.Open { optional bytes other = 100; } extend o.Open { optional bytes more = 101; })"}}));
    const pb::Descriptor* type = one.set->pool().FindMessageTypeByName("o.Open");
    CHECK(one.set->pool().FindExtensionByNumber(type, 100)->full_name() == "o.name");
    REQUIRE(one.set->pool().FindExtensionByNumber(type, 101) != nullptr);
    CHECK(one.set->pool().FindExtensionByNumber(type, 101)->full_name() == "more.more");
  }
}

TEST_CASE("what the standard files define, an upstream cannot define at all") {
  const char* const kTimed =
      "syntax='proto3'; package t; import 'google/protobuf/timestamp.proto'; import 'google/protobuf/any.proto'; "
      "message M { google.protobuf.Timestamp at = 1; google.protobuf.Any any = 2; }";
  for (const char* name : {"google/protobuf/any.proto", "elsewhere.proto"}) {
    INFO(name);
    const Reflected one =
        Alone({{name, "syntax='proto3'; package google.protobuf; message Any { string secret = 1; } message Extra {}"},
               {"google/protobuf/timestamp.proto",
                "syntax='proto3'; package google.protobuf; message Timestamp { string secret = 1; }"},
               {"t.proto", kTimed}});
    REQUIRE(one.Knows("t.M"));
    CHECK(one.set->pool().FindMessageTypeByName("google.protobuf.Any")->FindFieldByName("type_url") != nullptr);
    CHECK(one.set->pool().FindMessageTypeByName("google.protobuf.Timestamp")->FindFieldByName("seconds") != nullptr);
    CHECK(one.Knows("google.protobuf.Extra"));
  }
  // Nor by a file that is there for options only, as some servers name it.
  const Reflected options =
      Alone({{"descriptor.proto",
              "syntax='proto2'; package google.protobuf; message FieldOptions { extensions 1000 to max; }"},
             {"gogo.proto",
              "syntax='proto2'; package gogo; import 'descriptor.proto'; "
              "extend google.protobuf.FieldOptions { optional bool nullable = 65001; }"}});
  CHECK(options.set->pool().FindExtensionByName("gogo.nullable") != nullptr);
}

TEST_CASE("an upstream that adds nothing has the operator's set, and one that adds something shares it") {
  const Set base = Shop();
  CHECK(Over(base, ShopSet()).set->version() == base->version());
  CHECK(Over(base, ShopSet()).told.empty());
  const Reflected more =
      Over(base,
           Files({{"shop.proto", "syntax='proto3'; package more; message M {} service S { rpc Do(M) returns (M); }"}}));
  CHECK(more.set->version() != base->version());
  CHECK(more.Has("/shop.Orders/Get"));
  CHECK(more.Has("/more.S/Do"));
  CHECK(more.set->services() == std::vector<std::string>{"more.S", "shop.Orders"});
  CHECK(&Order(*more.set) == &Order(*base));
  // Of two files of one name both are there, the upstream's under another.
  CHECK(more.set->files() ==
        std::vector<std::string>{"google/protobuf/any.proto", "shop.proto", "reflected/shop.proto"});
  // Alone, a set is the same however it was come by.
  CHECK(Over(Descriptors::Empty(), ShopSet()).set->version() == base->version());
}

TEST_CASE("fingerprints are of a file with all it imports") {
  const auto of = [](const std::string& field) {
    return Alone(
               {{"m.proto", "syntax='proto3'; package m; message M { string " + field + " = 1; }"},
                {"s.proto", "syntax='proto3'; package s; import 'm.proto'; service S { rpc Do(m.M) returns (m.M); }"}})
        .set;
  };
  const Set a = of("a");
  const Set a_again = of("a");
  const Set b = of("b");
  const auto print = [](const Set& set, const char* name) { return std::string(set->fingerprint(name)); };
  CHECK(print(a, "s.proto") == print(a_again, "s.proto"));
  CHECK(print(a, "s.proto") != print(b, "s.proto"));
  CHECK_FALSE(print(a, "s.proto").empty());
}

TEST_CASE("names that grow without bound are refused before they take the memory") {
  pb::FileDescriptorSet files = Files({{"long.proto", "syntax='proto3'; package p;"}});
  pb::DescriptorProto* outer = files.mutable_file(0)->add_message_type();
  outer->set_name(std::string(100'000, 'x'));
  for (int i = 0; i < 1'000; ++i) outer->add_nested_type()->set_name(absl::StrCat("m", i));
  std::vector<std::string> told;
  CHECK(absl::IsResourceExhausted(Descriptors::Over(Descriptors::Empty(), files, "x", &told).status()));
  // Ranges are compared with each other, so a file that has many costs more than it should.
  pb::FileDescriptorSet ranges = Files({{"r.proto", "syntax='proto2'; package p; message M {} message N {}"}});
  for (int i = 0; i < 2'000; ++i) {
    pb::DescriptorProto::ExtensionRange* range = ranges.mutable_file(0)->mutable_message_type(0)->add_extension_range();
    range->set_start(2 * i + 1);
    range->set_end(2 * i + 2);
  }
  CHECK_FALSE(Over(Descriptors::Empty(), ranges).Knows("p.N"));
  // What is told of a thousand faults is not a thousand lines.
  std::string faults = "syntax='proto3'; package p;";
  for (int i = 0; i < 1'000; ++i) absl::StrAppend(&faults, "message M", i, " { none.Gone gone = 1; }");
  CHECK(Alone({{"f.proto", faults}}).told.size() < 30);
}

TEST_CASE("what a file would become is counted before it is parsed") {
  const pb::FileDescriptorSet shop = ShopSet();
  pb::FileDescriptorProto commented = shop.file(0);
  commented.mutable_source_code_info()->add_location()->set_leading_comments("hello");
  ReflectedBounds bounds;
  const auto file = bounds.Read(commented.SerializeAsString());
  REQUIRE(file.ok());
  CHECK(file->SerializeAsString() == shop.file(0).SerializeAsString());
  CHECK(absl::IsInvalidArgument(bounds.Read("\xff").status()));
  CHECK(absl::IsInvalidArgument(bounds.Read(shop.file(0).SerializeAsString().substr(0, 40)).status()));
  pb::FileDescriptorProto text = shop.file(0);
  text.mutable_options()->add_uninterpreted_option()->set_identifier_value("x");
  CHECK(absl::IsInvalidArgument(bounds.Read(text.SerializeAsString()).status()));
  // Messages of two bytes each, texts of two bytes each, and many of what is neither.
  const auto repeated = [](const std::string& field, size_t times) {
    std::string bytes;
    for (size_t i = 0; i < times; ++i) bytes += field;
    return bytes;
  };
  CHECK(absl::IsResourceExhausted(ReflectedBounds().Read(repeated({"\x22\x00", 2}, 300'000)).status()));
  CHECK(absl::IsResourceExhausted(ReflectedBounds().Read(repeated({"\x1a\x00", 2}, 1'100'000)).status()));
  CHECK(absl::IsResourceExhausted(ReflectedBounds().Read(repeated({"\xf0\x01\x00", 3}, 1'100'000)).status()));
  // Comments do not count.
  CHECK(
      ReflectedBounds().Read("\x0a\x01x" + std::string("\x4a\x84\x80\x01", 4) + repeated({"\x0a\x00", 2}, 8'194)).ok());
}

TEST_CASE("whatever an upstream reflects, what is made of it is whole and the operator's files stay as they are") {
  const Set base = Shop();
  const std::string before = Order(*base).DebugString();
  const std::vector<std::string> names = {"shop", "shop.Order", "a", "a.B", "google.protobuf", "", "b"};
  const std::vector<std::string> types = {".shop.Order",          ".a.M0",      ".a.M1", ".a.B.M0",  "M1",   ".b.M2",
                                          ".google.protobuf.Any", ".none.Gone", "Order", ".a.M0.M1", ".b.E", ""};
  std::mt19937 random(20261129);
  const auto one_of = [&](const std::vector<std::string>& from) { return from[random() % from.size()]; };
  const auto add_message = [&](auto& self, pb::DescriptorProto* message, int depth) -> void {
    message->set_name(absl::StrCat("M", random() % 3));
    for (unsigned i = random() % 3; i > 0; --i) {
      AddField(message, absl::StrCat("f", random() % 4), 1 + static_cast<int>(random() % 4),
               random() % 2 ? pb::FieldDescriptorProto::TYPE_MESSAGE : pb::FieldDescriptorProto::TYPE_ENUM,
               one_of(types));
    }
    if (random() % 4 == 0) AddField(message, "text", 9, pb::FieldDescriptorProto::TYPE_STRING);
    if (random() % 4 == 0) {
      pb::DescriptorProto::ExtensionRange* range = message->add_extension_range();
      range->set_start(100);
      range->set_end(200);
    }
    if (depth < 3 && random() % 3 == 0) self(self, message->add_nested_type(), depth + 1);
  };
  int known = 0;
  for (int round = 0; round < 1'500; ++round) {
    pb::FileDescriptorSet files;
    for (unsigned i = 1 + random() % 4; i > 0; --i) {
      pb::FileDescriptorProto* file = files.add_file();
      *file = File(absl::StrCat(random() % 3 ? "f" : "shop", random() % 4, ".proto"), {}, one_of(names));
      if (random() % 5 == 0) file->set_name(random() % 2 ? "shop.proto" : "google/protobuf/any.proto");
      if (random() % 2) file->set_syntax("proto2");
      for (unsigned j = random() % 3; j > 0; --j) file->add_dependency(absl::StrCat("f", random() % 5, ".proto"));
      if (random() % 4 == 0) file->add_public_dependency(static_cast<int>(random() % 3) - 1);
      for (unsigned j = random() % 4; j > 0; --j) add_message(add_message, file->add_message_type(), 0);
      if (random() % 3 == 0) file->add_message_type()->set_name(random() % 2 ? "Order" : "Orders");
      if (random() % 3 == 0) {
        pb::EnumDescriptorProto* type = file->add_enum_type();
        type->set_name("E");
        type->add_value()->set_name(random() % 2 ? "Order" : "V");
        type->mutable_value(0)->set_number(0);
      }
      if (random() % 3 == 0) {
        pb::FieldDescriptorProto* extension = file->add_extension();
        extension->set_name("ext");
        extension->set_number(100);
        extension->set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
        extension->set_type(pb::FieldDescriptorProto::TYPE_MESSAGE);
        extension->set_type_name(one_of(types));
        extension->set_extendee(one_of(types));
      }
      if (random() % 2) {
        pb::ServiceDescriptorProto* service = file->add_service();
        service->set_name(random() % 3 ? "S" : "Orders");
        pb::MethodDescriptorProto* method = service->add_method();
        method->set_name("Do");
        method->set_input_type(one_of(types));
        method->set_output_type(one_of(types));
      }
    }
    INFO(files.ShortDebugString());
    const Reflected one = Over(round % 2 ? base : Descriptors::Empty(), files);
    known += static_cast<int>(one.set->message_types().size());
    if (round % 2) {
      REQUIRE(&Order(*one.set) == &Order(*base));
      REQUIRE(one.set->FindMethod("/shop.Orders/Get") == base->FindMethod("/shop.Orders/Get"));
    }
  }
  CHECK(known > 1'000);
  CHECK(Order(*base).DebugString() == before);
}

}  // namespace
}  // namespace sallyport::policy
