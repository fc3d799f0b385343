#include "policy/descriptors/set_check.h"

#include <algorithm>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "policy/descriptors/file_protos.h"

namespace sallyport::policy {
namespace {

// A chain of `import public` is followed by recursion, and anew for each file: real ones are a few files long.
constexpr int kLongestPublicChain = 100;

}  // namespace

std::string SetCheck::FaultOfHead(const SetFile& file) const {
  const FileHead& head = file.head;
  if (!head.syntax.empty() && head.syntax != "proto2" && head.syntax != "proto3") {
    return absl::StrCat(
        "is written in syntax \"", Shown(head.syntax),
        "\", which this build's protobuf does not know: leave it out or build against a newer protobuf");
  }
  for (const std::string_view import : head.imports) {
    if (files_.contains(import)) continue;
    return absl::StrCat("imports \"", Shown(import),
                        "\", which the set does not hold: make it with all its imports (protoc "
                        "--include_imports --descriptor_set_out=FILE, or buf build -o FILE)");
  }
  return "";
}

std::string SetCheck::Fault(const SetFile& file) {
  if (std::string fault = FaultOfHead(file); !fault.empty()) return fault;
  int public_chain = 0;
  for (const int32_t index : file.head.public_imports) {
    if (index < 0 || static_cast<size_t>(index) >= file.head.imports.size())
      return "has a public import that it does not name";
    const std::string_view import = file.head.imports[static_cast<size_t>(index)];
    public_chain = std::max(public_chain, 1 + files_.find(import)->second.public_chain);
  }
  if (public_chain > kLongestPublicChain) {
    return absl::StrCat("ends a chain of more than ", kLongestPublicChain,
                        " public imports: import directly what is used");
  }
  files_[file.head.name] = {&file.head, public_chain};
  return "";
}

std::string SetCheck::FaultWithNames(const SetFile& file) {
  if (std::string fault = Fault(file); !fault.empty()) return fault;
  std::vector<std::string> types;
  std::vector<Reference> references;
  std::string fault = TakeNames(file, &types, &references);
  if (fault.empty()) fault = FaultOfReferences(file, types, references);
  if (!fault.empty()) Forget(file);
  return fault;
}

void SetCheck::Forget(const SetFile& file) {
  for (const uint64_t name : taken_) names_.erase(name);
  taken_.clear();
  files_.erase(file.head.name);
}

std::string SetCheck::TakeNames(const SetFile& file, std::vector<std::string>* types,
                                std::vector<Reference>* references) {
  std::string fault;
  const auto number = static_cast<uint32_t>(shown_.size());
  shown_.push_back(file.head.name);
  taken_.clear();
  const auto take = [&](std::string_view name, Kind kind) {
    const uint64_t hash = SeededHash()(name);
    const auto [place, is_new] = names_.try_emplace(hash, Name{number, kind});
    if (is_new) taken_.push_back(hash);
    if (is_new || !fault.empty() || (kind == Kind::kPackage && place->second.kind == Kind::kPackage)) return;
    fault = absl::StrCat(Shown(name), ": is already defined in ", Shown(shown_[place->second.file]));
  };
  const std::string package(file.head.package);
  for (size_t end = 0; end < package.size();) {
    end = std::min(package.find('.', end + 1), package.size());
    take(std::string_view(package).substr(0, end), Kind::kPackage);
  }
  ScanSymbols(file.bytes, [&](SymbolKind kind, std::string_view name) {
    if (kind == SymbolKind::kMessage || kind == SymbolKind::kEnum) return;
    take(In(package, std::string(name)), Kind::kOther);
  });
  ScanTypes(file.bytes, [&](const ScannedType& type) {
    take(type.full_name, type.is_enum ? Kind::kEnum : Kind::kMessage);
    if (type.is_enum) return;
    types->push_back(type.full_name);
    ScanFields(type.bytes, [&](const ScannedField& field) {
      if (!field.type_name.empty() || !field.extendee.empty()) references->push_back({types->size() - 1, field});
    });
  });
  return fault;
}

// What may be used without being imported itself.
void SetCheck::AddPublic(std::string_view import, absl::flat_hash_set<std::string_view>* visible) const {
  if (!visible->insert(import).second) return;
  const auto found = files_.find(import);
  if (found == files_.end()) return;
  const FileHead& head = *found->second.head;
  // Chains are bounded.
  for (const int32_t index : head.public_imports) AddPublic(head.imports[static_cast<size_t>(index)], visible);
}

std::string SetCheck::FaultOfReferences(const SetFile& file, const std::vector<std::string>& types,
                                        const std::vector<Reference>& references) const {
  absl::flat_hash_set<std::string_view> visible = {file.head.name};
  for (const std::string_view import : file.head.imports) AddPublic(import, &visible);
  std::string fault;
  const auto check = [&](std::string_view reference, const std::string& scope, std::string_view name, bool or_enum) {
    if (!fault.empty()) return;
    const char* what = "\" is not a full name with a dot before it";
    if (reference.starts_with('.')) {
      const auto found = names_.find(SeededHash()(reference.substr(1)));
      if (found == names_.end()) {
        what = "\" is not defined";
      } else if (found->second.kind != Kind::kMessage && !(or_enum && found->second.kind == Kind::kEnum)) {
        what = "\" is not a type that may stand there";
      } else if (!visible.contains(shown_[found->second.file])) {
        what = "\" is defined in a file that this one does not import";
      } else {
        return;
      }
    }
    fault = absl::StrCat(Shown(In(scope, std::string(name))), ": \"", Shown(reference), what);
  };
  const auto check_field = [&](const std::string& scope, const ScannedField& field) {
    if (!field.type_name.empty()) check(field.type_name, scope, field.name, true);
    if (!field.extendee.empty()) check(field.extendee, scope, field.name, false);
  };
  for (const Reference& reference : references) check_field(types[reference.type], reference.field);
  const std::string package(file.head.package);
  ScanTopExtensions(file.bytes, [&](const ScannedField& extension) { check_field(package, extension); });
  ScanServices(file.bytes, [&](std::string_view service, const ScannedMethod* method) {
    if (method == nullptr) return;
    const std::string scope = In(package, std::string(service));
    check(method->input, scope, method->name, false);
    check(method->output, scope, method->name, false);
  });
  return fault;
}

}  // namespace sallyport::policy
