#include "policy/descriptors/descriptors.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/descriptors/built_descriptors.h"
#include "policy/descriptors/descriptor_files.h"
#include "policy/descriptors/editions.h"
#include "policy/descriptors/first_fault.h"
#include "policy/descriptors/proto_sources.h"
#include "policy/descriptors/set_check.h"
#include "policy/messages/wire.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

constexpr size_t kMostBytes = 256 << 20;
// Of a set that is built at once to find its faults. Building takes about 30 times as much memory, for a moment.
constexpr size_t kBuiltAtOnce = 512 << 10;

// Keeps those of `files` in `*sound` that no fault is found in, and says of the others in `faults` what it is.
class FaultFinder {
 public:
  FaultFinder(std::string_view source, std::vector<std::string>* faults) : source_(source), faults_(*faults) {}

  // By building them. What the pool understood is the canonical form, whatever the way the set was made.
  std::vector<SetFile> Build(const std::vector<const SetFile*>& files) {
    std::vector<SetFile> sound;
    pb::DescriptorPool pool;
    for (const SetFile* file : files) {
      std::string text = check_.Fault(*file);
      if (text.empty()) text = Build(*file, &pool, &sound);
      if (text.empty()) continue;
      check_.Forget(*file);
      NoteFault(*file, text);
    }
    return sound;
  }

  // By what their bytes say.
  std::vector<SetFile> Scan(const std::vector<const SetFile*>& files) {
    std::vector<SetFile> sound;
    for (const SetFile* file : files) {
      const std::string text = check_.FaultWithNames(*file);
      if (text.empty()) {
        sound.push_back(*file);
      } else {
        NoteFault(*file, text);
      }
    }
    return sound;
  }

 private:
  static std::string Build(const SetFile& file, pb::DescriptorPool* pool, std::vector<SetFile>* sound) {
    pb::FileDescriptorProto proto;
    if (!proto.ParseFromArray(file.bytes.data(), static_cast<int>(file.bytes.size()))) return "does not parse";
    FirstFault fault;
    const pb::FileDescriptor* const built = pool->BuildFileCollectingErrors(proto, &fault);
    if (built == nullptr) return fault.text().empty() ? "cannot be built" : fault.text();
    proto.Clear();
    built->CopyTo(&proto);
    sound->push_back(Canonical(&proto));
    return "";
  }
  void NoteFault(const SetFile& file, const std::string& text) {
    faults_.push_back(absl::StrCat(source_, ": ", Shown(file.head.name), ": ", text));
  }

  const std::string source_;
  std::vector<std::string>& faults_;
  SetCheck check_;
};

// Makes a set of `files`. If `left_out` is given, files with faults are left out, along with those that import them,
// and told there; otherwise they are an error.
absl::StatusOr<std::shared_ptr<const Descriptors>> Make(const FilesByName& files, std::string_view source,
                                                        std::vector<std::string>* left_out) {
  const std::vector<const SetFile*> ordered = InDependencyOrder(files);
  size_t bytes = 0;
  for (const SetFile* file : ordered) bytes += file->bytes.size();
  std::vector<std::string> faults;
  FaultFinder finder(source, &faults);
  std::vector<SetFile> sound = bytes <= kBuiltAtOnce ? finder.Build(ordered) : finder.Scan(ordered);
  if (left_out == nullptr && !faults.empty()) return absl::InvalidArgumentError(faults.front());
  for (std::string& fault : faults) left_out->push_back(absl::StrCat(fault, " (left out)"));
  if (ordered.size() != files.size()) {
    std::set<std::string> left;
    for (const auto& [name, file] : files) left.insert(name);
    for (const SetFile* file : ordered) left.erase(std::string(file->head.name));
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(source), ": ", Shown(*left.begin()), ": its imports form a circle"));
  }
  return BuiltDescriptors::Make(source, std::move(sound));
}

absl::StatusOr<std::shared_ptr<const Descriptors>> Make(FileReader reader, std::string_view source,
                                                        std::vector<std::string>* left_out) {
  FilesByName files = std::move(reader).Take();
  SupplyStandardFiles(&files);
  return Make(files, source, left_out);
}

// Shows `visit` the bytes of each file in a serialised FileDescriptorSet, until it returns false. False if it does, or
// the bytes are no such set.
bool ForEachFile(std::string_view set, absl::FunctionRef<bool(std::string_view file)> visit) {
  WireReader reader(set);
  while (!reader.done()) {
    uint32_t number = 0;
    WireType type = WireType::kVarint;
    bool minimal = false;
    std::string_view bytes;
    if (!reader.ReadTag(&number, &type, &minimal)) return false;
    if (number != pb::FileDescriptorSet::kFileFieldNumber || type != WireType::kLength) {
      if (!reader.SkipValue(number, type, kMostDepth)) return false;
    } else if (!reader.ReadLength(&bytes, &minimal) || !visit(bytes)) {
      return false;
    }
  }
  return true;
}

