#include "policy/changes/shown_configuration.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace sallyport::policy {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

// Texts that may be shown, by message and key. Of other messages than these, those of kAnywhere alone.
constexpr std::string_view kHarmless[] = {
    "Listen.addresses",
    "Listen.address",
    "Listen.trusted_proxies",
    "Listen.handshake_timeout",
    "Listen.max_connection_age",
    "Listen.max_connection_age_grace",
    "CallerKeepalive.time",
    "CallerKeepalive.timeout",
    "ServerTls.cert",
    "ServerTls.key",
    "ServerTls.client_ca",
    "Data.directory",
    "Data.buffer",
    "Data.segment_size",
    "Data.retention",
    "Data.retention_size",
    "Data.retention_min_age",
    "Upstream.target",
    "Upstream.load_balancing",
    "Upstream.authority",
    "Upstream.retry_buffer",
    "UpstreamConnections.lost_after",
    "UpstreamKeepalive.time",
    "UpstreamKeepalive.timeout",
    "UpstreamTls.cert",
    "UpstreamTls.key",
    "UpstreamTls.server_name",
    "Route.services",
    "Route.methods",
    "Route.authorities",
    "Route.upstream",
    "Route.idle",
    "RouteDeadline.default",
    "RouteDeadline.most",
    "DescriptorSource.reflection",
    "DescriptorSource.refresh",
    "Limits.message_size",
    "Limits.metadata_size",
    "Limits.memory",
    "Limits.window",
    "Refusals.daily_size",
    "Sessions.idle",
    "Checkpoints.interval",
    "Checkpoints.directory",
    "Config.policy",
    "Admin.address",
    "Api.address",
    "Api.grpc",
    "Api.hosts",
    "Api.origins",
    "Login.idle",
    "Login.lasts",
    "Drain.delay",
    "Drain.timeout",
    "EventFile.path",
    "EventFile.size",
    "EventHttp.timeout",
    "EventHttp.token_file",
    "EventSyslog.address",
    "EventTls.cert",
    "EventTls.key",
    "EventTls.server_name",
    "Log.level",
    "Tracing.otlp",
    "TracingTls.cert",
    "TracingTls.key",
    "TracingTls.server_name",
};
// Keys that hold paths, wherever they stand.
constexpr std::string_view kAnywhere[] = {"file", "ca", "crl", "bundle", "from_file", "jwks_file"};
// Maps whose names may be shown.
constexpr std::string_view kNamed[] = {"Config.upstreams"};

template <typename List>
bool Contains(const List& list, std::string_view text) {
  return std::find(std::begin(list), std::end(list), text) != std::end(list);
}

std::string NameOf(const FieldDescriptor& field) {
  return absl::StrCat(field.containing_type()->name(), ".", field.name());
}

void Show(const Message& message, const std::string& prefix, std::string& out);

// One value; `index` is -1 where the field is not repeated.
void ShowValue(const Message& message, const FieldDescriptor& field, int index, const std::string& name,
               std::string& out) {
  const Reflection& reflection = *message.GetReflection();
  const auto line = [&](const std::string& value) { absl::StrAppend(&out, name, ": ", value, "\n"); };
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Show(one ? reflection.GetMessage(message, &field) : reflection.GetRepeatedMessage(message, &field, index),
                  name + ".", out);
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text =
          one ? reflection.GetString(message, &field) : reflection.GetRepeatedString(message, &field, index);
      const std::string full = NameOf(field);
      if (full == "Data.keys") {
        // A command may hold a credential; a path and a variable's name hold none.
        const bool shown = text.starts_with("file:") || text.starts_with("env:");
        return line(shown ? absl::CHexEscape(text) : "(removed)");
      }
      return line(Contains(kHarmless, full) || Contains(kAnywhere, field.name()) ? absl::CHexEscape(text)
                                                                                 : "(removed)");
    }
    case FieldDescriptor::CPPTYPE_BOOL:
      return line(one && reflection.GetBool(message, &field) ? "true" : "false");
    case FieldDescriptor::CPPTYPE_ENUM:
      return line(one ? reflection.GetEnum(message, &field)->name()
                      : reflection.GetRepeatedEnum(message, &field, index)->name());
    case FieldDescriptor::CPPTYPE_UINT32:
      return line(one ? absl::StrCat(reflection.GetUInt32(message, &field)) : "(removed)");
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return line(one ? absl::StrCat(reflection.GetDouble(message, &field)) : "(removed)");
    default:
      return line("(removed)");
  }
}

// A map's value, under its name or a number.
void ShowMap(const Message& message, const FieldDescriptor& field, const std::string& name, std::string& out) {
  const Reflection& reflection = *message.GetReflection();
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const bool named = Contains(kNamed, NameOf(field)) && key.cpp_type() == FieldDescriptor::CPPTYPE_STRING;
    const std::string place =
        named ? absl::CHexEscape(entry.GetReflection()->GetString(entry, &key)) : absl::StrCat("[", i, "]");
    ShowValue(entry, value, -1, absl::StrCat(name, ".", place), out);
  }
}

void Show(const Message& message, const std::string& prefix, std::string& out) {
  const Reflection& reflection = *message.GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  if (fields.empty() && !prefix.empty()) absl::StrAppend(&out, prefix.substr(0, prefix.size() - 1), ": {}\n");
  for (const FieldDescriptor* field : fields) {
    const std::string name = prefix + field->name();
    if (field->is_map()) {
      ShowMap(message, *field, name, out);
    } else if (field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
        ShowValue(message, *field, i, absl::StrCat(name, "[", i, "]"), out);
      }
    } else {
      ShowValue(message, *field, -1, name, out);
    }
  }
}

}  // namespace

std::string ShownConfiguration(const v1::Config& config) {
  std::string out;
  Show(config, "", out);
  return out;
}

}  // namespace sallyport::policy
