// What a serialised FileDescriptorProto says, read from its bytes: a small part of what building it costs.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_FILE_SCAN_H_
#define SALLYPORT_POLICY_DESCRIPTORS_FILE_SCAN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"

namespace sallyport::policy {

// All views are into the bytes that were scanned, which are a file in the canonical form: what does not parse is read
// as far as it does. Types are followed as deep as protobuf parses them.

struct FileHead {
  std::string_view name;
  std::string_view package;
  std::string_view syntax;
  std::vector<std::string_view> imports;
  std::vector<int32_t> public_imports;  // places in imports, unless the file is mangled
};
FileHead ScanHead(std::string_view file);

enum class SymbolKind { kMessage, kEnum, kEnumValue, kService, kExtension };
// What the file defines in its package's scope, by simple name.
void ScanSymbols(std::string_view file, absl::FunctionRef<void(SymbolKind, std::string_view name)> visit);

// All messages and enums, nested ones after what they stand in, by full name.
struct ScannedType {
  const std::string& full_name;
  bool is_enum;
  std::string_view bytes;  // a DescriptorProto or an EnumDescriptorProto
};
void ScanTypes(std::string_view file, absl::FunctionRef<void(const ScannedType&)> visit);

struct ScannedField {
  std::string_view name;
  std::string_view extendee;   // as it is written, as is type_name
  std::string_view type_name;  // empty for scalars
  std::string_view options;    // a FieldOptions
  int32_t number = 0;
};
// Of a message, by its bytes. Those with an extendee only stand in it.
void ScanFields(std::string_view message, absl::FunctionRef<void(const ScannedField&)> visit);
// Of a file; those that stand in no message.
void ScanTopExtensions(std::string_view file, absl::FunctionRef<void(const ScannedField&)> visit);
// All extensions of a file, and the full name of what each stands in: a message or the package.
void ScanExtensions(std::string_view file,
                    absl::FunctionRef<void(const std::string& scope, const ScannedField&)> visit);

struct ScannedMethod {
  std::string_view name;
  std::string_view input;  // as it is written, as is output
  std::string_view output;
  bool client_streaming = false;
  bool server_streaming = false;
};
// A service comes before its methods, with a null method.
void ScanServices(std::string_view file,
                  absl::FunctionRef<void(std::string_view service, const ScannedMethod* method)> visit);

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_FILE_SCAN_H_
