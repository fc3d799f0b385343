#include "gateway/reflection/visible_services.h"

#include <grpcpp/support/status.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace sallyport::gateway {

namespace pb = google::protobuf;
namespace rpb = grpc::reflection::v1;

namespace {

void SetNotFound(std::string_view what, rpb::ServerReflectionResponse* response) {
  rpb::ErrorResponse* error = response->mutable_error_response();
  error->set_error_code(grpc::StatusCode::NOT_FOUND);
  error->set_error_message(absl::StrCat(std::string(what), " is not known"));
}

}  // namespace

rpb::ServerReflectionResponse VisibleServices::Answer(const rpb::ServerReflectionRequest& question) {
  if (!looked_) Look();
  Response response;
  response.set_valid_host(question.host());
  *response.mutable_original_request() = question;
  switch (question.message_request_case()) {
    case rpb::ServerReflectionRequest::kListServices:
      // Also where there are none.
      response.mutable_list_services_response();
      for (const std::string& service : services_) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      break;
    case rpb::ServerReflectionRequest::kFileByFilename:
      GiveFile(descriptors_->pool().FindFileByName(question.file_by_filename()), question.file_by_filename(),
               &response);
      break;
    case rpb::ServerReflectionRequest::kFileContainingSymbol:
      GiveFile(FileOfSymbol(question.file_containing_symbol()), question.file_containing_symbol(), &response);
      break;
    case rpb::ServerReflectionRequest::kFileContainingExtension: {
      const rpb::ExtensionRequest& extension = question.file_containing_extension();
      GiveFile(FileOfExtension(extension.containing_type(), extension.extension_number()),
               absl::StrCat("extension ", extension.extension_number(), " of ", extension.containing_type()),
               &response);
      break;
    }
    case rpb::ServerReflectionRequest::kAllExtensionNumbersOfType:
      GiveExtensions(question.all_extension_numbers_of_type(), &response);
      break;
    case rpb::ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
      response.mutable_error_response()->set_error_code(grpc::StatusCode::INVALID_ARGUMENT);
      response.mutable_error_response()->set_error_message("no question that this gateway knows");
      break;
  }
  return response;
}

void VisibleServices::Look() {
  looked_ = true;
  bool all = true;
  for (const std::string& name : descriptors_->services()) {
    const pb::ServiceDescriptor* service = descriptors_->pool().FindServiceByName(name);
    if (service == nullptr) continue;
    bool any = false;
    for (int i = 0; i < service->method_count(); ++i) {
      if (!may_call_(absl::StrCat("/", name, "/", service->method(i)->name()))) continue;
      methods_.insert(service->method(i));
      any = true;
    }
    all = all && any;
    if (!any) continue;
    services_.push_back(name);
    AddWithImports(*service->file());
  }
  if (!all) return;
  for (const std::string& name : descriptors_->files()) {
    if (const pb::FileDescriptor* file = descriptors_->pool().FindFileByName(name)) AddWithImports(*file);
  }
}

void VisibleServices::AddWithImports(const pb::FileDescriptor& file) {
  std::vector<const pb::FileDescriptor*> waiting = {&file};
  while (!waiting.empty()) {
    const pb::FileDescriptor* next = waiting.back();
    waiting.pop_back();
    if (!files_.insert(next).second) continue;
    for (int i = 0; i < next->dependency_count(); ++i) waiting.push_back(next->dependency(i));
  }
}

const pb::FileDescriptor* VisibleServices::FileOfSymbol(const std::string& symbol) const {
  const pb::DescriptorPool& pool = descriptors_->pool();
  const auto hidden = [this](const pb::ServiceDescriptor& service) {
    return std::find(services_.begin(), services_.end(), service.full_name()) == services_.end();
  };
  if (const pb::ServiceDescriptor* service = pool.FindServiceByName(symbol); service != nullptr && hidden(*service)) {
    return nullptr;
  }
  if (const pb::MethodDescriptor* method = pool.FindMethodByName(symbol);
      method != nullptr && !methods_.contains(method)) {
    return nullptr;
  }
  return pool.FindFileContainingSymbol(symbol);
}

const pb::FileDescriptor* VisibleServices::FileOfExtension(const std::string& type, int number) const {
  const pb::Descriptor* extended = descriptors_->pool().FindMessageTypeByName(type);
  if (extended == nullptr) return nullptr;
  const pb::FieldDescriptor* extension = descriptors_->pool().FindExtensionByNumber(extended, number);
  return extension == nullptr ? nullptr : extension->file();
}

void VisibleServices::GiveExtensions(const std::string& type, Response* response) const {
  const pb::Descriptor* extended = descriptors_->pool().FindMessageTypeByName(type);
  if (extended == nullptr || !files_.contains(extended->file())) return SetNotFound(type, response);
  std::vector<const pb::FieldDescriptor*> extensions;
  descriptors_->pool().FindAllExtensions(extended, &extensions);
  rpb::ExtensionNumberResponse* numbers = response->mutable_all_extension_numbers_response();
  numbers->set_base_type_name(type);
  for (const pb::FieldDescriptor* extension : extensions) {
    if (files_.contains(extension->file())) numbers->add_extension_number(extension->number());
  }
}

void VisibleServices::GiveFile(const pb::FileDescriptor* file, std::string_view what, Response* response) {
  if (file == nullptr || !files_.contains(file)) return SetNotFound(what, response);
  // The one that was asked for comes in any case.
  given_.erase(file);
  std::vector<const pb::FileDescriptor*> waiting = {file};
  for (size_t i = 0; i < waiting.size(); ++i) {
    if (!given_.insert(waiting[i]).second) continue;
    response->mutable_file_descriptor_response()->add_file_descriptor_proto(Trimmed(*waiting[i]));
    for (int j = 0; j < waiting[i]->dependency_count(); ++j) {
      const pb::FileDescriptor* import = waiting[i]->dependency(j);
      if (!given_.contains(import)) waiting.push_back(import);
    }
  }
}

// Without services and methods that the caller may not call.
std::string VisibleServices::Trimmed(const pb::FileDescriptor& file) const {
  pb::FileDescriptorProto proto;
  file.CopyTo(&proto);
  for (int i = file.service_count(); i-- > 0;) {
    pb::ServiceDescriptorProto& service = *proto.mutable_service(i);
    for (int j = file.service(i)->method_count(); j-- > 0;) {
      if (!methods_.contains(file.service(i)->method(j))) service.mutable_method()->DeleteSubrange(j, 1);
    }
    if (service.method().empty()) proto.mutable_service()->DeleteSubrange(i, 1);
  }
  return proto.SerializeAsString();
}

}  // namespace sallyport::gateway
