#include "policy/descriptors/editions.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "policy/messages/edition_marks.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
using FieldProto = pb::FieldDescriptorProto;

// What a current descriptor.proto calls them.
constexpr int kEditionField = 14;  // of a file
constexpr uint64_t kEdition2023 = 1000;
constexpr uint64_t kEdition2024 = 1001;
constexpr int kDeepest = 100;

// Numbers of the field `features`, by what has the options.
constexpr int kFileFeatures = 50;
constexpr int kMessageFeatures = 12;
constexpr int kFieldFeatures = 21;
constexpr int kOneofFeatures = 1;
constexpr int kEnumFeatures = 7;
constexpr int kEnumValueFeatures = 2;
constexpr int kServiceFeatures = 34;
constexpr int kMethodFeatures = 35;
constexpr int kRangeFeatures = 50;

enum Presence : uint64_t { kExplicit = 1, kImplicit = 2, kRequired = 3 };
enum EnumType : uint64_t { kOpen = 1, kClosed = 2 };
enum Repeated : uint64_t { kPacked = 1, kExpanded = 2 };
enum Encoding : uint64_t { kPrefixed = 1, kDelimited = 2 };

// What matters of a FeatureSet. Begins as the editions' default.
struct Features {
  uint64_t presence = kExplicit;
  uint64_t enum_type = kOpen;
  uint64_t repeated = kPacked;
  uint64_t encoding = kPrefixed;
};

// Puts what a FeatureSet says in place of what was inherited. False if it does not parse.
bool Apply(std::string_view set, Features* features) {
  WireReader reader(set);
  while (!reader.done()) {
    uint32_t number = 0;
    WireType type = WireType::kVarint;
    bool minimal = false;
    uint64_t value = 0;
    if (!reader.ReadTag(&number, &type, &minimal)) return false;
    if (type != WireType::kVarint) {
      if (!reader.SkipValue(number, type, kMostDepth)) return false;
      continue;
    }
    if (!reader.ReadVarint(&value, &minimal)) return false;
    if (number == 1) features->presence = value;
    if (number == 2) features->enum_type = value;
    if (number == 3) features->repeated = value;
    if (number == 5) features->encoding = value;
  }
  return features->presence >= kExplicit && features->presence <= kRequired && features->enum_type >= kOpen &&
         features->enum_type <= kClosed && features->repeated >= kPacked && features->repeated <= kExpanded &&
         features->encoding >= kPrefixed && features->encoding <= kDelimited;
}

class Translator {
 public:
  explicit Translator(pb::FileDescriptorProto* file) : file_(*file) {}

  bool Run() {
    Features features;
    if (!Take(kFileFeatures, &file_, &features)) return false;
    const std::string scope = file_.package().empty() ? "." : absl::StrCat(".", file_.package(), ".");
    for (pb::EnumDescriptorProto& type : *file_.mutable_enum_type()) ResolveEnum(&type, scope, features);
    for (pb::DescriptorProto& message : *file_.mutable_message_type()) Resolve(&message, scope, features, 0);
    for (FieldProto& extension : *file_.mutable_extension()) ResolveField(&extension, nullptr, features, {});
    for (pb::ServiceDescriptorProto& service : *file_.mutable_service()) {
      Features unused;
      sound_ = Take(kServiceFeatures, &service, &unused) && sound_;
      for (pb::MethodDescriptorProto& method : *service.mutable_method()) {
        sound_ = Take(kMethodFeatures, &method, &unused) && sound_;
      }
    }
    if (!sound_) return false;
    // Whether an enum of another file is open is not known here.
    proto3_ = proto3_ && std::includes(enums_.begin(), enums_.end(), used_enums_.begin(), used_enums_.end());
    for (const std::function<void()>& write : writes_) write();
    file_.set_syntax(proto3_ ? "proto3" : "proto2");
    if (!proto3_) Mark(file_.mutable_options());
    return true;
  }

