#include "policy/descriptors/reflected_files.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/descriptors/editions.h"
#include "policy/descriptors/file_protos.h"
#include "policy/descriptors/first_fault.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

constexpr size_t kLongestPackage = 256;
constexpr size_t kLongestReference = 4'096;
// Each type, field and value keeps its full name.
constexpr size_t kMostNameBytes = size_t{64} << 20;
constexpr size_t kMostTold = 20;

// Something other than a package.
bool NamesAThing(const pb::DescriptorPool& pool, const std::string& name) {
  if (pool.FindFileContainingSymbol(name) == nullptr) return false;
  return pool.FindMessageTypeByName(name) != nullptr || pool.FindEnumTypeByName(name) != nullptr ||
         pool.FindServiceByName(name) != nullptr || pool.FindFieldByName(name) != nullptr ||
         pool.FindExtensionByName(name) != nullptr || pool.FindEnumValueByName(name) != nullptr ||
         pool.FindOneofByName(name) != nullptr || pool.FindMethodByName(name) != nullptr;
}

// The standard file that defines the name; null if none does.
const pb::FileDescriptor* StandardFileOf(const std::string& name) {
  if (!absl::StartsWith(name, "google.protobuf")) return nullptr;
  const pb::FileDescriptor* file = pb::DescriptorPool::generated_pool()->FindFileContainingSymbol(name);
  return file == nullptr ? nullptr : FindStandardFile(file->name());
}

}  // namespace

absl::StatusOr<FilesByName> ReflectedFiles::Build(const pb::FileDescriptorSet& files) {
  for (const pb::FileDescriptorProto& file : files.file()) {
    Take(file);
    if (name_bytes_ > kMostNameBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(source_, ": the names in its descriptors are more than ", kMostNameBytes >> 20, " MiB"));
    }
  }
  for (File& file : files_) Connect(&file);
  SpreadLoss();
  for (File& file : files_) Prune(&file);
  for (const size_t file : InOrder()) BuildOne(&files_[file]);
  if (untold_ > 0) told_->push_back(absl::StrCat(source_, ": and ", untold_, " more like these"));
  return std::move(done_);
}

void ReflectedFiles::NoteFault(const File& file, std::string_view what) {
  if (told_ == nullptr) return;
  if (told_lines_ == kMostTold) {
    ++untold_;
    return;
  }
  ++told_lines_;
  told_->push_back(absl::StrCat(source_, ": ", Shown(file.given_name), ": ", std::string(what)));
}

void ReflectedFiles::Take(const pb::FileDescriptorProto& given) {
  if (by_given_name_.contains(given.name())) return;  // the first counts
  File file;
  file.given_name = given.name();
  std::string why;
  file.proto = given;
  TranslateEdition(&file.proto);
  if (!Fits(file.proto, &why)) return NoteFault(file, absl::StrCat(why, " (left out)"));
  Strip(&file.proto);
  DropWhatIsDefined(&file);
  name_bytes_ += NameBytes(file.proto);
  if (name_bytes_ > kMostNameBytes) return;
  const size_t number = files_.size();
  by_given_name_[given.name()] = number;
  files_.push_back(std::move(file));
  const pb::FileDescriptorProto& proto = files_.back().proto;
  for (const pb::DescriptorProto& type : proto.message_type()) {
    AddTypes(number, type, In(proto.package(), type.name()), kNone);
  }
  for (const pb::EnumDescriptorProto& type : proto.enum_type()) {
    AddType(number, In(proto.package(), type.name()), kNone);
  }
}

bool ReflectedFiles::Fits(const pb::FileDescriptorProto& file, std::string* why) const {
  if (file.name().empty()) {
    *why = "a file without a name";
  } else if (!file.syntax().empty() && file.syntax() != "proto2" && file.syntax() != "proto3") {
    *why =
        absl::StrCat("is written in syntax \"", Shown(file.syntax()), "\", which this build's protobuf does not know");
  } else if (file.package().size() > kLongestPackage) {
    *why = absl::StrCat("its package's name has more than ", kLongestPackage, " bytes");
  } else if (HasTooManyRanges(file)) {
    *why = absl::StrCat("a type in it has more than ", kMostRanges, " ranges of numbers");
  }
  for (size_t end = 0; why->empty() && end < file.package().size();) {
    end = std::min(file.package().find('.', end + 1), file.package().size());
    const std::string package = file.package().substr(0, end);
    if (NamesAThing(*pool_, package) ||
        (StandardFileOf(package) != nullptr && NamesAThing(*pb::DescriptorPool::generated_pool(), package))) {
      *why = absl::StrCat("its package is in ", Shown(package), ", which is something else");
    }
  }
  return why->empty();
}

