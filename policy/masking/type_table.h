// The messages of some sets of descriptors and their fields, read from the files' bytes: nothing is built for it.
#ifndef SALLYPORT_POLICY_MASKING_TYPE_TABLE_H_
#define SALLYPORT_POLICY_MASKING_TYPE_TABLE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "policy/descriptors/descriptors.h"
#include "protos/seeded_hash.h"

namespace sallyport::policy {

// Each type is in it once, whatever number of the sets share it. Constant once made; views are into the sets, which
// must outlive it.
class TypeTable {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Field {
    std::string_view name;
    std::string_view options;  // a google.protobuf.FieldOptions
    uint32_t message = kNone;  // of the table's types, if it is one
  };
  struct Type {
    std::string full_name;
    uint32_t first = 0;  // of its fields
    uint32_t count = 0;
  };

  explicit TypeTable(absl::Span<const std::shared_ptr<const Descriptors>> sets);

  const std::vector<Type>& types() const { return types_; }
  const Type& type(uint32_t number) const { return types_[number]; }
  absl::Span<const Field> FieldsOf(const Type& type) const {
    return absl::MakeConstSpan(fields_).subspan(type.first, type.count);
  }

 private:
  using Names = absl::flat_hash_map<std::string_view, uint32_t, SeededHash, std::equal_to<>>;
  void AddTypes(std::string_view file);

  std::vector<Type> types_;
  std::vector<Field> fields_;
  std::vector<std::string_view> references_;  // of fields, while it is made
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_MASKING_TYPE_TABLE_H_
