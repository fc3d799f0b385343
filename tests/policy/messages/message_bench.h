// A proto file whose messages are read.
#ifndef SALLYPORT_TESTS_POLICY_MESSAGES_MESSAGE_BENCH_H_
#define SALLYPORT_TESTS_POLICY_MESSAGES_MESSAGE_BENCH_H_

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "policy/messages/message_printer.h"
#include "tests/policy/masking/parsed_proto.h"

namespace sallyport::policy {

class MessageBench {
 public:
  // `proto` is a file; it may import the standard ones.
  explicit MessageBench(const std::string& proto) {
    auto parsed = ParsedProto(proto);
    INFO(parsed.status().message());
    REQUIRE(parsed.ok());
    descriptors_ = *std::move(parsed);
    types_ = std::make_unique<PoolTypes>(&descriptors_->pool());
  }

  const MessageTypes& types() const { return *types_; }
  const google::protobuf::Descriptor& type(const std::string& name) const {
    const auto* found = descriptors_->pool().FindMessageTypeByName(name);
    REQUIRE(found != nullptr);
    return *found;
  }
  std::string Line(const std::string& type_name, std::string_view bytes) const {
    return Printed(type_name, bytes, JsonStyle::kOneLine);
  }
  std::string Printed(const std::string& type_name, std::string_view bytes, JsonStyle style,
                      size_t most = kMostPrinted) const {
    std::string out;
    findings = MessagePrinter(*types_, style, most).Append(type(type_name), bytes, &out);
    return out;
  }

  mutable PrintFindings findings;  // of what was printed last

 private:
  std::shared_ptr<const Descriptors> descriptors_;
  std::unique_ptr<PoolTypes> types_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MESSAGES_MESSAGE_BENCH_H_