bool ReflectedFiles::IsDefined(const std::string& name) const {
  return pool_->FindFileContainingSymbol(name) != nullptr || StandardFileOf(name) != nullptr;
}

void ReflectedFiles::DropWhatIsDefined(File* file) {
  pb::FileDescriptorProto& proto = file->proto;
  // Of the same file too: its second definition of a name is none.
  const auto drop = [&](const std::string& name) {
    if (IsDefined(name)) return true;
    if (defined_.insert(name).second) return false;
    NoteFault(*file, absl::StrCat(Shown(name), ": the upstream defines it twice; the first counts"));
    return true;
  };
  const auto tell_other = [&](const std::string& name, bool other) {
    if (other)
      NoteFault(*file, absl::StrCat(Shown(name), ": the descriptor files describe it differently, and they count"));
    return true;
  };
  const auto differs = [](const auto* known, auto definition, const pb::Message& told) {
    if (known == nullptr) return false;
    known->CopyTo(&definition);
    return definition.SerializePartialAsString() != told.SerializePartialAsString();
  };
  DropIf(proto.mutable_message_type(), [&](const pb::DescriptorProto& type) {
    const std::string name = In(proto.package(), type.name());
    return drop(name) && tell_other(name, differs(pool_->FindMessageTypeByName(name), pb::DescriptorProto(), type));
  });
  DropIf(proto.mutable_service(), [&](const pb::ServiceDescriptorProto& service) {
    const std::string name = In(proto.package(), service.name());
    return drop(name) &&
           tell_other(name, differs(pool_->FindServiceByName(name), pb::ServiceDescriptorProto(), service));
  });
  DropIf(proto.mutable_enum_type(), [&](const pb::EnumDescriptorProto& type) {
    // Values stand beside their enum.
    const bool taken = std::any_of(
        type.value().begin(), type.value().end(),
        [&](const pb::EnumValueDescriptorProto& value) { return IsDefined(In(proto.package(), value.name())); });
    const std::string name = In(proto.package(), type.name());
    return drop(name) || taken;
  });
  DropIf(proto.mutable_extension(),
         [&](const pb::FieldDescriptorProto& extension) { return drop(In(proto.package(), extension.name())); });
}

void ReflectedFiles::AddTypes(size_t file, const pb::DescriptorProto& message, const std::string& name, int parent) {
  const int type = AddType(file, name, parent);
  for (const pb::DescriptorProto& nested : message.nested_type()) {
    AddTypes(file, nested, In(name, nested.name()), type);
  }
  for (const pb::EnumDescriptorProto& nested : message.enum_type()) AddType(file, In(name, nested.name()), type);
}

int ReflectedFiles::AddType(size_t file, const std::string& name, int parent) {
  const int number = static_cast<int>(types_.size());
  types_.emplace_back();
  types_.back().file = file;
  files_[file].types.push_back(number);
  if (parent != kNone) types_[static_cast<size_t>(parent)].needed_by.push_back(number);
  types_by_name_.try_emplace(name, number);
  return number;
}

ReflectedFiles::Meaning ReflectedFiles::Find(const std::string& name) {
  Meaning meaning;
  const auto own = types_by_name_.find(name);
  if (own != types_by_name_.end()) {
    meaning.type = own->second;
  } else if (const pb::Descriptor* message = pool_->FindMessageTypeByName(name); message != nullptr) {
    meaning.file = message->file();
  } else if (const pb::EnumDescriptor* type = pool_->FindEnumTypeByName(name); type != nullptr) {
    meaning.file = type->file();
  } else if (const pb::FileDescriptor* standard = StandardFileOf(name); standard != nullptr) {
    if (!SupplyStandard(standard->name())) return meaning;
    if (pool_->FindMessageTypeByName(name) == nullptr && pool_->FindEnumTypeByName(name) == nullptr) return meaning;
    meaning.file = pool_->FindFileByName(standard->name());
  }
  return meaning;
}

