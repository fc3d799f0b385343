#include "policy/descriptors/descriptors.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "policy/content_hash.h"
#include "policy/descriptors/descriptor_files.h"
#include "policy/descriptors/first_fault.h"
#include "policy/descriptors/proto_sources.h"
#include "policy/descriptors/reflected_files.h"
#include "policy/messages/message_printer.h"
#include "protos/seeded_hash.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

constexpr size_t kMostBytes = 256 << 20;
// A chain of `import public` is followed by recursion, and anew for each file: real ones are a few files long.
constexpr int kLongestPublicChain = 100;

struct Method {
  MethodShape shape;
  const pb::MethodDescriptor* descriptor = nullptr;
};

// The set, built. Everything is constant after Build.
class BuiltDescriptors final : public Descriptors {
 public:
  // `base`, if given, is what the set stands on; its pool is the underlay of the set's own.
  explicit BuiltDescriptors(std::shared_ptr<const BuiltDescriptors> base = nullptr)
      : base_(std::move(base)), pool_(base_ == nullptr ? nullptr : &base_->pool_), types_(&pool_) {}

  // Builds `files`. If `conflicts` is given, a file that cannot be built is left out, along with those that import it,
  // and told there; otherwise it is an error.
  absl::Status Build(const FilesByName& files, std::string_view source, std::vector<std::string>* conflicts);
  // Builds as much of what an upstream reflects as can be built.
  absl::Status BuildReflected(const pb::FileDescriptorSet& files, std::string_view source,
                              std::vector<std::string>* told);

  const MethodShape* FindMethod(std::string_view path) const override {
    const Method* const found = Find(path);
    return found == nullptr ? nullptr : &found->shape;
  }
  const pb::Descriptor* FindMessage(std::string_view path, MessageSide side) const override {
    const Method* const found = Find(path);
    if (found == nullptr) return nullptr;
    return side == MessageSide::kRequest ? found->descriptor->input_type() : found->descriptor->output_type();
  }
  const pb::DescriptorPool& pool() const override { return pool_; }
  const MessageTypes& types() const override { return types_; }
  std::vector<std::string> message_types() const override { return WithBase(&BuiltDescriptors::message_types_); }
  absl::StatusOr<std::string> ToJson(std::string_view path, MessageSide side, std::string_view message,
                                     JsonStyle style) const override;
  const std::string& source() const override { return source_; }
  const std::string& version() const override { return version_; }
  std::string serialized() const override {
    // One set after the other is both of them.
    return base_ == nullptr ? serialized_ : absl::StrCat(base_->serialized_, serialized_);
  }
  std::vector<std::string> services() const override {
    std::vector<std::string> all = WithBase(&BuiltDescriptors::services_);
    std::sort(all.begin(), all.end());
    return all;
  }
  std::vector<std::string> files() const override { return WithBase(&BuiltDescriptors::files_); }
  std::string_view fingerprint(const pb::FileDescriptor& file) const override {
    const auto found = fingerprints_.find(file.name());
    if (found != fingerprints_.end()) return found->second;
    return base_ == nullptr ? std::string_view() : base_->fingerprint(file);
  }

 private:
  using Methods = absl::flat_hash_map<std::string, Method, SeededHash, std::equal_to<>>;

  // One hash of the path, whatever the set stands on.
  const Method* Find(std::string_view path) const {
    const size_t hash = SeededHash()(path);
    for (const BuiltDescriptors* set = this; set != nullptr; set = set->base_.get()) {
      const auto found = set->methods_.find(path, hash);
      if (found != set->methods_.end()) return &found->second;
    }
    return nullptr;
  }
  std::vector<std::string> WithBase(std::vector<std::string> BuiltDescriptors::*names) const {
    std::vector<std::string> all;
    if (base_ != nullptr) all = *base_.*names;
    all.insert(all.end(), (this->*names).begin(), (this->*names).end());
    return all;
  }
  absl::Status BuildFile(const pb::FileDescriptorProto& file);
  void AddServices(const pb::FileDescriptor& file);
  void AddTypes(const pb::Descriptor& type);
  void Seal(const FilesByName& built);

  const std::shared_ptr<const BuiltDescriptors> base_;  // stands on nothing itself
  pb::DescriptorPool pool_;
  const PoolTypes types_;
  // What the set knows itself, without its base.
  Methods methods_;
  // How many public imports follow one another from a file on; used while building.
  absl::flat_hash_map<std::string, int> public_chain_;
  std::vector<std::string> services_;
  std::vector<std::string> message_types_;
  std::vector<std::string> files_;
  absl::flat_hash_map<std::string, std::string> fingerprints_;  // by file
  std::string source_;
  std::string serialized_;
  std::string version_;  // of both
};

