#include "protos/yaml_message.h"

#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "protos/suggestion.h"
#include "protos/yaml_document.h"

namespace sallyport {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr size_t kMostBytes = 4 << 20;
// Aliases let a small file stand for a huge tree (or an endless one): what is walked is bounded, not what is written.
constexpr int kMostValues = 200'000;
constexpr int kDeepest = 64;
constexpr size_t kMostKeys = 1000;

// The name that `given` was probably meant to be, as a sentence; all the names if none is near.
std::string Suggestion(std::string_view given, const std::vector<std::string>& known) {
  if (const std::optional<std::string> nearest = Nearest(given, known); nearest.has_value()) {
    return absl::StrCat("did you mean \"", *nearest, "\"?");
  }
  return absl::StrCat("expected one of: ", absl::StrJoin(known, ", "));
}

absl::string_view KindOf(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  if (node.IsScalar()) return "a single value";
  return "nothing";
}

// Walks one document against a message's descriptor and goes on after a fault, so that all are told. Lives for one
// ReadYaml. A status other than OK ends the walk: the document is none to be walked.
class Walker {
 public:
  Walker(std::string name, KeyLines* lines) : name_(std::move(name)), lines_(lines) {}

  absl::Status FillMessage(const YAML::Node& node, const std::string& path, int depth, Message* message);
  // The faults that were found.
  const FormFaults& faults() const { return faults_; }

 private:
  std::string TextOf(const YAML::Node& node, absl::string_view path, absl::string_view what) const {
    return absl::StrCat(name_, ":", node.Mark().line + 1, ": ", path, path.empty() ? "" : ": ", what);
  }
  // Notes it. OK, for those who have nothing else to return.
  absl::Status Fault(const YAML::Node& node, absl::string_view path, absl::string_view what) {
    faults_.lines.Add(TextOf(node, path, what));
    if (faults_.keys.size() < kMostKeys) faults_.keys.emplace_back(path);
    return absl::OkStatus();
  }

  absl::Status Count(const YAML::Node& node, const std::string& path, int depth);
  // False, with a fault, if there is nothing to go on with.
  bool CheckKey(const YAML::Node& key, const std::string& path, std::set<std::string>* seen);
  bool CheckGiven(const YAML::Node& key, const YAML::Node& value, const std::string& path);
  bool CheckOneof(const YAML::Node& key, const std::string& path, const FieldDescriptor* field, const Message& message);
  absl::Status FillField(const YAML::Node& value, const std::string& path, int depth, const FieldDescriptor* field,
                         Message* message);
  absl::Status FillMap(const YAML::Node& value, const std::string& path, int depth, const FieldDescriptor* field,
                       Message* message);
  absl::Status FillElement(const YAML::Node& value, const std::string& path, int depth, const FieldDescriptor* field,
                           Message* message);
  absl::Status FillScalar(const YAML::Node& value, const std::string& path, const FieldDescriptor* field,
                          Message* message);
  absl::Status FillEnum(const YAML::Node& value, const std::string& path, const FieldDescriptor* field,
                        Message* message);