bool ReflectedFiles::SupplyStandard(const std::string& file_name) {
  if (pool_->FindFileByName(file_name) != nullptr) return true;
  const pb::FileDescriptor* const standard = FindStandardFile(file_name);
  if (standard == nullptr || !standard_tried_.insert(file_name).second) return false;
  for (int i = 0; i < standard->dependency_count(); ++i) {
    if (!SupplyStandard(standard->dependency(i)->name())) return false;
  }
  pb::FileDescriptorProto proto;
  standard->CopyTo(&proto);
  FirstFault fault;
  if (pool_->BuildFileCollectingErrors(proto, &fault) == nullptr) return false;
  done_[file_name] = Canonical(&proto);
  return true;
}

ReflectedFiles::Meaning ReflectedFiles::Resolve(std::string* reference, const std::string& scope) {
  if (reference->empty() || reference->size() > kLongestReference) return {};
  if (reference->front() == '.') return Find(NameIn(*reference));
  // Relative: the innermost scope that has it.
  for (std::string at = scope;;) {
    const std::string name = In(at, *reference);
    Meaning meaning = Find(name);
    if (meaning.known()) {
      *reference = absl::StrCat(".", name);
      return meaning;
    }
    if (at.empty()) return {};
    const size_t dot = at.rfind('.');
    at.resize(dot == std::string::npos ? 0 : dot);
  }
}

void ReflectedFiles::Connect(File* file) {
  const std::string& package = file->proto.package();
  for (pb::DescriptorProto& type : *file->proto.mutable_message_type()) {
    ConnectMessage(*file, &type, In(package, type.name()));
  }
  for (pb::FieldDescriptorProto& extension : *file->proto.mutable_extension()) {
    ConnectExtension(*file, &extension, package);
  }
  for (pb::ServiceDescriptorProto& service : *file->proto.mutable_service()) {
    for (pb::MethodDescriptorProto& method : *service.mutable_method()) {
      for (std::string* type : {method.mutable_input_type(), method.mutable_output_type()}) {
        if (!Resolve(type, package).known()) TellMissing(*file, In(package, service.name()), *type);
      }
    }
  }
}

void ReflectedFiles::ConnectMessage(const File& file, pb::DescriptorProto* message, const std::string& name) {
  const int type = types_by_name_.at(name);
  for (pb::FieldDescriptorProto& field : *message->mutable_field()) {
    if (field.type_name().empty()) continue;
    const Meaning meaning = Resolve(field.mutable_type_name(), name);
    if (!meaning.known()) {
      TellMissing(file, name, field.type_name());
      Lose(type);
    } else if (meaning.type != kNone) {
      types_[static_cast<size_t>(meaning.type)].needed_by.push_back(type);
    }
  }
  for (pb::FieldDescriptorProto& extension : *message->mutable_extension()) {
    ConnectExtension(file, &extension, name);
  }
  for (pb::DescriptorProto& nested : *message->mutable_nested_type()) {
    ConnectMessage(file, &nested, In(name, nested.name()));
  }
}

// What it extends is as little known as its type: the field would be one that masks do not see.
void ReflectedFiles::ConnectExtension(const File& file, pb::FieldDescriptorProto* extension, const std::string& scope) {
  const Meaning extended = Resolve(extension->mutable_extendee(), scope);
  if (!extended.known()) TellMissing(file, In(scope, extension->name()), extension->extendee());
  if (extension->type_name().empty()) return;
  const Meaning meaning = Resolve(extension->mutable_type_name(), scope);
  if (!meaning.known()) TellMissing(file, In(scope, extension->name()), extension->type_name());
  if (extended.type == kNone) return;
  if (!meaning.known()) Lose(extended.type);
  if (meaning.type != kNone) types_[static_cast<size_t>(meaning.type)].needed_by.push_back(extended.type);
}

void ReflectedFiles::TellMissing(const File& file, const std::string& what, const std::string& needed) {
  NoteFault(file, absl::StrCat(Shown(what), " needs ", Shown(needed), ", which is not known: nor is what needs it"));
}

void ReflectedFiles::Lose(int type) {
  if (!std::exchange(types_[static_cast<size_t>(type)].lost, true)) losing_.push_back(type);
}

void ReflectedFiles::SpreadLoss() {
  while (!losing_.empty()) {
    const int type = losing_.back();
    losing_.pop_back();
    for (const int by : types_[static_cast<size_t>(type)].needed_by) Lose(by);
  }
}

}  // namespace sallyport::policy