absl::Status BuiltDescriptors::BuildFile(const pb::FileDescriptorProto& file) {
  if (!file.syntax().empty() && file.syntax() != "proto2" && file.syntax() != "proto3") {
    return absl::InvalidArgumentError(
        absl::StrCat("is written in syntax \"", Shown(file.syntax()),
                     "\", which this build's protobuf does not know: leave it out or build against a newer protobuf"));
  }
  for (const std::string& import : file.dependency()) {
    if (pool_.FindFileByName(import) != nullptr) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("imports \"", Shown(import),
                     "\", which the set does not hold: make it with all its imports (protoc "
                     "--include_imports --descriptor_set_out=FILE, or buf build -o FILE)"));
  }
  int public_chain = 0;
  for (const int index : file.public_dependency()) {
    if (index < 0 || index >= file.dependency_size())
      return absl::InvalidArgumentError("has a public import that it does not name");
    public_chain = std::max(public_chain, 1 + public_chain_[file.dependency(index)]);
  }
  if (public_chain > kLongestPublicChain) {
    return absl::InvalidArgumentError(absl::StrCat("ends a chain of more than ", kLongestPublicChain,
                                                   " public imports: import directly what is used"));
  }
  public_chain_[file.name()] = public_chain;
  FirstFault fault;
  if (pool_.BuildFileCollectingErrors(file, &fault) == nullptr) {
    return absl::InvalidArgumentError(fault.text().empty() ? "cannot be built" : fault.text());
  }
  return absl::OkStatus();
}

absl::Status BuiltDescriptors::Build(const FilesByName& files, std::string_view source,
                                     std::vector<std::string>* conflicts) {
  source_ = std::string(source);
  const std::vector<const SourceFile*> ordered = InDependencyOrder(files);
  FilesByName built;
  for (const SourceFile* candidate : ordered) {
    const std::string& name = candidate->file.name();
    if (absl::Status status = BuildFile(candidate->file); !status.ok()) {
      const std::string fault = absl::StrCat(std::string(source), ": ", Shown(name), ": ", status.message());
      if (conflicts == nullptr) return absl::InvalidArgumentError(fault);
      conflicts->push_back(absl::StrCat(fault, " (left out)"));
      continue;
    }
    // What the pool understood is the canonical form: without comments, and whatever the way the set was made.
    pool_.FindFileByName(name)->CopyTo(&built[name].file);
  }
  if (ordered.size() != files.size()) {
    std::set<std::string> left;
    for (const auto& [name, file] : files) left.insert(name);
    for (const SourceFile* file : ordered) left.erase(file->file.name());
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(source), ": ", Shown(*left.begin()), ": its imports form a circle"));
  }
  Seal(built);
  return absl::OkStatus();
}

absl::Status BuiltDescriptors::BuildReflected(const pb::FileDescriptorSet& files, std::string_view source,
                                              std::vector<std::string>* told) {
  source_ = std::string(source);
  absl::StatusOr<FilesByName> built = ReflectedFiles(&pool_, source, told).Build(files);
  if (!built.ok()) return built.status();
  Seal(*built);
  return absl::OkStatus();
}

void BuiltDescriptors::AddServices(const pb::FileDescriptor& file) {
  for (int i = 0; i < file.service_count(); ++i) {
    const pb::ServiceDescriptor* service = file.service(i);
    services_.push_back(service->full_name());
    for (int j = 0; j < service->method_count(); ++j) {
      const pb::MethodDescriptor* method = service->method(j);
      methods_[absl::StrCat("/", service->full_name(), "/", method->name())] =
          Method{{method->client_streaming(), method->server_streaming()}, method};
    }
  }
}

void BuiltDescriptors::AddTypes(const pb::Descriptor& type) {
  message_types_.push_back(type.full_name());
  for (int i = 0; i < type.nested_type_count(); ++i) AddTypes(*type.nested_type(i));
}

void BuiltDescriptors::Seal(const FilesByName& built) {
  pb::FileDescriptorSet canonical;
  for (const SourceFile* source : InDependencyOrder(built)) {
    *canonical.add_file() = source->file;
    files_.push_back(source->file.name());
    const pb::FileDescriptor& file = *pool_.FindFileByName(source->file.name());
    std::string said = source->file.SerializeAsString();
    for (int i = 0; i < file.dependency_count(); ++i) said += fingerprint(*file.dependency(i));
    fingerprints_[file.name()] = ContentHash(said);
    AddServices(file);
    for (int i = 0; i < file.message_type_count(); ++i) AddTypes(*file.message_type(i));
  }
  std::sort(services_.begin(), services_.end());
  canonical.SerializeToString(&serialized_);
  if (base_ != nullptr && built.empty()) {
    version_ = base_->version_;
  } else if (!built.empty()) {
    version_ = ContentHash(serialized());
  }
}

