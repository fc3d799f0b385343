#include "policy/descriptors/proto_sources.h"

#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor_database.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "policy/descriptors/descriptor_files.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
namespace fs = std::filesystem;

constexpr size_t kMostFiles = 20'000;
constexpr uint64_t kMostBytes = uint64_t{64} << 20;

// Whether its first statement is `edition = "...";`.
bool IsEditionsSource(const std::string& path) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line.compare(begin, 2, "//") == 0) continue;
    return line.compare(begin, 7, "edition") == 0;
  }
  return false;
}

// Of sources, with places, and of what is built from them.
class Faults final : public pb::compiler::MultiFileErrorCollector, public pb::DescriptorPool::ErrorCollector {
 public:
  explicit Faults(std::string directory) : directory_(std::move(directory)) {}

  void AddError(const std::string& file, int line, int column, const std::string& message) override {
    if (editions_.contains(file)) return;
    if (IsEditionsSource(directory_ + "/" + file)) {
      editions_.insert(file);
      return Note(absl::StrCat(directory_, "/", Shown(file),
                               ": is written in an edition, which is not understood as a source: make a descriptor set "
                               "with `buf build ",
                               directory_, " -o descriptors.binpb` and name that"));
    }
    // Both count from 0; lines are negative where there is none.
    Note(line < 0 ? absl::StrCat(directory_, "/", Shown(file), ": ", Shown(message))
                  : absl::StrCat(directory_, "/", Shown(file), ":", line + 1, ":", column + 1, ": ", Shown(message)));
  }
  void AddError(const std::string& file, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    Note(absl::StrCat(directory_, "/", Shown(file), ": ", Shown(element), ": ", Shown(message)));
  }

  bool any() const { return !told_.empty(); }
  void AppendTo(std::vector<std::string>* lines) const { lines->insert(lines->end(), told_.begin(), told_.end()); }
  absl::Status status() const { return absl::InvalidArgumentError(absl::StrJoin(told_, "\n")); }

 private:
  void Note(std::string fault) {
    constexpr size_t kMostTold = 20;
    if (told_.size() < kMostTold) told_.push_back(std::move(fault));
  }

  const std::string directory_;
  std::set<std::string> editions_;
  std::vector<std::string> told_;
};

absl::StatusOr<std::vector<std::string>> FindSources(const std::string& directory) {
  std::vector<std::string> found;
  uint64_t bytes = 0;
  std::error_code error;
  fs::recursive_directory_iterator at(directory, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    if (at->path().extension() != ".proto" || !at->is_regular_file(error)) continue;
    bytes += at->file_size(error);
    found.push_back(at->path().lexically_relative(directory).generic_string());
    if (found.size() > kMostFiles || bytes > kMostBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat(directory, ": more than ", kMostFiles, " .proto files or ", kMostBytes >> 20, " MiB of them"));
    }
  }
  if (error) return absl::UnavailableError(absl::StrCat(directory, ": ", error.message()));
  if (found.empty()) return absl::InvalidArgumentError(absl::StrCat(directory, ": there is no .proto file in it"));
  std::sort(found.begin(), found.end());
  return found;
}

void AddEnum(pb::DescriptorProto* message, const std::string& name, const std::vector<std::string>& values) {
  pb::EnumDescriptorProto* const type = message->add_enum_type();
  type->set_name(name);
  for (const std::string& value : values) {
    pb::EnumValueDescriptorProto* const added = type->add_value();
    added->set_number(type->value_size() - 1);
    added->set_name(value);
  }
}

pb::FieldDescriptorProto* AddField(pb::DescriptorProto* message, const std::string& name, int number,
                                   pb::FieldDescriptorProto::Type type) {
  pb::FieldDescriptorProto* const field = message->add_field();
  field->set_name(name);
  field->set_number(number);
  field->set_type(type);
  field->set_label(pb::FieldDescriptorProto::LABEL_OPTIONAL);
  return field;
}

