// Files in an edition: their messages are read as others read them, and what cannot be read is told.
#include "policy/descriptors/editions.h"

#include <google/protobuf/unknown_field_set.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "absl/strings/escaping.h"
#include "policy/descriptors/descriptors.h"
#include "policy/messages/message_printer.h"
#include "tests/policy/descriptor_files.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
using pb::FieldDescriptorProto;
using pb::FileDescriptorSet;

constexpr char kSet[] = SALLYPORT_EDITIONS "/editions.binpb";

FileDescriptorSet ReadSet() {
  std::ifstream file(kSet, std::ios::binary);
  FileDescriptorSet set;
  REQUIRE(set.ParseFromIstream(&file));
  return set;
}

std::string Printed(const Descriptors& set, const std::string& type, std::string_view message) {
  const pb::Descriptor* const found = set.pool().FindMessageTypeByName(type);
  REQUIRE(found != nullptr);
  std::string json;
  MessagePrinter(set.types(), JsonStyle::kOneLine).Append(*found, message, &json);
  return json;
}

// How many of protobuf-es's messages are shown as it shows them; all are.
void CheckCases(const Descriptors& set) {
  std::ifstream cases(SALLYPORT_EDITIONS "/cases.tsv");
  int checked = 0;
  for (std::string line; std::getline(cases, line); ++checked) {
    std::istringstream parts(line);
    std::string type, encoded, expected, message;
    std::getline(parts, type, '\t');
    std::getline(parts, encoded, '\t');
    std::getline(parts, expected);
    REQUIRE(absl::Base64Unescape(encoded, &message));
    CAPTURE(checked, type, encoded);
    CHECK(nlohmann::json::parse(Printed(set, type, message)) == nlohmann::json::parse(expected));
  }
  CHECK(checked == 500);
}

TEST_CASE("messages of files in an edition are shown as protobuf-es shows them") {
  std::vector<std::string> left_out;
  const auto set = Descriptors::Load(kSet, &left_out);
  REQUIRE(set.ok());
  CHECK(left_out.empty());
  REQUIRE((*set)->FindMethod("/ed.Ed/Get") != nullptr);
  CheckCases(**set);
}

TEST_CASE("so are those that an upstream reflects, and those of a set that was kept") {
  std::vector<std::string> told;
  const auto reflected = Descriptors::Over(Descriptors::Empty(), ReadSet(), "reflection of upstream a", &told);
  REQUIRE(reflected.ok());
  CHECK(told.empty());
  CheckCases(**reflected);
  CheckCases(*Descriptors::OfKept((*reflected)->serialized(), "kept", (*reflected)->version()));
}

TEST_CASE("values that a closed enum does not name are no values, those of an open one are") {
  const auto set = Descriptors::Load(kSet).value();
  // closed (11) and open (10) of ed.Mixed, each 77; required_text (3) is there.
  CHECK(
      Printed(*set, "ed.Mixed", "\x1a\x01x\x50\x4d\x58\x4d") ==
      R"({"required_text":"x","open":77,"@unknown":[{"number":11,"wire_type":"varint","value":"77","bytes":"TQ=="}]})");
  // In a list: only the named one stays.
  const nlohmann::json list = nlohmann::json::parse(Printed(*set, "ed.Mixed", "\x1a\x01x\x60\x4d\x60\x01"));
  CHECK(list["closeds"] == nlohmann::json({"C_ONE"}));
  CHECK(list["@unknown"].size() == 1);
  // far (19), of a file with closed enums.
  CHECK(nlohmann::json::parse(Printed(*set, "ed.Mixed", "\x1a\x01x\x98\x01\x4d")).contains("@unknown"));
}

TEST_CASE("presence is as features say: defaults that were written show, but for fields without presence") {
  const auto set = Descriptors::Load(kSet).value();
  // explicit_number (1) = 0, implicit_number (2) = 0, implicit_kind (20) = 0; without the required field.
  const nlohmann::json mixed =
      nlohmann::json::parse(Printed(*set, "ed.Mixed", std::string("\x08\0\x10\0\xa0\x01\0", 7)));
  CHECK(mixed["explicit_number"] == 0);
  CHECK_FALSE(mixed.contains("implicit_number"));
  CHECK_FALSE(mixed.contains("implicit_kind"));
  CHECK(mixed.dump().find("required_text") != std::string::npos);  // said to be missing
  // Of a file that proto3 can say: implicit (1) and explicit (2).
  CHECK(Printed(*set, "plain.P", std::string("\x08\0\x10\0", 4)) == R"({"explicit":0})");
  const pb::Descriptor& plain = *set->pool().FindMessageTypeByName("plain.P");
  CHECK(plain.file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO3);
  CHECK(plain.real_oneof_decl_count() == 1);
  CHECK(plain.FindFieldByName("explicit")->has_optional_keyword());
}

TEST_CASE("debug_redact and other options stay, features go") {
  const auto set = Descriptors::Load(kSet).value();
  const pb::Descriptor& mixed = *set->pool().FindMessageTypeByName("ed.Mixed");
  CHECK(mixed.FindFieldByName("secret")->options().SerializeAsString() == "\x80\x01\x01");
  CHECK(mixed.FindFieldByName("explicit_number")->options().SerializeAsString().empty());
  CHECK(mixed.FindFieldByName("delimited")->type() == pb::FieldDescriptor::TYPE_GROUP);
  CHECK(set->pool().FindMessageTypeByName("del.D")->FindFieldByName("by_number")->is_map());
}

TEST_CASE("another edition, and features that are not known, are told") {
  const auto told = [](int edition, const std::string& features) {
    FileDescriptorSet set;
    *set.add_file() = File("new.proto");
    set.mutable_file(0)->set_syntax("editions");
    set.mutable_file(0)->mutable_unknown_fields()->AddVarint(14, static_cast<uint64_t>(edition));
    if (!features.empty()) {
      set.mutable_file(0)->mutable_options()->mutable_unknown_fields()->AddLengthDelimited(50, features);
    }
    return std::string(Descriptors::Create(set, "new.binpb").status().message());
  };
  CHECK(told(1000, "").empty());
  CHECK(told(1001, "\x08\x02\x38\x01").empty());
  CHECK(told(1000, "\xc2\x3e\x02\x08\x01").empty());  // of a language
  for (const std::string& fault :
       {told(1002, ""), told(999, ""), told(1000, "\x08\x04"), told(1000, "\x10\x09"), told(1000, "\x0a")}) {
    CHECK(fault.find("new.binpb: new.proto: is written in syntax \"editions\"") == 0);
  }
}

TEST_CASE("a message of very many fields in an edition takes no time to speak of") {
  FileDescriptorSet set;
  auto* file = set.add_file();
  *file = File("wide.proto");
  file->set_syntax("editions");
  file->mutable_unknown_fields()->AddVarint(14, 1000);
  auto* message = file->add_message_type();
  message->set_name("Wide");
  constexpr int kFields = 18'000;
  for (int i = 1; i <= kFields; ++i) AddField(message, "f" + std::to_string(i), i, FieldDescriptorProto::TYPE_INT32);
  pb::FileDescriptorProto translated = *file;
  REQUIRE(TranslateEdition(&translated));
  CHECK(translated.message_type(0).oneof_decl_size() == kFields);
}

}  // namespace
}  // namespace sallyport::policy