absl::StatusOr<std::string> BuiltDescriptors::ToJson(std::string_view path, MessageSide side, std::string_view message,
                                                     JsonStyle style) const {
  const pb::Descriptor* type = FindMessage(path, side);
  if (type == nullptr) return absl::NotFoundError(absl::StrCat("no descriptor is known for method ", Shown(path)));
  std::string json;
  MessagePrinter(types_, style).Append(*type, message, &json);
  return json;
}

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

absl::Status FileError(const std::string& path, int error) {
  const std::string text = absl::StrCat(path, ": ", std::strerror(error));
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(text);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(text);
  return error == EISDIR ? absl::InvalidArgumentError(text) : absl::UnavailableError(text);
}

}  // namespace

std::shared_ptr<const Descriptors> Descriptors::Empty() { return std::make_shared<BuiltDescriptors>(); }

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Create(const pb::FileDescriptorSet& files,
                                                                       std::string_view source,
                                                                       std::vector<std::string>* left_out) {
  absl::StatusOr<FilesByName> by_name = ReadFiles(files, source);
  if (!by_name.ok()) return by_name.status();
  SupplyStandardFiles(&*by_name);
  auto built = std::make_shared<BuiltDescriptors>();
  if (absl::Status status = built->Build(*by_name, source, left_out); !status.ok()) return status;
  return built;
}

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Parse(std::string_view bytes, std::string_view source,
                                                                      std::vector<std::string>* left_out) {
  if (bytes.size() > kMostBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(source), ": larger than ", kMostBytes >> 20, " MiB: not a descriptor set"));
  }
  pb::FileDescriptorSet set;
  if (!set.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size())) || !set.IsInitialized()) {
    return absl::InvalidArgumentError(absl::StrCat(std::string(source),
                                                   ": not a descriptor set: make one with protoc --include_imports "
                                                   "--descriptor_set_out=FILE, or buf build -o FILE"));
  }
  return Create(set, source, left_out);
}

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Load(const std::string& path,
                                                                     std::vector<std::string>* left_out) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return CompileProtos(path, left_out);
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return FileError(path, errno);
  std::string bytes;
  char piece[64 << 10];
  while (bytes.size() <= kMostBytes) {
    errno = 0;
    const size_t read = std::fread(piece, 1, sizeof piece, file.get());
    bytes.append(piece, read);
    if (std::ferror(file.get()) != 0) return FileError(path, errno);
    if (read < sizeof piece) break;
  }
  return Parse(bytes, path, left_out);
}

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Merge(
    const std::vector<std::shared_ptr<const Descriptors>>& sets, std::vector<std::string>* conflicts) {
  std::vector<std::string> told;
  FilesByName files;
  int index = 0;
  for (const std::shared_ptr<const Descriptors>& set : sets) {
    pb::FileDescriptorSet parsed;
    if (!parsed.ParseFromString(set->serialized())) return absl::InternalError("a built descriptor set does not parse");
    for (pb::FileDescriptorProto& file : *parsed.mutable_file()) {
      const auto [place, is_new] = files.try_emplace(file.name());
      if (is_new) {
        place->second = SourceFile{std::move(file), index};
      } else if (place->second.file.SerializeAsString() != file.SerializeAsString()) {
        told.push_back(absl::StrCat(Shown(file.name()), ": ", sets[static_cast<size_t>(place->second.set)]->source(),
                                    " and ", set->source(), " describe it differently; the first is used"));
      }
    }
    ++index;
  }
  auto built = std::make_shared<BuiltDescriptors>();
  if (absl::Status status = built->Build(files, "merged sets", &told); !status.ok()) return status;
  if (conflicts != nullptr) conflicts->insert(conflicts->end(), told.begin(), told.end());
  return built;
}

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Over(std::shared_ptr<const Descriptors> base,
                                                                     const pb::FileDescriptorSet& files,
                                                                     std::string_view source,
                                                                     std::vector<std::string>* told) {
  // There is no other kind.
  auto built = std::make_shared<BuiltDescriptors>(std::static_pointer_cast<const BuiltDescriptors>(std::move(base)));
  if (absl::Status status = built->BuildReflected(files, source, told); !status.ok()) return status;
  return built;
}

}  // namespace sallyport::policy
