#include "policy/descriptors/file_index.h"

#include <algorithm>

#include "policy/descriptors/file_protos.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

FileIndex::FileIndex(std::vector<SetFile> files) : files_(std::move(files)) {
  by_name_.reserve(files_.size());
  for (uint32_t i = 0; i < files_.size(); ++i) {
    const FileHead& head = files_[i].head;
    by_name_.try_emplace(head.name, i);
    std::string name(head.package);
    if (!name.empty()) name += '.';
    const size_t scope = name.size();
    ScanSymbols(files_[i].bytes, [&](SymbolKind, std::string_view symbol) {
      name.resize(scope);
      name += symbol;
      symbols_.try_emplace(name, i);
    });
  }
  for (uint32_t i = 0; i < files_.size(); ++i) AddExtensions(i);
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

// What stands in a type or a service is in the file of that.
bool FileIndex::FindFileContainingSymbol(const std::string& symbol, pb::FileDescriptorProto* output) {
  for (std::string_view name = symbol;;) {
    if (const auto found = symbols_.find(name); found != symbols_.end()) return Read(files_[found->second], output);
    const size_t dot = name.rfind('.');
    if (dot == std::string_view::npos) return false;
    name = name.substr(0, dot);
  }
}

bool FileIndex::FindFileContainingExtension(const std::string& extended, int number, pb::FileDescriptorProto* output) {
  const auto found = extensions_.find(extended);
  if (found == extensions_.end()) return false;
  const auto extension =
      std::find_if(found->second.begin(), found->second.end(), [&](const auto& each) { return each.first == number; });
  return extension != found->second.end() && Read(files_[extension->second], output);
}

bool FileIndex::FindAllExtensionNumbers(const std::string& extended, std::vector<int>* output) {
  const auto found = extensions_.find(extended);
  if (found == extensions_.end()) return false;
  for (const auto& [number, file] : found->second) output->push_back(number);
  return true;
}

}  // namespace sallyport::policy
