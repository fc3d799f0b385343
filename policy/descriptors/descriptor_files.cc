#include "policy/descriptors/descriptor_files.h"

#include <google/protobuf/descriptor.h>

#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

constexpr int kMostFiles = 20'000;

// The JSON name that a field has unless it is given another.
std::string UsualJsonName(const std::string& name) {
  std::string json;
  bool upper = false;
  for (const char c : name) {
    if (c != '_') json += upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c;
    upper = c == '_';
  }
  return json;
}

// Some tools write the usual JSON names out and some do not.
template <typename Fields>
void ClearUsualJsonNames(Fields* fields) {
  for (pb::FieldDescriptorProto& field : *fields) {
    if (field.json_name() == UsualJsonName(field.name())) field.clear_json_name();
  }
}

void ClearUsualJsonNamesIn(pb::DescriptorProto* message) {
  ClearUsualJsonNames(message->mutable_field());
  ClearUsualJsonNames(message->mutable_extension());
  for (pb::DescriptorProto& nested : *message->mutable_nested_type()) ClearUsualJsonNamesIn(&nested);
}

}  // namespace

std::string Shown(std::string_view name) {
  constexpr size_t kShown = 200;
  return absl::CHexEscape(std::string(name.substr(0, kShown)));
}

pb::FileDescriptorProto Stripped(const pb::FileDescriptorProto& file) {
  pb::FileDescriptorProto stripped = file;
  stripped.clear_source_code_info();
  stripped.GetReflection()->MutableUnknownFields(&stripped)->Clear();
  ClearUsualJsonNames(stripped.mutable_extension());
  for (pb::DescriptorProto& message : *stripped.mutable_message_type()) ClearUsualJsonNamesIn(&message);
  for (pb::ServiceDescriptorProto& service : *stripped.mutable_service()) {
    for (pb::MethodDescriptorProto& method : *service.mutable_method()) {
      if (!method.client_streaming()) method.clear_client_streaming();
      if (!method.server_streaming()) method.clear_server_streaming();
    }
  }
  return stripped;
}

const pb::FileDescriptor* FindStandardFile(const std::string& name) {
  if (!absl::StartsWith(name, "google/protobuf/")) return nullptr;
  return pb::DescriptorPool::generated_pool()->FindFileByName(name);
}

absl::StatusOr<FilesByName> ReadFiles(const pb::FileDescriptorSet& set, std::string_view source) {
  if (set.file_size() > kMostFiles) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(source), ": holds ", set.file_size(), " files; the most is ", kMostFiles));
  }
  FilesByName files;
  for (const pb::FileDescriptorProto& file : set.file()) {
    if (file.name().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(std::string(source), ": holds a file without a name"));
    }
    pb::FileDescriptorProto stripped = Stripped(file);
    const auto [place, is_new] = files.try_emplace(file.name());
    if (is_new) {
      place->second.file = std::move(stripped);
    } else if (place->second.file.SerializePartialAsString() != stripped.SerializePartialAsString()) {
      return absl::InvalidArgumentError(
          absl::StrCat(std::string(source), ": ", Shown(file.name()), ": is there twice, with different contents"));
    }
  }
  return files;
}

void SupplyStandardFiles(FilesByName* files) {
  std::vector<std::string> wanted;
  const auto want = [&](const pb::FileDescriptorProto& file) {
    for (const std::string& import : file.dependency()) {
      if (absl::StartsWith(import, "google/protobuf/") && !files->contains(import)) wanted.push_back(import);
    }
  };
  for (const auto& [name, source] : *files) want(source.file);
  while (!wanted.empty()) {
    const std::string name = std::move(wanted.back());
    wanted.pop_back();
    if (files->contains(name)) continue;
    const pb::FileDescriptor* standard = FindStandardFile(name);
    if (standard == nullptr) continue;
    SourceFile& supplied = (*files)[name];
    standard->CopyTo(&supplied.file);
    want(supplied.file);
  }
}

std::vector<const SourceFile*> InDependencyOrder(const FilesByName& files) {
  using Rank = std::tuple<int, std::string>;
  std::map<std::string, int> missing;
  std::map<std::string, std::vector<const SourceFile*>> importers;
  std::set<Rank> free;
  for (const auto& [name, source] : files) {
    const std::set<std::string> imports(source.file.dependency().begin(), source.file.dependency().end());
    int known = 0;
    for (const std::string& import : imports) {
      if (!files.contains(import)) continue;
      ++known;
      importers[import].push_back(&source);
    }
    missing[name] = known;
    if (known == 0) free.emplace(source.set, name);
  }
  std::vector<const SourceFile*> ordered;
  while (!free.empty()) {
    const auto next = free.begin();
    const SourceFile* source = &files.at(std::get<1>(*next));
    free.erase(next);
    ordered.push_back(source);
    for (const SourceFile* importer : importers[source->file.name()]) {
      if (--missing[importer->file.name()] == 0) free.emplace(importer->set, importer->file.name());
    }
  }
  return ordered;
}

}  // namespace sallyport::policy