 private:
  // Takes the features out of the options of `element`, if it has any, and applies them.
  template <typename Element>
  static bool Take(int number, Element* element, Features* features) {
    if (!element->has_options()) return true;
    pb::UnknownFieldSet* const unknown = element->mutable_options()->mutable_unknown_fields();
    std::string set;
    for (int i = 0; i < unknown->field_count(); ++i) {
      if (unknown->field(i).number() != number) continue;
      if (unknown->field(i).type() != pb::UnknownField::TYPE_LENGTH_DELIMITED) return false;
      set += unknown->field(i).length_delimited();  // as parsers merge them
    }
    unknown->DeleteByNumber(number);
    if (element->options().ByteSizeLong() == 0) element->clear_options();
    return Apply(set, features);
  }

  template <typename Options>
  static void Mark(Options* options) {
    options->mutable_unknown_fields()->AddVarint(kEditionMark, 1);
  }

  void ResolveEnum(pb::EnumDescriptorProto* type, const std::string& scope, Features features) {
    sound_ = Take(kEnumFeatures, type, &features) && sound_;
    for (pb::EnumValueDescriptorProto& value : *type->mutable_value()) {
      Features unused;
      sound_ = Take(kEnumValueFeatures, &value, &unused) && sound_;
    }
    enums_.insert(scope + type->name());
    const bool open = features.enum_type == kOpen;
    proto3_ = proto3_ && open && type->value_size() > 0 && type->value(0).number() == 0;
    writes_.push_back([this, type, open] {
      if (open && !proto3_) Mark(type->mutable_options());
    });
  }

  void Resolve(pb::DescriptorProto* message, const std::string& scope, Features features, int depth) {
    sound_ = sound_ && depth < kDeepest && Take(kMessageFeatures, message, &features);
    if (!sound_) return;
    const std::string name = absl::StrCat(scope, message->name());
    const std::string inner = name + ".";
    std::set<std::string> entries;  // of maps
    for (pb::DescriptorProto& nested : *message->mutable_nested_type()) {
      if (nested.options().map_entry()) entries.insert(inner + nested.name());
    }
    for (pb::EnumDescriptorProto& type : *message->mutable_enum_type()) ResolveEnum(&type, inner, features);
    std::vector<Features> oneofs;
    for (pb::OneofDescriptorProto& oneof : *message->mutable_oneof_decl()) {
      oneofs.push_back(features);
      sound_ = Take(kOneofFeatures, &oneof, &oneofs.back()) && sound_;
    }
    for (pb::DescriptorProto::ExtensionRange& range : *message->mutable_extension_range()) {
      Features unused;
      sound_ = Take(kRangeFeatures, &range, &unused) && sound_;
    }
    proto3_ = proto3_ && message->extension_range().empty() && !message->options().message_set_wire_format();
    std::set<std::string> plain_names;
    for (FieldProto& field : *message->mutable_field()) {
      // This protobuf refuses them in proto3.
      proto3_ = proto3_ && plain_names.insert(Plain(field.name())).second;
      const bool in_oneof = field.has_oneof_index() && field.oneof_index() >= 0 &&
                            static_cast<size_t>(field.oneof_index()) < oneofs.size();
      ResolveField(&field, message, in_oneof ? oneofs[static_cast<size_t>(field.oneof_index())] : features, entries);
    }
    for (FieldProto& extension : *message->mutable_extension()) ResolveField(&extension, nullptr, features, {});
    for (pb::DescriptorProto& nested : *message->mutable_nested_type()) Resolve(&nested, inner, features, depth + 1);
  }

  static std::string Plain(std::string_view name) {
    std::string plain;
    for (const char c : name) {
      if (c != '_') plain += absl::ascii_tolower(static_cast<unsigned char>(c));
    }
    return plain;
  }

