#include "policy/descriptors/file_index.h"

#include <algorithm>

#include "policy/descriptors/file_protos.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

FileIndex::FileIndex(std::vector<SetFile> files) : files_(std::move(files)) {
  by_name_.reserve(files_.size());
  for (uint32_t i = 0; i < files_.size(); ++i) {
    by_name_.try_emplace(files_[i].head.name, i);
    by_package_[files_[i].head.package].push_back(i);
  }
}

const FileIndex::Extensions* FileIndex::ExtensionsOf(const std::string& extended) {
  if (!extensions_known_) {
    for (uint32_t i = 0; i < files_.size(); ++i) AddExtensions(i);
    extensions_known_ = true;
  }
  const auto found = extensions_.find(extended);
  return found == extensions_.end() ? nullptr : &found->second;
}

void FileIndex::AddExtensions(uint32_t file) {
  ScanExtensions(files_[file].bytes, [&](const std::string& scope, const ScannedField& extension) {
    const std::string_view reference = extension.extendee;
    if (reference.starts_with('.')) {
      extensions_[std::string(reference.substr(1))].emplace_back(extension.number, file);
      return;
    }
    // Relative: whatever it means is one of these.
    for (std::string at = scope;;) {
      extensions_[In(at, std::string(reference))].emplace_back(extension.number, file);
      if (at.empty()) return;
      const size_t dot = at.rfind('.');
      at.resize(dot == std::string::npos ? 0 : dot);
    }
  });
}

const SetFile* FileIndex::Find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &files_[found->second];
}

std::vector<std::string> FileIndex::Steps() const {
  constexpr uint32_t kMostBetween = 32;
  std::vector<uint32_t> between(files_.size(), 0);
  std::vector<std::string> steps;
  for (uint32_t i = 0; i < files_.size(); ++i) {
    for (const std::string_view import : files_[i].head.imports) {
      const auto found = by_name_.find(import);
      if (found != by_name_.end() && found->second < i) between[i] = std::max(between[i], between[found->second] + 1);
    }
    if (between[i] < kMostBetween) continue;
    between[i] = 0;
    steps.emplace_back(files_[i].head.name);
  }
  return steps;
}

bool FileIndex::Read(const SetFile& file, pb::FileDescriptorProto* output) {
  return output->ParsePartialFromArray(file.bytes.data(), static_cast<int>(file.bytes.size()));
}

bool FileIndex::FindFileByName(const std::string& name, pb::FileDescriptorProto* output) {
  const SetFile* const file = Find(name);
  return file != nullptr && Read(*file, output);
}

const SetFile* FileIndex::FindInPackage(std::string_view package, std::string_view symbol) const {
  const auto found = by_package_.find(package);
  if (found == by_package_.end()) return nullptr;
  for (const uint32_t file : found->second) {
    bool has = false;
    ScanSymbols(files_[file].bytes, [&](SymbolKind, std::string_view name) { has = has || name == symbol; });
    if (has) return &files_[file];
  }
  return nullptr;
}

// What stands in a type or a service is in the file of that. Packages are few and short, so that looking through the
// files of one costs less than knowing all that they define.
bool FileIndex::FindFileContainingSymbol(const std::string& symbol, pb::FileDescriptorProto* output) {
  const std::string_view name = symbol;
  for (size_t end = name.size();;) {
    const size_t dot = end == 0 ? std::string_view::npos : name.rfind('.', end - 1);
    const std::string_view package = dot == std::string_view::npos ? "" : name.substr(0, dot);
    const size_t begin = dot == std::string_view::npos ? 0 : dot + 1;
    const SetFile* const file = FindInPackage(package, name.substr(begin, name.find('.', begin) - begin));
    if (file != nullptr) return Read(*file, output);
    if (dot == std::string_view::npos) return false;
    end = dot;
  }
}

bool FileIndex::FindFileContainingExtension(const std::string& extended, int number, pb::FileDescriptorProto* output) {
  const Extensions* const extensions = ExtensionsOf(extended);
  if (extensions == nullptr) return false;
  const auto extension =
      std::find_if(extensions->begin(), extensions->end(), [&](const auto& each) { return each.first == number; });
  return extension != extensions->end() && Read(files_[extension->second], output);
}

bool FileIndex::FindAllExtensionNumbers(const std::string& extended, std::vector<int>* output) {
  const Extensions* const extensions = ExtensionsOf(extended);
  if (extensions == nullptr) return false;
  for (const auto& [number, file] : *extensions) output->push_back(number);
  return true;
}

}  // namespace sallyport::policy
