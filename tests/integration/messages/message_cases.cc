// Makes random messages of the types of a descriptor set and shows them as the project does: a line of JSON for each,
// with `type`, `bytes` (base64) and `shown`. What others make of the same bytes is compared by differential_test.py.
// usage: message_cases SET KIND SEED COUNT     (KIND: plain, odd, unknown, enums)
#include <google/protobuf/descriptor.pb.h>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "policy/descriptors/descriptors.h"
#include "policy/messages/message_printer.h"
#include "tests/policy/messages/random_wire.h"

namespace sallyport::policy {
namespace {

namespace pb = google::protobuf;

int Run(const std::string& path, const std::string& kind, uint64_t seed, int count) {
  std::vector<std::string> left_out;
  const auto descriptors = Descriptors::Load(path, &left_out);
  if (!descriptors.ok()) {
    std::cerr << descriptors.status().message() << std::endl;
    return 1;
  }
  std::vector<const pb::Descriptor*> types;
  RandomWireOptions options;
  options.odd = kind != "plain";
  options.unnamed_enums = kind != "plain";
  options.unnamed_closed_enums = kind == "enums";
  options.unknown_fields = kind == "unknown";
  for (const std::string& name : (*descriptors)->message_types()) {
    const pb::Descriptor* const type = (*descriptors)->pool().FindMessageTypeByName(name);
    if (!type->options().map_entry()) types.push_back(type);
  }
  options.any_types = types;
  Chance chance(seed);
  RandomWire wire(chance, options);
  const MessagePrinter printer((*descriptors)->types(), JsonStyle::kOneLine);
  for (int i = 0; i < count; ++i) {
    const pb::Descriptor& type = *types[chance.Below(types.size())];
    const std::string bytes = wire.Message(type, 5);
    std::string shown;
    printer.Append(type, bytes, &shown);
    std::string line = R"({"type":")" + type.full_name() + R"(","bytes":")";
    AppendBase64(bytes, &line);
    std::cout << line << R"(","shown":)" << shown << "}\n";
  }
  return 0;
}

}  // namespace
}  // namespace sallyport::policy

int main(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: message_cases SET KIND SEED COUNT" << std::endl;
    return 2;
  }
  return sallyport::policy::Run(argv[1], argv[2], std::strtoull(argv[3], nullptr, 10), std::atoi(argv[4]));
}