// descriptor.proto with the options that sources may set today, as the parser finds out which there are from it.
// (https://protobuf.com/docs/descriptors; this protobuf's own lacks those that came later.)
pb::FileDescriptorProto CurrentDescriptorFile() {
  pb::FileDescriptorProto file;
  pb::FieldOptions::descriptor()->file()->CopyTo(&file);
  for (pb::DescriptorProto& message : *file.mutable_message_type()) {
    if (message.name() == "EnumValueOptions" &&
        pb::EnumValueOptions::descriptor()->FindFieldByName("debug_redact") == nullptr) {
      AddField(&message, "debug_redact", 3, pb::FieldDescriptorProto::TYPE_BOOL);
    }
    if (message.name() != "FieldOptions" ||
        pb::FieldOptions::descriptor()->FindFieldByName("debug_redact") != nullptr) {
      continue;
    }
    AddField(&message, "debug_redact", 16, pb::FieldDescriptorProto::TYPE_BOOL);
    AddEnum(&message, "OptionRetention", {"RETENTION_UNKNOWN", "RETENTION_RUNTIME", "RETENTION_SOURCE"});
    AddField(&message, "retention", 17, pb::FieldDescriptorProto::TYPE_ENUM)
        ->set_type_name(".google.protobuf.FieldOptions.OptionRetention");
    AddEnum(&message, "OptionTargetType",
            {"TARGET_TYPE_UNKNOWN", "TARGET_TYPE_FILE", "TARGET_TYPE_EXTENSION_RANGE", "TARGET_TYPE_MESSAGE",
             "TARGET_TYPE_FIELD", "TARGET_TYPE_ONEOF", "TARGET_TYPE_ENUM", "TARGET_TYPE_ENUM_ENTRY",
             "TARGET_TYPE_SERVICE", "TARGET_TYPE_METHOD"});
    pb::FieldDescriptorProto* const targets = AddField(&message, "targets", 19, pb::FieldDescriptorProto::TYPE_ENUM);
    targets->set_type_name(".google.protobuf.FieldOptions.OptionTargetType");
    targets->set_label(pb::FieldDescriptorProto::LABEL_REPEATED);
  }
  return file;
}

void AddWithImports(const pb::FileDescriptor& file, std::set<std::string>* added, pb::FileDescriptorSet* set) {
  if (!added->insert(file.name()).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) AddWithImports(*file.dependency(i), added, set);
  file.CopyTo(set->add_file());
}

}  // namespace

absl::StatusOr<std::shared_ptr<const Descriptors>> CompileProtos(const std::string& directory,
                                                                 std::vector<std::string>* left_out) {
  const absl::StatusOr<std::vector<std::string>> sources = FindSources(directory);
  if (!sources.ok()) return sources.status();
  pb::compiler::DiskSourceTree tree;
  tree.MapPath("", directory);
  // What this program knows itself stands in for standard files that are not among the sources.
  pb::DescriptorPoolDatabase own(*pb::DescriptorPool::generated_pool());
  pb::compiler::SourceTreeDescriptorDatabase database(&tree, &own);
  Faults faults(directory);
  database.RecordErrorsTo(&faults);
  // In place of one among the sources, too.
  const pb::FileDescriptorProto options = CurrentDescriptorFile();
  pb::SimpleDescriptorDatabase current;
  current.Add(options);
  pb::MergedDescriptorDatabase all(&current, &database);
  pb::DescriptorPool pool(&all, &faults);
  // It is taken for what options there are only if it is there before the files that use them.
  pool.FindFileByName(options.name());
  pb::FileDescriptorSet set;
  std::set<std::string> added;
  for (const std::string& source : *sources) {
    const pb::FileDescriptor* file = pool.FindFileByName(source);
    if (file != nullptr) AddWithImports(*file, &added, &set);
  }
  if (faults.any() && (left_out == nullptr || set.file().empty())) return faults.status();
  if (faults.any()) faults.AppendTo(left_out);
  return Descriptors::Create(set, directory);
}

}  // namespace sallyport::policy
