// What tests of masks share.
#ifndef SALLYPORT_TESTS_POLICY_MASKING_MASKING_FIXTURE_H_
#define SALLYPORT_TESTS_POLICY_MASKING_MASKING_FIXTURE_H_

#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "policy/masking/masker.h"
#include "tests/policy/masking/parsed_proto.h"
#include "tests/policy/policy_fixture.h"

namespace sallyport::policy {

// The descriptors of one proto file, which may import the standard ones.
inline std::shared_ptr<const Descriptors> DescriptorsOf(const std::string& proto) {
  auto descriptors = ParsedProto(proto);
  INFO(descriptors.status().message());
  REQUIRE(descriptors.ok());
  return *std::move(descriptors);
}

inline constexpr MaskKey kTestKey = {1, 2, 3};

// What a policy with these masks makes of messages to and from "/t.S/M".
class MaskBench {
 public:
  MaskBench(std::shared_ptr<const Descriptors> descriptors, const std::string& masks)
      : descriptors_(std::move(descriptors)), policy_(Parsed(masks)) {
    MadeCall call = AliceReads();
    call.method = "/t.S/M";
    masks_ = Masker::Create(policy_, descriptors_, kTestKey)->ForCall(call.request());
  }

  const CallMasks& masks() const {
    REQUIRE(masks_ != nullptr);
    return *masks_;
  }
  const MessageMask* record() const { return masks().message(MessageSide::kRequest, MaskView::kRecord); }
  // Of a request in the record; as it is where nothing is hidden.
  std::string Masked(const std::string& message) const {
    if (record() == nullptr) return message;
    std::string masked;
    std::string problem;
    const MessageMask::Outcome outcome = record()->Apply(message, &masked, &problem);
    INFO(problem);
    REQUIRE(outcome != MessageMask::Outcome::kUnreadable);
    return outcome == MessageMask::Outcome::kMasked ? masked : message;
  }
  bool Unreadable(const std::string& message) const {
    std::string masked;
    std::string problem;
    REQUIRE(record() != nullptr);
    return record()->Apply(message, &masked, &problem) == MessageMask::Outcome::kUnreadable;
  }

  const google::protobuf::Descriptor* type() const {
    return descriptors_->FindMessage("/t.S/M", MessageSide::kRequest);
  }
  std::unique_ptr<google::protobuf::Message> New() {
    return std::unique_ptr<google::protobuf::Message>(factory_.GetPrototype(type())->New());
  }
  // From the text format, as bytes, and back.
  std::string Bytes(const std::string& text) {
    const auto message = New();
    REQUIRE(google::protobuf::TextFormat::ParseFromString(text, message.get()));
    return message->SerializeAsString();
  }
  std::string Text(const std::string& bytes) {
    const auto message = New();
    REQUIRE(message->ParseFromString(bytes));
    std::string text;
    google::protobuf::TextFormat::Printer printer;
    printer.SetSingleLineMode(true);
    REQUIRE(printer.PrintToString(*message, &text));
    while (!text.empty() && text.back() == ' ') text.pop_back();
    return text;
  }
  std::string MaskedText(const std::string& text) { return Text(Masked(Bytes(text))); }

 private:
  const std::shared_ptr<const Descriptors> descriptors_;
  const std::shared_ptr<const Policy> policy_;
  std::shared_ptr<const CallMasks> masks_;
  google::protobuf::DynamicMessageFactory factory_;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_TESTS_POLICY_MASKING_MASKING_FIXTURE_H_
