#include "tests/policy/masking/parsed_proto.h"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

namespace sallyport::policy {

absl::StatusOr<std::shared_ptr<const Descriptors>> ParsedProto(const std::string& proto) {
  google::protobuf::io::ArrayInputStream input(proto.data(), static_cast<int>(proto.size()));
  google::protobuf::io::Tokenizer tokenizer(&input, nullptr);
  google::protobuf::FileDescriptorSet set;
  google::protobuf::compiler::Parser parser;
  if (!parser.Parse(&tokenizer, set.add_file())) return absl::InvalidArgumentError("no proto file");
  set.mutable_file(0)->set_name("test.proto");
  return Descriptors::Create(set, "test");
}

}  // namespace sallyport::policy
