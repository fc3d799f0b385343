#include "policy/descriptors/reflected_bounds.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "policy/descriptors/descriptor_files.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;
using pb::internal::WireFormatLite;

constexpr int kDeepest = 100;

// What parsing would make of bytes, found without parsing them.
class PartCounter {
 public:
  explicit PartCounter(std::string_view bytes)
      : bytes_(bytes), input_(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size())) {}

  // False if the bytes are no file.
  bool Count() { return Walk(*pb::FileDescriptorProto::descriptor(), 0) && input_.ConsumedEntireMessage(); }
  size_t parts() const { return parts_; }
  size_t texts() const { return texts_; }
  bool interpreted() const { return interpreted_; }
  // The bytes without the fields that hold comments.
  std::string WithoutComments() const {
    std::string left;
    size_t from = 0;
    for (const auto& [begin, end] : comments_) {
      left.append(bytes_.substr(from, begin - from));
      from = end;
    }
    left.append(bytes_.substr(from));
    return left;
  }

 private:
  bool Walk(const pb::Descriptor& type, int depth) {
    if (depth > kDeepest) return false;
    while (true) {
      const int begin = input_.CurrentPosition();
      const uint32_t tag = input_.ReadTag();
      if (tag == 0) return true;
      const pb::FieldDescriptor* const field = type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (WireFormatLite::GetTagWireType(tag) != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!WireFormatLite::SkipField(&input_, tag)) return false;
        // Each value in an unknown field takes two bytes at least.
        if (field == nullptr) texts_ += static_cast<size_t>(input_.CurrentPosition() - begin) / 2;
        continue;
      }
      uint32_t size = 0;
      if (!input_.ReadVarint32(&size) || size > bytes_.size()) return false;
      const bool comments =
          depth == 0 && field != nullptr && field->number() == pb::FileDescriptorProto::kSourceCodeInfoFieldNumber;
      if (comments || field == nullptr || field->message_type() == nullptr) {
        if (!input_.Skip(static_cast<int>(size))) return false;
        if (comments) comments_.emplace_back(begin, input_.CurrentPosition());
        ++texts_;
        continue;
      }
      ++parts_;
      interpreted_ = interpreted_ && field->message_type() != pb::UninterpretedOption::descriptor();
      const auto limit = input_.PushLimit(static_cast<int>(size));
      if (!Walk(*field->message_type(), depth + 1) || input_.BytesUntilLimit() != 0) return false;
      input_.PopLimit(limit);
    }
  }

  const std::string_view bytes_;
  pb::io::CodedInputStream input_;
  size_t parts_ = 0;
  size_t texts_ = 0;
  bool interpreted_ = true;
  std::vector<std::pair<size_t, size_t>> comments_;  // where they begin and end
};

}  // namespace

bool IsStandardFile(const std::string& name) { return FindStandardFile(name) != nullptr; }

absl::StatusOr<pb::FileDescriptorProto> ReflectedBounds::Read(std::string_view serialized) {
  if (serialized.size() > kMostBytes * 4) return absl::ResourceExhaustedError("a file of more than 64 MiB");
  PartCounter counter(serialized);
  if (!counter.Count()) return absl::InvalidArgumentError("a file descriptor does not parse");
  const std::string bytes = counter.WithoutComments();
  ++files_;
  bytes_ += bytes.size();
  parts_ += counter.parts();
  texts_ += counter.texts();
  if (files_ > kMostFiles || bytes_ > kMostBytes || parts_ > kMostParts || texts_ > kMostTexts) {
    return absl::ResourceExhaustedError(absl::StrCat("its descriptors are more than ", kMostBytes >> 20, " MiB, ",
                                                     kMostFiles, " files, ", kMostParts, " parts or ", kMostTexts,
                                                     " texts"));
  }
  if (!counter.interpreted()) return absl::InvalidArgumentError("a file descriptor holds options that are only text");
  pb::FileDescriptorProto file;
  if (!file.ParseFromString(bytes)) return absl::InvalidArgumentError("a file descriptor does not parse");
  return file;
}

}  // namespace sallyport::policy
