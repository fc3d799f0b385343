#include "policy/descriptors/built_descriptors.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "policy/content_hash.h"
#include "policy/descriptors/file_protos.h"
#include "policy/descriptors/reflected_files.h"
#include "policy/messages/message_printer.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

namespace {

// What stands before a file's bytes in a FileDescriptorSet.
std::string HeaderOf(const SetFile& file) {
  std::string header;
  AppendVarint(TagOf(pb::FileDescriptorSet::kFileFieldNumber, WireType::kLength), &header);
  AppendVarint(file.bytes.size(), &header);
  return header;
}

}  // namespace

void UseFaults::Keep(const std::string& file, const std::string& element, const std::string& message) {
  constexpr size_t kMostFaults = 20;
  absl::MutexLock lock(&mutex_);
  const bool known =
      std::any_of(faults_.begin(), faults_.end(), [&](const auto& fault) { return fault.first == file; });
  if (known || faults_.size() >= kMostFaults) return;
  faults_.emplace_back(file, absl::StrCat(Shown(element), ": ", Shown(message)));
}

std::vector<std::string> UseFaults::lines() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> lines;
  for (const auto& [file, fault] : faults_) lines.push_back(absl::StrCat(Shown(file), ": ", fault));
  return lines;
}

std::shared_ptr<const BuiltDescriptors> BuiltDescriptors::Make(std::string_view source, std::vector<SetFile> files,
                                                               std::string_view version) {
  std::shared_ptr<BuiltDescriptors> made(new BuiltDescriptors(source, nullptr));
  made->index_ = std::make_unique<FileIndex>(std::move(files));
  made->pool_ = std::make_unique<pb::DescriptorPool>(made->index_.get(), &made->faults_);
  made->types_ = std::make_unique<PoolTypes>(made->pool_.get());
  for (const std::string& step : made->index_->Steps()) made->pool_->FindFileByName(step);
  made->version_ = version;
  if (!version.empty()) return made;
  // In force for calls rather than for one look.
  made->methods();
  made->version_ = made->VersionOfFiles();
  return made;
}

absl::StatusOr<std::shared_ptr<const BuiltDescriptors>> BuiltDescriptors::MakeOver(
    std::shared_ptr<const BuiltDescriptors> base, const pb::FileDescriptorSet& files, std::string_view source,
    std::vector<std::string>* told) {
  std::shared_ptr<BuiltDescriptors> made(new BuiltDescriptors(source, std::move(base)));
  made->pool_ = std::make_unique<pb::DescriptorPool>(made->base_->pool_.get());
  made->types_ = std::make_unique<PoolTypes>(made->pool_.get());
  absl::StatusOr<FilesByName> built = ReflectedFiles(made->pool_.get(), source, told).Build(files);
  if (!built.ok()) return built.status();
  std::vector<SetFile> ordered;
  for (const SetFile* file : InDependencyOrder(*built)) ordered.push_back(*file);
  made->index_ = std::make_unique<FileIndex>(std::move(ordered));
  made->methods();
  made->version_ = made->index_->files().empty() ? made->base_->version_ : made->VersionOfFiles();
  return made;
}

const BuiltDescriptors::Methods& BuiltDescriptors::methods() const {
  absl::call_once(methods_made_, [this] { AddMethods(); });
  return methods_;
}

void BuiltDescriptors::AddMethods() const {
  for (const SetFile& file : index_->files()) {
    ScanServices(file.bytes, [&](std::string_view service, const ScannedMethod* method) {
      if (method == nullptr) return;
      const std::string_view package = file.head.package;
      const auto text = [](std::string_view view) { return absl::string_view(view.data(), view.size()); };
      methods_[absl::StrCat("/", text(package), package.empty() ? "" : ".", text(service), "/", text(method->name))] =
          MethodShape{method->client_streaming, method->server_streaming};
    });
  }
}

// One hash of the path, whatever the set stands on.
const MethodShape* BuiltDescriptors::FindMethod(std::string_view path) const {
  const size_t hash = SeededHash()(path);
  for (const BuiltDescriptors* set = this; set != nullptr; set = set->base_.get()) {
    const Methods& methods = set->methods();
    const auto found = methods.find(path, hash);
    if (found != methods.end()) return &found->second;
  }
  return nullptr;
}

const pb::Descriptor* BuiltDescriptors::FindMessage(std::string_view path, MessageSide side) const {
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0 || path.front() != '/') return nullptr;
  std::string name(path.substr(1));
  name[slash - 1] = '.';
  const pb::MethodDescriptor* const method = pool_->FindMethodByName(name);
  if (method == nullptr) return nullptr;
  return side == MessageSide::kRequest ? method->input_type() : method->output_type();
}