absl::Status ReadSet(std::string_view bytes, std::string_view source, FileReader* reader) {
  if (bytes.size() > kMostBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(source), ": larger than ", kMostBytes >> 20, " MiB: not a descriptor set"));
  }
  std::vector<std::string_view> files;
  bool whole = ForEachFile(bytes, [&](std::string_view file) {
    files.push_back(file);
    return files.size() <= FileReader::kMostFiles;
  });
  whole = whole || files.size() > FileReader::kMostFiles;  // which the reader tells
  std::vector<SetFile> canonical(files.size());
  // A small set is read before a thread has begun.
  const size_t threads = bytes.size() <= kBuiltAtOnce ? 1 : std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
  std::atomic<size_t> next = 0;
  std::atomic<bool> sound = true;
  const auto read = [&] {
    // One after the other in the same place: parsed, a set takes several times as much.
    pb::FileDescriptorProto proto;
    for (size_t i = next++; i < files.size() && sound; i = next++) {
      if (!proto.ParsePartialFromArray(files[i].data(), static_cast<int>(files[i].size())) || !proto.IsInitialized()) {
        sound = false;
        return;
      }
      TranslateEdition(&proto);  // those of editions that are not known are told by their syntax
      canonical[i] = Canonical(&proto);
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < threads; ++i) others.emplace_back(read);
  read();
  for (std::thread& other : others) other.join();
  whole = whole && sound;
  for (SetFile& file : canonical) {
    if (!whole) break;
    if (absl::Status status = reader->Add(std::move(file)); !status.ok()) return status;
  }
  if (whole) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(std::string(source),
                                                 ": not a descriptor set: make one with protoc --include_imports "
                                                 "--descriptor_set_out=FILE, or buf build -o FILE"));
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

std::shared_ptr<const Descriptors> Descriptors::Empty() { return BuiltDescriptors::Make("", {}); }

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Create(const pb::FileDescriptorSet& files,
                                                                       std::string_view source,
                                                                       std::vector<std::string>* left_out) {
  FileReader reader(source);
  pb::FileDescriptorProto copy;
  for (const pb::FileDescriptorProto& file : files.file()) {
    copy = file;
    if (absl::Status status = reader.Add(&copy); !status.ok()) return status;
  }
  return Make(std::move(reader), source, left_out);
}

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Parse(std::string_view bytes, std::string_view source,
                                                                      std::vector<std::string>* left_out) {
  FileReader reader(source);
  if (absl::Status status = ReadSet(bytes, source, &reader); !status.ok()) return status;
  return Make(std::move(reader), source, left_out);
}

std::shared_ptr<const Descriptors> Descriptors::OfKept(std::string bytes, std::string_view source,
                                                       std::string_view version) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  std::vector<SetFile> files;
  ForEachFile(*owner, [&](std::string_view file) {
    files.push_back(KeptFile(owner, file));
    return true;
  });
  return BuiltDescriptors::Make(source, std::move(files), version);
}

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Load(const std::string& path,
                                                                     std::vector<std::string>* left_out) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return CompileProtos(path, left_out);
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) return FileError(path, errno);
  std::string bytes;
  if (const auto size = std::filesystem::file_size(path, error); !error && size <= kMostBytes) bytes.reserve(size + 1);
  char piece[64 << 10];
  while (bytes.size() <= kMostBytes) {
    errno = 0;
    const size_t read = std::fread(piece, 1, sizeof piece, file.get());
    bytes.append(piece, read);
    if (std::ferror(file.get()) != 0) return FileError(path, errno);
    if (read < sizeof piece) break;
  }
  FileReader reader(path);
  if (absl::Status status = ReadSet(bytes, path, &reader); !status.ok()) return status;
  bytes = std::string();  // what follows needs the room
  return Make(std::move(reader), path, left_out);
}

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Merge(
    const std::vector<std::shared_ptr<const Descriptors>>& sets, std::vector<std::string>* conflicts) {
  if (sets.size() == 1) return sets.front();
  std::vector<std::string> told;
  FilesByName files;
  int index = 0;
  for (const std::shared_ptr<const Descriptors>& set : sets) {
    // There is no other kind.
    for (SetFile& file : static_cast<const BuiltDescriptors&>(*set).AllFiles()) {
      file.set = index;
      const auto [place, is_new] = files.try_emplace(std::string(file.head.name), file);
      if (is_new || place->second.bytes == file.bytes) continue;
      told.push_back(absl::StrCat(Shown(file.head.name), ": ", sets[static_cast<size_t>(place->second.set)]->source(),
                                  " and ", set->source(), " describe it differently; the first is used"));
    }
    ++index;
  }
  absl::StatusOr<std::shared_ptr<const Descriptors>> made = Make(files, "merged sets", &told);
  if (made.ok() && conflicts != nullptr) conflicts->insert(conflicts->end(), told.begin(), told.end());
  return made;
}

absl::StatusOr<std::shared_ptr<const Descriptors>> Descriptors::Over(std::shared_ptr<const Descriptors> base,
                                                                     const pb::FileDescriptorSet& files,
                                                                     std::string_view source,
                                                                     std::vector<std::string>* told) {
  return BuiltDescriptors::MakeOver(std::static_pointer_cast<const BuiltDescriptors>(std::move(base)), files, source,
                                    told);
}

}  // namespace sallyport::policy
