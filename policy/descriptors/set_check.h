// Faults of a set that is too large to be built only to find them.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_SET_CHECK_H_
#define SALLYPORT_POLICY_DESCRIPTORS_SET_CHECK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "policy/descriptors/descriptor_files.h"
#include "protos/seeded_hash.h"

namespace sallyport::policy {

// Shown the files of a set one after the other, each after what it imports. Finds what keeps a file from being built as
// far as its bytes and those before tell: imports that are not there, a syntax that is not known, too long a chain of
// public imports; with FaultWithNames also names that are taken, and types that are not there or not imported. What
// only protobuf finds is told where the file is first used. For one set, which must outlive it; not thread-safe.
class SetCheck {
 public:
  // What is wrong with the file, without its name. Empty if nothing is: files shown later may then import it.
  std::string Fault(const SetFile& file);
  // The same, and also looks at the names that the file defines and refers to.
  std::string FaultWithNames(const SetFile& file);
  // Takes back the file that was shown last: later files may not import it.
  void Forget(const SetFile& file);

 private:
  enum class Kind : uint8_t { kPackage, kMessage, kEnum, kOther };
  struct Name {
    uint32_t file;  // its place in shown_
    Kind kind;
  };
  std::string FaultOfHead(const SetFile& file) const;
  // A field that names a type, and the message that the field is in.
  struct Reference {
    size_t type;  // its place among those of the file
    ScannedField field;
  };
  std::string TakeNames(const SetFile& file, std::vector<std::string>* types, std::vector<Reference>* references);
  std::string FaultOfReferences(const SetFile& file, const std::vector<std::string>& types,
                                const std::vector<Reference>& references) const;
  void AddPublic(std::string_view import, absl::flat_hash_set<std::string_view>* visible) const;

  struct Present {
    const FileHead* head;
    int public_chain;  // so many public imports follow one another from it on
  };
  absl::flat_hash_map<std::string_view, Present, SeededHash, std::equal_to<>> files_;  // those that are there
  std::vector<std::string_view> shown_;                                                // names of files
  std::vector<uint64_t> taken_;  // keys in names_, by the last file
  // Full names of packages, of what stands in them, and of types, by their SeededHash: nobody can choose names that
  // have the same.
  absl::flat_hash_map<uint64_t, Name> names_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_SET_CHECK_H_