  std::string name_;
  KeyLines* lines_;  // null if nobody asks
  int values_ = 0;
  FormFaults faults_;
};

absl::Status Walker::Count(const YAML::Node& node, const std::string& path, int depth) {
  if (depth > kDeepest) {
    return absl::InvalidArgumentError(TextOf(node, path.substr(0, 200), absl::StrCat("nested deeper than ", kDeepest)));
  }
  if (lines_ != nullptr) lines_->emplace(path, node.Mark().line + 1);
  if (++values_ > kMostValues) {
    return absl::InvalidArgumentError(
        TextOf(node, path, absl::StrCat("the document stands for more than ", kMostValues, " values")));
  }
  return absl::OkStatus();
}

bool Walker::CheckKey(const YAML::Node& key, const std::string& path, std::set<std::string>* seen) {
  if (!key.IsScalar() || key.Scalar().empty()) {
    Fault(key, path, "a key is empty: every key needs a name").IgnoreError();
    return false;
  }
  if (!seen->insert(key.Scalar()).second) {
    Fault(key, path, absl::StrCat("key ", Quoted(key.Scalar()), " is given twice: keep one of them")).IgnoreError();
    return false;
  }
  return true;
}

bool Walker::CheckGiven(const YAML::Node& key, const YAML::Node& value, const std::string& path) {
  if (!value.IsNull()) return true;
  // An absent value carries the mark of what follows it, so the key's is told.
  Fault(key, path, "has no value: give it one or remove the key").IgnoreError();
  return false;
}

bool Walker::CheckOneof(const YAML::Node& key, const std::string& path, const FieldDescriptor* field,
                        const Message& message) {
  const auto* oneof = field->real_containing_oneof();
  if (oneof == nullptr || !message.GetReflection()->HasOneof(message, oneof)) return true;
  const FieldDescriptor* other = message.GetReflection()->GetOneofFieldDescriptor(message, oneof);
  Fault(key, path, absl::StrCat("cannot stand together with \"", other->name(), "\"")).IgnoreError();
  return false;
}

absl::Status Walker::FillMessage(const YAML::Node& node, const std::string& path, int depth, Message* message) {
  if (absl::Status status = Count(node, path, depth); !status.ok()) return status;
  if (!node.IsMap()) {
    return Fault(node, path, absl::StrCat("expected a map of keys to values, found ", KindOf(node)));
  }
  const Descriptor* descriptor = message->GetDescriptor();
  std::set<std::string> seen;
  for (const auto& pair : node) {
    if (!CheckKey(pair.first, path, &seen)) continue;
    const std::string& key = pair.first.Scalar();
    const FieldDescriptor* field = descriptor->FindFieldByName(key);
    const std::string prefix = path.empty() ? "" : absl::StrCat(path, ".");
    if (field == nullptr) {
      std::vector<std::string> known;
      known.reserve(static_cast<size_t>(descriptor->field_count()));
      for (int i = 0; i < descriptor->field_count(); ++i) known.push_back(descriptor->field(i)->name());
      Fault(pair.first, prefix + absl::CHexEscape(key.substr(0, 80)),
            absl::StrCat("unknown key; ", Suggestion(key, known)))
          .IgnoreError();
      continue;
    }
    const std::string field_path = prefix + key;
    if (!CheckGiven(pair.first, pair.second, field_path)) continue;
    if (!CheckOneof(pair.first, field_path, field, *message)) continue;
    if (absl::Status status = FillField(pair.second, field_path, depth + 1, field, message); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Walker::FillField(const YAML::Node& value, const std::string& path, int depth,
                               const FieldDescriptor* field, Message* message) {
  if (field->is_map()) return FillMap(value, path, depth, field, message);
  if (!field->is_repeated()) return FillElement(value, path, depth, field, message);
  if (value.IsScalar() && field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) {
    return FillElement(value, path, depth, field, message);
  }
  if (!value.IsSequence()) return Fault(value, path, absl::StrCat("expected a list, found ", KindOf(value)));
  if (absl::Status status = Count(value, path, depth); !status.ok()) return status;
  int index = 0;
  for (const YAML::Node& element : value) {
    const std::string element_path = absl::StrCat(path, "[", index++, "]");
    if (element.IsNull()) {
      Fault(element, element_path, "has no value: give it one or remove the element").IgnoreError();
      continue;
    }
    if (absl::Status status = FillElement(element, element_path, depth + 1, field, message); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Walker::FillMap(const YAML::Node& value, const std::string& path, int depth, const FieldDescriptor* field,
                             Message* message) {
  if (absl::Status status = Count(value, path, depth); !status.ok()) return status;
  if (!value.IsMap())
    return Fault(value, path, absl::StrCat("expected a map of names to values, found ", KindOf(value)));
  const Descriptor* entry_type = field->message_type();
  std::set<std::string> seen;
  for (const auto& pair : value) {
    if (!CheckKey(pair.first, path, &seen)) continue;
    const std::string entry_path = absl::StrCat(path, ".", absl::CHexEscape(pair.first.Scalar().substr(0, 80)));
    if (!CheckGiven(pair.first, pair.second, entry_path)) continue;
    Message* entry = message->GetReflection()->AddMessage(message, field);
    if (absl::Status status = FillScalar(pair.first, entry_path, entry_type->map_key(), entry); !status.ok()) {
      return status;
    }
    if (absl::Status status = FillField(pair.second, entry_path, depth + 1, entry_type->map_value(), entry);
        !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Walker::FillElement(const YAML::Node& value, const std::string& path, int depth,
                                 const FieldDescriptor* field, Message* message) {
  if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    const Reflection* reflection = message->GetReflection();
    return FillMessage(
        value, path, depth,
        field->is_repeated() ? reflection->AddMessage(message, field) : reflection->MutableMessage(message, field));
  }
  if (absl::Status status = Count(value, path, depth); !status.ok()) return status;
  if (!value.IsScalar()) return Fault(value, path, absl::StrCat("expected a single value, found ", KindOf(value)));
  return FillScalar(value, path, field, message);
}

absl::Status Walker::FillEnum(const YAML::Node& value, const std::string& path, const FieldDescriptor* field,
                              Message* message) {
  const EnumDescriptor* type = field->enum_type();
  const EnumValueDescriptor* named = type->FindValueByName(value.Scalar());
  if (named == nullptr) {
    std::vector<std::string> known;
    known.reserve(static_cast<size_t>(type->value_count()));
    for (int i = 0; i < type->value_count(); ++i) known.push_back(type->value(i)->name());
    return Fault(value, path,
                 absl::StrCat("unknown value ", Quoted(value.Scalar()), "; ", Suggestion(value.Scalar(), known)));
  }
  const Reflection* reflection = message->GetReflection();
  field->is_repeated() ? reflection->AddEnum(message, field, named) : reflection->SetEnum(message, field, named);
  return absl::OkStatus();
}

absl::Status Walker::FillScalar(const YAML::Node& value, const std::string& path, const FieldDescriptor* field,
                                Message* message) {
  const Reflection* reflection = message->GetReflection();
  const std::string& text = value.Scalar();
  const bool add = field->is_repeated();
  const auto wrong = [&](absl::string_view expected) {
    return Fault(value, path, absl::StrCat("expected ", expected, ", found ", Quoted(text)));
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      add ? reflection->AddString(message, field, text) : reflection->SetString(message, field, text);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_BOOL: {
      if (text != "true" && text != "false") return wrong("true or false");
      const bool truth = text == "true";
      add ? reflection->AddBool(message, field, truth) : reflection->SetBool(message, field, truth);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT32: {
      int32_t number = 0;
      if (!absl::SimpleAtoi(text, &number)) return wrong("a whole number of 32 bits");
      add ? reflection->AddInt32(message, field, number) : reflection->SetInt32(message, field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t number = 0;
      if (!absl::SimpleAtoi(text, &number)) return wrong("a whole number of 32 bits, not negative");
      add ? reflection->AddUInt32(message, field, number) : reflection->SetUInt32(message, field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_INT64: {
      int64_t number = 0;
      if (!absl::SimpleAtoi(text, &number)) return wrong("a whole number");
      add ? reflection->AddInt64(message, field, number) : reflection->SetInt64(message, field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t number = 0;
      if (!absl::SimpleAtoi(text, &number)) return wrong("a whole number, not negative");
      add ? reflection->AddUInt64(message, field, number) : reflection->SetUInt64(message, field, number);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_FLOAT:
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double number = 0;
      if (!absl::SimpleAtod(text, &number)) return wrong("a number");
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_DOUBLE) {
        add ? reflection->AddDouble(message, field, number) : reflection->SetDouble(message, field, number);
      } else {
        const auto narrow = static_cast<float>(number);
        add ? reflection->AddFloat(message, field, narrow) : reflection->SetFloat(message, field, narrow);
      }
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM:
      return FillEnum(value, path, field, message);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      break;
  }
  return Fault(value, path, "expected a map of keys to values, found a single value");
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

absl::Status FileError(const std::string& path, int error) {
  const std::string text = absl::StrCat(path, ": ", std::strerror(error));
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError(text);
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError(text);
    case EISDIR:
      return absl::InvalidArgumentError(text);
    default:
      return absl::UnavailableError(text);
  }
}

}  // namespace

absl::Status ReadYaml(std::string_view text, std::string_view source, Message* message, KeyLines* lines,
                      FormFaults* form) {
  const std::string name(source);
  if (text.size() > kMostBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": larger than ", kMostBytes >> 20, " MiB: not a configuration"));
  }
  const absl::StatusOr<YAML::Node> document = LoadYamlDocument(text, name);
  if (!document.ok()) return document.status();
  if (document->IsNull()) return absl::OkStatus();
  Walker walker(name, lines);
  try {
    if (absl::Status status = walker.FillMessage(*document, "", 0, message); !status.ok()) return status;
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": not YAML: ", error.what()));
  }
  if (form == nullptr) return walker.faults().lines.status(name);
  *form = walker.faults();
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadYamlText(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return FileError(path, errno);
  std::string text(kMostBytes + 1, '\0');
  errno = 0;
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return FileError(path, errno);
  return text;
}

absl::Status ReadYamlFile(const std::string& path, Message* message, KeyLines* lines, FormFaults* form) {
  const absl::StatusOr<std::string> text = ReadYamlText(path);
  if (!text.ok()) return text.status();
  return ReadYaml(*text, path, message, lines, form);
}

}  // namespace sallyport
