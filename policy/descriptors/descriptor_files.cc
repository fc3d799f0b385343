#include "policy/descriptors/descriptor_files.h"

#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <functional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "policy/descriptors/editions.h"
#include "protos/seeded_hash.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

// Whether that is the JSON name that a field has unless it is given another.
bool IsUsualJsonName(std::string_view name, std::string_view json) {
  size_t at = 0;
  bool upper = false;
  for (const char c : name) {
    if (c != '_' && at == json.size()) return false;
    if (c != '_' && json[at++] != (upper ? absl::ascii_toupper(static_cast<unsigned char>(c)) : c)) return false;
    upper = c == '_';
  }
  return at == json.size();
}

// Some tools write the usual JSON names out and some do not.
template <typename Fields>
void ClearUsualJsonNames(Fields* fields) {
  for (pb::FieldDescriptorProto& field : *fields) {
    if (field.has_json_name() && IsUsualJsonName(field.name(), field.json_name())) field.clear_json_name();
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

void Strip(pb::FileDescriptorProto* file) {
  file->clear_source_code_info();
  if (file->syntax() == "proto2") file->clear_syntax();  // as protobuf writes it
  file->GetReflection()->MutableUnknownFields(file)->Clear();
  ClearUsualJsonNames(file->mutable_extension());
  for (pb::DescriptorProto& message : *file->mutable_message_type()) ClearUsualJsonNamesIn(&message);
  for (pb::ServiceDescriptorProto& service : *file->mutable_service()) {
    for (pb::MethodDescriptorProto& method : *service.mutable_method()) {
      if (!method.client_streaming()) method.clear_client_streaming();
      if (!method.server_streaming()) method.clear_server_streaming();
    }
  }
}

const pb::FileDescriptor* FindStandardFile(const std::string& name) {
  if (!absl::StartsWith(name, "google/protobuf/")) return nullptr;
  return pb::DescriptorPool::generated_pool()->FindFileByName(name);
}

SetFile Canonical(pb::FileDescriptorProto* file) {
  Strip(file);
  const auto bytes = std::make_shared<const std::string>(file->SerializeAsString());
  return KeptFile(bytes, *bytes);
}

SetFile KeptFile(std::shared_ptr<const std::string> owner, std::string_view bytes) {
  return {std::move(owner), bytes, ScanHead(bytes), 0};
}

absl::Status FileReader::Add(pb::FileDescriptorProto* file) {
  TranslateEdition(file);  // those of editions that are not known are told by their syntax
  return Add(Canonical(file));
}

absl::Status FileReader::Add(SetFile file) {
  if (++count_ > kMostFiles) {
    return absl::InvalidArgumentError(
        absl::StrCat(source_, ": holds more than ", kMostFiles, " files, which is the most"));
  }
  if (file.head.name.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(source_, ": holds a file without a name"));
  }
  const auto [place, is_new] = files_.try_emplace(std::string(file.head.name));
  if (is_new) {
    place->second = std::move(file);
  } else if (place->second.bytes != file.bytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(source_, ": ", Shown(file.head.name), ": is there twice, with different contents"));
  }
  return absl::OkStatus();
}

void SupplyStandardFiles(FilesByName* files) {
  std::vector<std::string> wanted;
  const auto want = [&](const SetFile& file) {
    for (const std::string_view import : file.head.imports) {
      if (import.starts_with("google/protobuf/")) wanted.emplace_back(import);
    }
  };
  for (const auto& [name, file] : *files) want(file);
  while (!wanted.empty()) {
    const std::string name = std::move(wanted.back());
    wanted.pop_back();
    if (files->contains(name)) continue;
    const pb::FileDescriptor* standard = FindStandardFile(name);
    if (standard == nullptr) continue;
    pb::FileDescriptorProto proto;
    standard->CopyTo(&proto);
    SetFile& supplied = (*files)[name];
    supplied = Canonical(&proto);
    want(supplied);
  }
}

std::vector<const SetFile*> InDependencyOrder(const FilesByName& files) {
  using Rank = std::tuple<int, std::string_view, const SetFile*>;
  struct Waiting {
    size_t missing = 0;
    std::vector<const SetFile*> importers;
  };
  absl::flat_hash_map<std::string_view, Waiting, SeededHash, std::equal_to<>> waiting;
  waiting.reserve(files.size());
  for (const auto& [name, file] : files) waiting[name];
  std::set<Rank> free;
  std::vector<std::string_view> imports;
  for (const auto& [name, file] : files) {
    imports = file.head.imports;
    std::sort(imports.begin(), imports.end());
    imports.erase(std::unique(imports.begin(), imports.end()), imports.end());
    size_t missing = 0;
    for (const std::string_view import : imports) {
      const auto found = waiting.find(import);
      if (found == waiting.end()) continue;
      ++missing;
      found->second.importers.push_back(&file);
    }
    waiting[name].missing = missing;
    if (missing == 0) free.emplace(file.set, name, &file);
  }
  std::vector<const SetFile*> ordered;
  ordered.reserve(files.size());
  while (!free.empty()) {
    const SetFile* const file = std::get<const SetFile*>(*free.begin());
    free.erase(free.begin());
    ordered.push_back(file);
    for (const SetFile* importer : waiting[file->head.name].importers) {
      if (--waiting[importer->head.name].missing == 0) free.emplace(importer->set, importer->head.name, importer);
    }
  }
  return ordered;
}

}  // namespace sallyport::policy
