#include "tests/policy/masking/random_messages.h"

#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <memory>

#include "policy/masking/field_options.h"

namespace sallyport::policy {

namespace pb = google::protobuf;

namespace {

// A text, or the bytes of a message where the field holds one.
std::string TextFor(Chance& chance, int depth, const pb::FieldDescriptor& field) {
  const std::string holds = ReadFieldOptions(field).holds;
  if (holds.empty() || depth == 0) return holds.empty() ? chance.Text() : "";
  const pb::Descriptor* const type = field.file()->pool()->FindMessageTypeByName(holds);
  if (type == nullptr) return chance.Text();
  pb::DynamicMessageFactory factory;
  const std::unique_ptr<pb::Message> held(factory.GetPrototype(type)->New());
  Fill(chance, depth - 1, held.get());
  return held->SerializeAsString();
}

// Of any type of the file, or of one that is not known, or of none.
void FillAny(Chance& chance, int depth, pb::Message* any) {
  const pb::Descriptor& type = *any->GetDescriptor();
  const pb::Reflection& r = *any->GetReflection();
  if (chance.OneIn(8)) return;
  const std::string name = "t.T" + std::to_string(chance.Below(6));
  if (!chance.OneIn(8)) r.SetString(any, type.FindFieldByNumber(1), "type.googleapis.com/" + name);
  const pb::Descriptor* const content = type.file()->pool()->FindMessageTypeByName(name);
  if (chance.OneIn(8) || content == nullptr || depth == 0) {
    if (content == nullptr) r.SetString(any, type.FindFieldByNumber(2), chance.Text());
    return;
  }
  pb::DynamicMessageFactory factory;
  const std::unique_ptr<pb::Message> held(factory.GetPrototype(content)->New());
  Fill(chance, depth - 1, held.get());
  r.SetString(any, type.FindFieldByNumber(2), held->SerializeAsString());
}

}  // namespace

void FillField(Chance& chance, int depth, const pb::FieldDescriptor& field, pb::Message* message) {
  const pb::Reflection& r = *message->GetReflection();
  const bool many = field.is_repeated();
  switch (field.cpp_type()) {
#define SET(Kind, value) return many ? r.Add##Kind(message, &field, value) : r.Set##Kind(message, &field, value)
    case pb::FieldDescriptor::CPPTYPE_INT32:
      SET(Int32, static_cast<int32_t>(chance.Number()));
    case pb::FieldDescriptor::CPPTYPE_INT64:
      SET(Int64, static_cast<int64_t>(chance.OneIn(2) ? ~chance.Number() : chance.Number()));
    case pb::FieldDescriptor::CPPTYPE_UINT32:
      SET(UInt32, static_cast<uint32_t>(chance.Number()));
    case pb::FieldDescriptor::CPPTYPE_UINT64:
      SET(UInt64, chance.Number());
    case pb::FieldDescriptor::CPPTYPE_BOOL:
      SET(Bool, chance.OneIn(2));
    case pb::FieldDescriptor::CPPTYPE_FLOAT:
      SET(Float, static_cast<float>(chance.Number()) / 7);
    case pb::FieldDescriptor::CPPTYPE_DOUBLE:
      SET(Double, static_cast<double>(chance.Number()) / 7);
    case pb::FieldDescriptor::CPPTYPE_ENUM:
      SET(EnumValue, static_cast<int>(chance.Below(5)));
    case pb::FieldDescriptor::CPPTYPE_STRING:
      SET(String, TextFor(chance, depth, field));
#undef SET
    case pb::FieldDescriptor::CPPTYPE_MESSAGE:
      if (depth == 0) return;
      return Fill(chance, depth - 1, many ? r.AddMessage(message, &field) : r.MutableMessage(message, &field));
  }
}

void Fill(Chance& chance, int depth, pb::Message* message) {
  if (message->GetDescriptor()->full_name() == "google.protobuf.Any") return FillAny(chance, depth, message);
  for (int i = 0; i < message->GetDescriptor()->field_count(); ++i) {
    const pb::FieldDescriptor& field = *message->GetDescriptor()->field(i);
    if (!message->GetDescriptor()->options().map_entry() && chance.OneIn(3)) continue;
    for (size_t n = field.is_repeated() ? chance.Below(4) : 1; n > 0; --n) FillField(chance, depth, field, message);
  }
  if (chance.OneIn(4)) {
    message->GetReflection()->MutableUnknownFields(message)->AddLengthDelimited(900'000, "unknown");
  }
}

}  // namespace sallyport::policy
