// The part of ReflectedFiles that comes last: without what is lost, in order, into the pool.
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/descriptors/file_protos.h"
#include "policy/descriptors/first_fault.h"
#include "policy/descriptors/reflected_files.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

bool ReflectedFiles::Stands(const std::string& reference) const {
  if (reference.empty() || reference.front() != '.') return false;
  const auto own = types_by_name_.find(NameIn(reference));
  if (own != types_by_name_.end()) {
    return !types_[static_cast<size_t>(own->second)].lost && (building_ == nullptr || IsBuilt(reference));
  }
  return pool_->FindMessageTypeByName(NameIn(reference)) != nullptr ||
         pool_->FindEnumTypeByName(NameIn(reference)) != nullptr;
}

void ReflectedFiles::Prune(File* file) {
  const std::string& package = file->proto.package();
  PruneTypes(file->proto.mutable_message_type(), file->proto.mutable_enum_type(), package);
  PruneExtensions(file->proto.mutable_extension());
  for (pb::ServiceDescriptorProto& service : *file->proto.mutable_service()) {
    DropIf(service.mutable_method(), [&](const pb::MethodDescriptorProto& method) {
      return !Stands(method.input_type()) || !Stands(method.output_type());
    });
  }
}

void ReflectedFiles::PruneTypes(Messages* messages, Enums* enums, const std::string& scope) {
  const auto lost = [&](const auto& type) { return !Stands(absl::StrCat(".", In(scope, type.name()))); };
  DropIf(messages, lost);
  DropIf(enums, lost);
  for (pb::DescriptorProto& message : *messages) {
    PruneTypes(message.mutable_nested_type(), message.mutable_enum_type(), In(scope, message.name()));
    PruneExtensions(message.mutable_extension());
  }
}

void ReflectedFiles::PruneExtensions(Extensions* extensions) {
  DropIf(extensions, [&](const pb::FieldDescriptorProto& extension) {
    if (!Stands(extension.extendee()) || (!extension.type_name().empty() && !Stands(extension.type_name()))) {
      return true;
    }
    // Those of messages that are built already, the operator's above all.
    const pb::Descriptor* const extended = pool_->FindMessageTypeByName(NameIn(extension.extendee()));
    return extended != nullptr && pool_->FindExtensionByNumber(extended, extension.number()) != nullptr;
  });
}

// By what they use and what they name; those in a circle by what they use alone; the rest one by one.
std::vector<size_t> ReflectedFiles::InOrder() const {
  std::vector<size_t> order;
  std::vector<bool> placed(files_.size(), false);
  for (const bool by_names : {true, false}) {
    std::vector<size_t> missing(files_.size(), 0);
    std::vector<std::vector<size_t>> importers(files_.size());
    std::set<std::pair<std::string_view, size_t>> ready;
    for (size_t i = 0; i < files_.size(); ++i) {
      if (placed[i]) continue;
      for (const size_t needed : NeededBy(i, by_names)) {
        if (placed[needed]) continue;
        importers[needed].push_back(i);
        ++missing[i];
      }
      if (missing[i] == 0) ready.emplace(files_[i].given_name, i);
    }
    while (!ready.empty()) {
      const size_t next = ready.begin()->second;
      ready.erase(ready.begin());
      placed[next] = true;
      order.push_back(next);
      for (const size_t importer : importers[next]) {
        if (--missing[importer] == 0) ready.emplace(files_[importer].given_name, importer);
      }
    }
  }
  std::set<std::pair<std::string_view, size_t>> left;
  for (size_t i = 0; i < files_.size(); ++i) {
    if (!placed[i]) left.emplace(files_[i].given_name, i);
  }
  for (const auto& [name, file] : left) order.push_back(file);
  return order;
}

