#include "replay/known_descriptors.h"

#include <iostream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::replay {
namespace {

absl::StatusOr<std::shared_ptr<const policy::Descriptors>> Read(recorder::RecordReader& reader,
                                                                const std::string& version) {
  absl::StatusOr<std::string> bytes = reader.Descriptors(version);
  if (!bytes.ok()) return bytes.status();
  return policy::Descriptors::Parse(*bytes, absl::StrCat("the descriptors ", absl::CHexEscape(version)));
}

}  // namespace

const policy::Descriptors* KnownDescriptors::Find(const std::string& version) {
  if (version.empty()) return nullptr;
  const auto found = versions_.find(version);
  if (found != versions_.end()) return found->second.get();
  absl::StatusOr<std::shared_ptr<const policy::Descriptors>> read = Read(reader_, version);
  if (!read.ok()) {
    std::cerr << "sallyport: messages are shown as bytes, as the descriptors " << absl::CHexEscape(version)
              << " cannot be read: " << std::string(read.status().message()) << std::endl;
    return versions_.emplace(version, nullptr).first->second.get();
  }
  return versions_.emplace(version, *std::move(read)).first->second.get();
}

}  // namespace sallyport::replay