std::vector<SetFile> BuiltDescriptors::AllFiles() const {
  std::vector<SetFile> all;
  if (base_ != nullptr) all = base_->index_->files();
  all.insert(all.end(), index_->files().begin(), index_->files().end());
  return all;
}

std::vector<std::string> BuiltDescriptors::message_types() const {
  std::vector<std::string> types;
  for (const SetFile& file : AllFiles()) {
    ScanTypes(file.bytes, [&](const ScannedType& type) {
      if (!type.is_enum) types.push_back(type.full_name);
    });
  }
  return types;
}

absl::StatusOr<std::string> BuiltDescriptors::ToJson(std::string_view path, MessageSide side, std::string_view message,
                                                     JsonStyle style) const {
  const pb::Descriptor* type = FindMessage(path, side);
  if (type == nullptr && FindMethod(path) != nullptr) {
    const std::vector<std::string> found = faults();
    return absl::NotFoundError(absl::StrCat("the descriptors of method ", Shown(path), " cannot be built",
                                            found.empty() ? "" : ": ", found.empty() ? "" : found.back()));
  }
  if (type == nullptr) return absl::NotFoundError(absl::StrCat("no descriptor is known for method ", Shown(path)));
  std::string json;
  MessagePrinter(*types_, style).Append(*type, message, &json);
  return json;
}

// One set after the other is both of them.
std::string BuiltDescriptors::serialized() const {
  const std::vector<SetFile> all = AllFiles();
  size_t size = 0;
  for (const SetFile& file : all) size += HeaderOf(file).size() + file.bytes.size();
  std::string bytes;
  bytes.reserve(size);
  for (const SetFile& file : all) {
    bytes += HeaderOf(file);
    bytes += file.bytes;
  }
  return bytes;
}

std::string BuiltDescriptors::VersionOfFiles() const {
  const std::vector<SetFile> all = AllFiles();
  if (all.empty()) return "";
  std::string header;
  auto at = all.begin();
  bool in_file = false;
  return ContentHash([&]() -> std::string_view {
    if (at == all.end()) return {};
    in_file = !in_file;
    if (!in_file) return (at++)->bytes;
    header = HeaderOf(*at);
    return header;
  });
}

std::vector<KnownService> BuiltDescriptors::KnownServices() const {
  std::vector<KnownService> all;
  for (const BuiltDescriptors* set = this; set != nullptr; set = set->base_.get()) {
    for (const SetFile& file : set->index_->files()) {
      ScanServices(file.bytes, [&](std::string_view service, const ScannedMethod* method) {
        if (method != nullptr) {
          all.back().methods.emplace_back(method->name);
        } else {
          all.push_back({In(std::string(file.head.package), std::string(service)), file.head.name, {}, set == this});
        }
      });
    }
  }
  return all;
}

std::vector<std::string> BuiltDescriptors::services() const {
  std::vector<std::string> names;
  for (KnownService& service : KnownServices()) names.push_back(std::move(service.name));
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> BuiltDescriptors::files() const {
  std::vector<std::string> names;
  for (const SetFile& file : AllFiles()) names.emplace_back(file.head.name);
  return names;
}

std::string_view BuiltDescriptors::FileBytes(std::string_view name) const {
  for (const BuiltDescriptors* set = this; set != nullptr; set = set->base_.get()) {
    if (const SetFile* file = set->index_->Find(name)) return file->bytes;
  }
  return {};
}

void BuiltDescriptors::AddFingerprints() const {
  for (const SetFile& file : index_->files()) {
    std::string said(file.bytes);
    // They have theirs: they come before.
    for (const std::string_view import : file.head.imports) {
      if (const auto own = fingerprints_.find(import); own != fingerprints_.end()) {
        said += own->second;
      } else if (base_ != nullptr) {
        said += base_->fingerprint(import);
      }
    }
    fingerprints_[file.head.name] = ContentHash(said);
  }
}

std::string_view BuiltDescriptors::fingerprint(std::string_view file) const {
  absl::call_once(fingerprints_made_, [this] { AddFingerprints(); });
  const auto found = fingerprints_.find(file);
  if (found != fingerprints_.end()) return found->second;
  return base_ == nullptr ? std::string_view() : base_->fingerprint(file);
}

std::vector<std::string> BuiltDescriptors::faults() const {
  std::vector<std::string> lines = faults_.lines();
  if (base_ == nullptr) return lines;
  const std::vector<std::string> of_base = base_->faults();
  lines.insert(lines.end(), of_base.begin(), of_base.end());
  return lines;
}

}  // namespace sallyport::policy