  // `message` is null for extensions.
  void ResolveField(FieldProto* field, pb::DescriptorProto* message, Features features,
                    const std::set<std::string>& map_entries) {
    sound_ = Take(kFieldFeatures, field, &features) && sound_;
    const bool in_entry = message != nullptr && message->options().map_entry();
    const bool singular = field->label() != FieldProto::LABEL_REPEATED;
    const bool is_message = field->type() == FieldProto::TYPE_MESSAGE;
    if (field->type() == FieldProto::TYPE_ENUM) used_enums_.insert(field->type_name());
    if (is_message && features.encoding == kDelimited && !in_entry && !map_entries.contains(field->type_name())) {
      field->set_type(FieldProto::TYPE_GROUP);
    }
    if (singular && features.presence == kRequired && message != nullptr && !in_entry && !field->has_oneof_index()) {
      field->set_label(FieldProto::LABEL_REQUIRED);
    }
    // Others than options cannot be extended in proto3.
    const std::string_view extended = field->extendee();
    proto3_ =
        proto3_ && (message != nullptr || (extended.starts_with(".google.protobuf.") && extended.ends_with("Options")));
    proto3_ = proto3_ && field->type() != FieldProto::TYPE_GROUP && field->label() != FieldProto::LABEL_REQUIRED &&
              !field->has_default_value();
    // Of fields for which that is a question.
    const bool may_be_implicit = singular && !is_message && message != nullptr && !in_entry &&
                                 !field->has_oneof_index() && field->label() != FieldProto::LABEL_REQUIRED;
    const bool implicit = features.presence == kImplicit;
    const bool packed = features.repeated == kPacked;
    writes_.push_back([this, field, message, may_be_implicit, implicit, packed] {
      if (may_be_implicit && implicit && !proto3_) Mark(field->mutable_options());
      if (may_be_implicit && !implicit && proto3_) AddOptional(field, message);
      if (IsPackable(*field) && packed != proto3_) field->mutable_options()->set_packed(packed);
    });
  }

  static bool IsPackable(const FieldProto& field) {
    return field.label() == FieldProto::LABEL_REPEATED && field.type() != FieldProto::TYPE_STRING &&
           field.type() != FieldProto::TYPE_BYTES && field.type() != FieldProto::TYPE_MESSAGE &&
           field.type() != FieldProto::TYPE_GROUP;
  }

  // As protoc does for `optional` in proto3: with a oneof of its own, after all others.
  void AddOptional(FieldProto* field, pb::DescriptorProto* message) {
    const auto [names, is_new] = names_.try_emplace(message);
    if (is_new) {
      for (const FieldProto& other : message->field()) names->second.insert(other.name());
      for (const pb::OneofDescriptorProto& oneof : message->oneof_decl()) names->second.insert(oneof.name());
      for (const pb::DescriptorProto& nested : message->nested_type()) names->second.insert(nested.name());
      for (const FieldProto& extension : message->extension()) names->second.insert(extension.name());
      for (const pb::EnumDescriptorProto& type : message->enum_type()) {
        names->second.insert(type.name());
        for (const pb::EnumValueDescriptorProto& value : type.value()) names->second.insert(value.name());
      }
    }
    std::string name = absl::StrCat("_", field->name());
    while (!names->second.insert(name).second) name.insert(0, "X");
    field->set_proto3_optional(true);
    field->set_oneof_index(message->oneof_decl_size());
    message->add_oneof_decl()->set_name(name);
  }

  pb::FileDescriptorProto& file_;
  bool sound_ = true;
  bool proto3_ = true;  // it can be said in proto3
  std::set<std::string> enums_;
  std::set<std::string> used_enums_;
  std::map<const pb::DescriptorProto*, std::set<std::string>> names_;  // in messages with fields marked optional
  std::vector<std::function<void()>> writes_;                          // what is known only once all has been seen
};

}  // namespace

bool TranslateEdition(pb::FileDescriptorProto* file) {
  if (file->syntax() != "editions") return true;
  uint64_t edition = 0;
  const pb::UnknownFieldSet& unknown = file->unknown_fields();
  for (int i = 0; i < unknown.field_count(); ++i) {
    const pb::UnknownField& field = unknown.field(i);
    if (field.number() == kEditionField && field.type() == pb::UnknownField::TYPE_VARINT) edition = field.varint();
  }
  if (edition != kEdition2023 && edition != kEdition2024) return false;
  pb::FileDescriptorProto translated = *file;
  if (!Translator(&translated).Run()) return false;
  *file = std::move(translated);
  return true;
}

}  // namespace sallyport::policy