std::set<size_t> ReflectedFiles::NeededBy(size_t file, bool by_names) const {
  std::set<size_t> needed;
  VisitReferences(files_[file].proto, [&](const std::string& reference) {
    const auto own = types_by_name_.find(NameIn(reference));
    if (own != types_by_name_.end()) needed.insert(types_[static_cast<size_t>(own->second)].file);
  });
  if (by_names) {
    for (const std::string& import : files_[file].proto.dependency()) {
      if (const auto own = by_given_name_.find(import); own != by_given_name_.end()) needed.insert(own->second);
    }
  }
  needed.erase(file);
  return needed;
}

// What a file in a circle cannot have because it is not built yet.
void ReflectedFiles::LoseUnbuilt(const pb::DescriptorProto& message, const std::string& name) {
  const int type = types_by_name_.at(name);
  for (const pb::FieldDescriptorProto& field : message.field()) {
    if (types_[static_cast<size_t>(type)].lost) break;
    if (field.type_name().empty() || IsBuilt(field.type_name())) continue;
    TellMissing(*building_, name, field.type_name());
    Lose(type);
  }
  for (const pb::DescriptorProto& nested : message.nested_type()) LoseUnbuilt(nested, In(name, nested.name()));
}

bool ReflectedFiles::IsBuilt(const std::string& reference) const {
  const auto own = types_by_name_.find(NameIn(reference));
  if (own == types_by_name_.end()) return true;
  const File& file = files_[types_[static_cast<size_t>(own->second)].file];
  return file.built || &file == building_;
}

void ReflectedFiles::BuildOne(File* file) {
  pb::FileDescriptorProto& proto = file->proto;
  building_ = file;
  for (const pb::DescriptorProto& message : proto.message_type()) {
    LoseUnbuilt(message, In(proto.package(), message.name()));
  }
  SpreadLoss();
  Prune(file);
  if (proto.message_type().empty() && proto.enum_type().empty() && proto.service().empty() &&
      proto.extension().empty()) {
    return;
  }
  const std::vector<std::string> imports = ImportsOf(*file);
  proto.set_name(FreeName(*file));
  proto.mutable_dependency()->Assign(imports.begin(), imports.end());
  proto.clear_public_dependency();
  proto.clear_weak_dependency();
  FirstFault fault;
  const pb::FileDescriptor* const built = pool_->BuildFileCollectingErrors(proto, &fault);
  if (built == nullptr) {
    NoteFault(*file, absl::StrCat(fault.text().empty() ? "cannot be built" : fault.text(), " (left out)"));
    for (const int type : file->types) Lose(type);
    return SpreadLoss();
  }
  file->built = true;
  pb::FileDescriptorProto understood;
  built->CopyTo(&understood);
  done_[proto.name()] = Canonical(&understood);
}

std::vector<std::string> ReflectedFiles::ImportsOf(const File& file) {
  std::vector<std::string> imports;
  absl::flat_hash_set<std::string> seen;
  const auto add = [&](const std::string& name) {
    if (seen.insert(name).second) imports.push_back(name);
  };
  for (const std::string& import : file.proto.dependency()) {
    const auto own = by_given_name_.find(import);
    if (own != by_given_name_.end() && &files_[own->second] == &file) continue;
    if (own != by_given_name_.end() && files_[own->second].built) {
      add(files_[own->second].proto.name());
    } else if (SupplyStandard(import)) {
      add(import);
    }
  }
  VisitReferences(file.proto, [&](const std::string& reference) {
    const Meaning meaning = Find(NameIn(reference));
    if (meaning.file != nullptr) {
      add(meaning.file->name());
    } else if (meaning.type != kNone) {
      const File& own = files_[types_[static_cast<size_t>(meaning.type)].file];
      if (&own != &file) add(own.proto.name());
    }
    // Otherwise it stands where no reference belongs: protobuf says so.
  });
  return imports;
}

std::string ReflectedFiles::FreeName(const File& file) const {
  std::string name = file.given_name;
  while (true) {
    const auto given = by_given_name_.find(name);
    const bool of_another = given != by_given_name_.end() && &files_[given->second] != &file;
    if (!of_another && pool_->FindFileByName(name) == nullptr && FindStandardFile(name) == nullptr) return name;
    name = absl::StrCat("reflected/", name);
  }
}

}  // namespace sallyport::policy
