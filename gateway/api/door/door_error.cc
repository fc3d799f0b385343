#include "gateway/api/door/door_error.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "google/rpc/status.pb.h"

namespace sallyport::gateway {
namespace {

using Json = nlohmann::ordered_json;

struct Named {
  const char* name;
  int http;
};
// By gRPC's numbers, from 0, which is no error.
constexpr std::array<Named, 17> kCodes = {{{"unknown", 500},
                                           {"canceled", 499},
                                           {"unknown", 500},
                                           {"invalid_argument", 400},
                                           {"deadline_exceeded", 504},
                                           {"not_found", 404},
                                           {"already_exists", 409},
                                           {"permission_denied", 403},
                                           {"resource_exhausted", 429},
                                           {"failed_precondition", 400},
                                           {"aborted", 409},
                                           {"out_of_range", 400},
                                           {"unimplemented", 501},
                                           {"internal", 500},
                                           {"unavailable", 503},
                                           {"data_loss", 500},
                                           {"unauthenticated", 401}}};
constexpr char kAnyPrefix[] = "type.googleapis.com/";
constexpr char kErrorInfo[] = "google.rpc.ErrorInfo";

const Named& NamedOf(int code) {
  return code > 0 && static_cast<size_t>(code) < kCodes.size() ? kCodes[static_cast<size_t>(code)] : kCodes[0];
}

// google.rpc.ErrorInfo on the wire: field 1 is its reason, field 2 its domain.
std::string ErrorInfoBytes(std::string_view reason) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream(&bytes);
  google::protobuf::io::CodedOutputStream out(&stream);
  constexpr uint32_t kReasonTag = (1 << 3) | 2;
  constexpr uint32_t kDomainTag = (2 << 3) | 2;
  constexpr std::string_view kDomain = "sallyport";
  out.WriteTag(kReasonTag);
  out.WriteVarint32(static_cast<uint32_t>(reason.size()));
  out.WriteString(std::string(reason));
  out.WriteTag(kDomainTag);
  out.WriteVarint32(static_cast<uint32_t>(kDomain.size()));
  out.WriteString(std::string(kDomain));
  out.Trim();
  return bytes;
}

// What a detail says, for people; nothing if its type is not known here.
Json DebugOf(const google::protobuf::Any& detail) {
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(detail, &text).ok()) return nullptr;
  Json said = Json::parse(text, nullptr, false);
  if (!said.is_object()) return nullptr;
  said.erase("@type");
  return said;
}

std::string TextOf(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

DoorError OwnError(const absl::Status& status, std::string_view reason) {
  google::rpc::Status said;
  said.set_code(static_cast<int>(status.code()));
  said.set_message(std::string(status.message()));
  google::protobuf::Any* detail = said.add_details();
  detail->set_type_url(absl::StrCat(kAnyPrefix, kErrorInfo));
  detail->set_value(ErrorInfoBytes(reason));
  return {said.code(), said.message(), said.SerializeAsString()};
}

std::string_view ConnectCode(int code) { return NamedOf(code).name; }

int HttpStatusOf(int code) { return NamedOf(code).http; }

std::string ConnectErrorJson(const DoorError& error) {
  Json json = {{"code", ConnectCode(error.code)}};
  if (!error.message.empty()) json["message"] = error.message;
  google::rpc::Status status;
  if (!error.details.empty() && status.ParseFromString(error.details) && status.details_size() > 0) {
    Json& details = json["details"] = Json::array();
    for (const google::protobuf::Any& detail : status.details()) {
      const std::string& url = detail.type_url();
      std::string value = absl::Base64Escape(detail.value());
      value.erase(value.find_last_not_of('=') + 1);
      Json one = {{"type", url.substr(url.rfind('/') + 1)}, {"value", std::move(value)}};
      if (Json debug = DebugOf(detail); !debug.is_null()) one["debug"] = std::move(debug);
      details.push_back(std::move(one));
    }
  }
  return TextOf(json);
}

std::string PercentEncoded(std::string_view message) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string text;
  for (const char c : message) {
    if (c >= ' ' && c <= '~' && c != '%') {
      text += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text += '%';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace sallyport::gateway
