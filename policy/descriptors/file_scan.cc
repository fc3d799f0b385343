#include "policy/descriptors/file_scan.h"

#include <google/protobuf/descriptor.pb.h>

#include "policy/messages/wire.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
using File = pb::FileDescriptorProto;
using Message = pb::DescriptorProto;
using Enum = pb::EnumDescriptorProto;
using Field = pb::FieldDescriptorProto;
using Service = pb::ServiceDescriptorProto;
using Method = pb::MethodDescriptorProto;

// One field after the other. Groups, which descriptors have none of, are gone past.
class Fields {
 public:
  explicit Fields(std::string_view message) : reader_(message) {}

  // False at the end, or where nothing more can be read.
  bool Next() {
    WireType type = WireType::kVarint;
    bool minimal = false;
    while (!reader_.done() && reader_.ReadTag(&number_, &type, &minimal)) {
      bytes_ = {};
      varint_ = 0;
      if (type == WireType::kLength) return reader_.ReadLength(&bytes_, &minimal);
      if (type == WireType::kVarint) return reader_.ReadVarint(&varint_, &minimal);
      if (!reader_.SkipValue(number_, type, kMostDepth)) return false;
    }
    return false;
  }
  int number() const { return static_cast<int>(number_); }
  std::string_view bytes() const { return bytes_; }  // empty unless it has a length
  uint64_t varint() const { return varint_; }        // 0 unless it is one

 private:
  WireReader reader_;
  uint32_t number_ = 0;
  std::string_view bytes_;
  uint64_t varint_ = 0;
};

// Of a message, enum or service: all have it first.
std::string_view NameOf(std::string_view definition) {
  static_assert(Message::kNameFieldNumber == 1 && Enum::kNameFieldNumber == 1 && Service::kNameFieldNumber == 1 &&
                pb::EnumValueDescriptorProto::kNameFieldNumber == 1);
  for (Fields fields(definition); fields.Next();) {
    if (fields.number() == Message::kNameFieldNumber) return fields.bytes();
  }
  return {};
}

ScannedField FieldOf(std::string_view bytes) {
  ScannedField field;
  for (Fields fields(bytes); fields.Next();) {
    switch (fields.number()) {
      case Field::kNameFieldNumber:
        field.name = fields.bytes();
        break;
      case Field::kExtendeeFieldNumber:
        field.extendee = fields.bytes();
        break;
      case Field::kTypeNameFieldNumber:
        field.type_name = fields.bytes();
        break;
      case Field::kOptionsFieldNumber:
        field.options = fields.bytes();
        break;
      case Field::kNumberFieldNumber:
        field.number = static_cast<int32_t>(fields.varint());
        break;
      default:
        break;
    }
  }
  return field;
}

// Joins names with dots, and takes them back.
class Scope {
 public:
  explicit Scope(std::string_view name) : name_(name) {}
  // For as long as it lives.
  class Within {
   public:
    Within(Scope* scope, std::string_view name) : scope_(*scope), size_(scope_.name_.size()) {
      if (size_ > 0) scope_.name_ += '.';
      scope_.name_ += name;
    }
    ~Within() { scope_.name_.resize(size_); }
    Within(const Within&) = delete;
    Within& operator=(const Within&) = delete;

   private:
    Scope& scope_;
    const size_t size_;
  };
  const std::string& name() const { return name_; }

 private:
  std::string name_;
};

void TypesIn(Scope* scope, std::string_view message, int depth, absl::FunctionRef<void(const ScannedType&)> visit) {
  const Scope::Within within(scope, NameOf(message));
  visit({scope->name(), false, message});
  for (Fields fields(message); depth > 0 && fields.Next();) {
    if (fields.number() == Message::kNestedTypeFieldNumber) {
      TypesIn(scope, fields.bytes(), depth - 1, visit);
    } else if (fields.number() == Message::kEnumTypeFieldNumber) {
      const Scope::Within nested(scope, NameOf(fields.bytes()));
      visit({scope->name(), true, fields.bytes()});
    }
  }
}

void ExtensionsIn(Scope* scope, std::string_view message, int depth,
                  absl::FunctionRef<void(const std::string& scope, const ScannedField&)> visit) {
  const Scope::Within within(scope, NameOf(message));
  for (Fields fields(message); depth > 0 && fields.Next();) {
    if (fields.number() == Message::kExtensionFieldNumber) visit(scope->name(), FieldOf(fields.bytes()));
    if (fields.number() == Message::kNestedTypeFieldNumber) ExtensionsIn(scope, fields.bytes(), depth - 1, visit);
  }
}

}  // namespace

