// Files that an upstream reflects: what is made of them is whole, reads back from what is kept, and leaves the
// operator's files as they are.
#include <google/protobuf/descriptor.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "grpc/reflection/v1/reflection.pb.h"
#include "policy/descriptors/descriptors.h"
#include "policy/descriptors/reflected_bounds.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/policy/descriptor_files.h"

namespace sallyport::recorder {
namespace {

namespace pb = google::protobuf;

std::vector<std::string> Sorted(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

// A FileDescriptorSet, whose bytes are those of a reflection answer.
void FuzzReflectedFiles(std::string_view input) {
  static const auto& shop = *new auto(policy::Descriptors::Create(policy::ShopSet(), "shop").value());
  static const auto& order = *new std::string(shop->pool().FindMessageTypeByName("shop.Order")->DebugString());
  grpc::reflection::v1::FileDescriptorResponse answer;
  if (!answer.ParseFromArray(input.data(), static_cast<int>(input.size()))) return;
  policy::ReflectedBounds bounds;
  pb::FileDescriptorSet files;
  for (const std::string& bytes : answer.file_descriptor_proto()) {
    auto file = bounds.Read(bytes);
    if (absl::IsResourceExhausted(file.status())) return;
    if (file.ok()) *files.add_file() = *std::move(file);
  }
  std::vector<std::string> told;
  const auto over = policy::Descriptors::Over(shop, files, "an upstream", &told);
  if (!over.ok()) {
    Require(absl::IsResourceExhausted(over.status()), "files are refused only where they are too much");
    return;
  }
  Require(told.size() < 30, "what is told is bounded");
  Require((*over)->pool().FindMessageTypeByName("shop.Order") == shop->pool().FindMessageTypeByName("shop.Order"),
          "the operator's types stay the operator's");
  Require((*over)->FindMethod("/shop.Orders/Get") == shop->FindMethod("/shop.Orders/Get"),
          "the operator's methods stay the operator's");
  Require(shop->pool().FindMessageTypeByName("shop.Order")->DebugString() == order, "nothing is added to them");
  const auto kept = policy::Descriptors::Parse((*over)->serialized(), "kept");
  Require(kept.ok(), "what is kept reads back");
  Require(Sorted((*kept)->message_types()) == Sorted((*over)->message_types()), "with all types");
  Require((*kept)->services() == (*over)->services(), "and all services");
}

}  // namespace sallyport::recorder

SALLYPORT_FUZZ_TARGET(FuzzReflectedFiles)