FileHead ScanHead(std::string_view file) {
  FileHead head;
  for (Fields fields(file); fields.Next();) {
    if (fields.number() == File::kNameFieldNumber) head.name = fields.bytes();
    if (fields.number() == File::kPackageFieldNumber) head.package = fields.bytes();
    if (fields.number() == File::kSyntaxFieldNumber) head.syntax = fields.bytes();
    if (fields.number() == File::kDependencyFieldNumber) head.imports.push_back(fields.bytes());
    if (fields.number() == File::kPublicDependencyFieldNumber) {
      head.public_imports.push_back(static_cast<int32_t>(fields.varint()));
    }
  }
  return head;
}

void ScanSymbols(std::string_view file, absl::FunctionRef<void(SymbolKind, std::string_view name)> visit) {
  for (Fields fields(file); fields.Next();) {
    switch (fields.number()) {
      case File::kMessageTypeFieldNumber:
        visit(SymbolKind::kMessage, NameOf(fields.bytes()));
        break;
      case File::kEnumTypeFieldNumber:
        visit(SymbolKind::kEnum, NameOf(fields.bytes()));
        for (Fields values(fields.bytes()); values.Next();) {
          if (values.number() == Enum::kValueFieldNumber) visit(SymbolKind::kEnumValue, NameOf(values.bytes()));
        }
        break;
      case File::kServiceFieldNumber:
        visit(SymbolKind::kService, NameOf(fields.bytes()));
        break;
      case File::kExtensionFieldNumber:
        visit(SymbolKind::kExtension, FieldOf(fields.bytes()).name);
        break;
      default:
        break;
    }
  }
}

void ScanTypes(std::string_view file, absl::FunctionRef<void(const ScannedType&)> visit) {
  Scope scope(ScanHead(file).package);
  for (Fields fields(file); fields.Next();) {
    if (fields.number() == File::kMessageTypeFieldNumber) {
      TypesIn(&scope, fields.bytes(), kMostDepth, visit);
    } else if (fields.number() == File::kEnumTypeFieldNumber) {
      const Scope::Within within(&scope, NameOf(fields.bytes()));
      visit({scope.name(), true, fields.bytes()});
    }
  }
}

void ScanFields(std::string_view message, absl::FunctionRef<void(const ScannedField&)> visit) {
  for (Fields fields(message); fields.Next();) {
    if (fields.number() == Message::kFieldFieldNumber || fields.number() == Message::kExtensionFieldNumber) {
      visit(FieldOf(fields.bytes()));
    }
  }
}

void ScanTopExtensions(std::string_view file, absl::FunctionRef<void(const ScannedField&)> visit) {
  for (Fields fields(file); fields.Next();) {
    if (fields.number() == File::kExtensionFieldNumber) visit(FieldOf(fields.bytes()));
  }
}

void ScanExtensions(std::string_view file,
                    absl::FunctionRef<void(const std::string& scope, const ScannedField&)> visit) {
  Scope scope(ScanHead(file).package);
  for (Fields fields(file); fields.Next();) {
    if (fields.number() == File::kExtensionFieldNumber) visit(scope.name(), FieldOf(fields.bytes()));
    if (fields.number() == File::kMessageTypeFieldNumber) ExtensionsIn(&scope, fields.bytes(), kMostDepth, visit);
  }
}

void ScanServices(std::string_view file,
                  absl::FunctionRef<void(std::string_view service, const ScannedMethod* method)> visit) {
  for (Fields fields(file); fields.Next();) {
    if (fields.number() != File::kServiceFieldNumber) continue;
    const std::string_view service = NameOf(fields.bytes());
    visit(service, nullptr);
    for (Fields methods(fields.bytes()); methods.Next();) {
      if (methods.number() != Service::kMethodFieldNumber) continue;
      ScannedMethod method;
      for (Fields parts(methods.bytes()); parts.Next();) {
        if (parts.number() == Method::kNameFieldNumber) method.name = parts.bytes();
        if (parts.number() == Method::kInputTypeFieldNumber) method.input = parts.bytes();
        if (parts.number() == Method::kOutputTypeFieldNumber) method.output = parts.bytes();
        if (parts.number() == Method::kClientStreamingFieldNumber) method.client_streaming = parts.varint() != 0;
        if (parts.number() == Method::kServerStreamingFieldNumber) method.server_streaming = parts.varint() != 0;
      }
      visit(service, &method);
    }
  }
}

}  // namespace sallyport::policy
