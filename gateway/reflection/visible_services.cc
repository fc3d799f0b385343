#include "gateway/reflection/visible_services.h"

#include <grpcpp/support/status.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "policy/descriptors/file_scan.h"

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
      for (const auto& [service, file] : services_) {
        response.mutable_list_services_response()->add_service()->set_name(service);
      }
      break;
    case rpb::ServerReflectionRequest::kFileByFilename:
      GiveFile(FileByName(question.file_by_filename()), question.file_by_filename(), &response);
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
  // What a set stands on is looked at once, as the operator's.
  std::map<std::string, const policy::Descriptors*> upstreams;
  for (const auto& [upstream, set] : sets_.upstreams) upstreams[upstream] = set.get();
  order_.push_back(sets_.files.get());
  LookAt(*sets_.files, "");
  for (const auto& [upstream, set] : upstreams) {
    if (set == sets_.files.get()) continue;
    order_.push_back(set);
    LookAt(*set, upstream);
  }
  const bool all = std::all_of(known_.begin(), known_.end(),
                               [this](const std::string& service) { return services_.contains(service); });
  if (!all) return;
  AddAll(*sets_.files, "");
  for (const auto& [upstream, set] : upstreams) AddAll(*set, upstream);
}

// The services that the set defines itself. Of the operator's (`upstream` is empty), methods count wherever they lead;
// of an upstream's, those that lead there, or to another one that says the same.
void VisibleServices::LookAt(const policy::Descriptors& set, const std::string& upstream) {
  for (const policy::KnownService& service : set.KnownServices()) {
    if (!service.own) continue;
    known_.insert(service.name);
    const std::string fingerprint(set.fingerprint(service.file));
    const auto shown = services_.find(service.name);
    if (shown != services_.end() && shown->second != fingerprint) continue;
    bool any = false;
    for (const std::string& method : service.methods) {
      const std::string& leads_to = LeadsToOnce(absl::StrCat("/", service.name, "/", method));
      if (leads_to.empty() || (!upstream.empty() && leads_to != upstream)) continue;
      methods_.insert(absl::StrCat(service.name, ".", method));
      any = true;
    }
    if (!any) continue;
    services_[service.name] = fingerprint;
    AddWithImports(std::string(service.file), set, upstream);
  }
}

const std::string& VisibleServices::LeadsToOnce(const std::string& path) {
  const auto [place, is_new] = led_.try_emplace(path);
  if (is_new) place->second = leads_to_(path);
  return place->second;
}

void VisibleServices::AddAll(const policy::Descriptors& set, const std::string& upstream) {
  for (const std::string& name : set.files()) AddWithImports(name, set, upstream);
}

void VisibleServices::AddWithImports(const std::string& file, const policy::Descriptors& set,
                                     const std::string& upstream) {
  std::vector<std::string> waiting = {file};
  while (!waiting.empty()) {
    const std::string next = std::move(waiting.back());
    waiting.pop_back();
    const auto [place, is_new] = files_.try_emplace(std::string(set.fingerprint(next)));
    if (!is_new) continue;
    place->second = {next, &set, FreeName(next, upstream)};
    by_name_[place->second.name] = &place->second;
    for (const std::string_view import : policy::ScanHead(set.FileBytes(next)).imports) waiting.emplace_back(import);
  }
}

std::string VisibleServices::FreeName(const std::string& name, const std::string& upstream) const {
  std::string free = name;
  while (by_name_.contains(free)) free = absl::StrCat(upstream, "/", free);
  return free;
}

const VisibleServices::Shown* VisibleServices::Find(std::string_view file, const policy::Descriptors& set) const {
  const auto found = files_.find(set.fingerprint(file));
  return found == files_.end() ? nullptr : &found->second;
}

std::vector<const policy::Descriptors*> VisibleServices::InTurn() const {
  std::vector<const policy::Descriptors*> sets = order_;
  const auto last = std::find(sets.begin(), sets.end(), last_);
  if (last != sets.end()) std::rotate(sets.begin(), last, last + 1);
  return sets;
}

const VisibleServices::Shown* VisibleServices::FileByName(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const VisibleServices::Shown* VisibleServices::FileOfSymbol(const std::string& symbol) const {
  const size_t dot = symbol.rfind('.');
  for (const std::string& service : {symbol, symbol.substr(0, dot == std::string::npos ? 0 : dot)}) {
    if (!known_.contains(service)) continue;
    const auto shown = services_.find(service);
    if (shown == services_.end() || (service != symbol && !methods_.contains(symbol))) return nullptr;
    return &files_.at(shown->second);
  }
  for (const policy::Descriptors* set : InTurn()) {
    const Shown* shown = Find(set->pool().FindFileContainingSymbol(symbol), *set);
    if (shown != nullptr) return shown;
  }
  return nullptr;
}

const VisibleServices::Shown* VisibleServices::FileOfExtension(const std::string& type, int number) const {
  for (const policy::Descriptors* set : InTurn()) {
    const pb::Descriptor* extended = set->pool().FindMessageTypeByName(type);
    const pb::FieldDescriptor* extension =
        extended == nullptr ? nullptr : set->pool().FindExtensionByNumber(extended, number);
    const Shown* shown = extension == nullptr ? nullptr : Find(extension->file(), *set);
    if (shown != nullptr) return shown;
  }
  return nullptr;
}

void VisibleServices::GiveExtensions(const std::string& type, Response* response) const {
  for (const policy::Descriptors* set : InTurn()) {
    const pb::Descriptor* extended = set->pool().FindMessageTypeByName(type);
    if (extended != nullptr && Find(extended->file(), *set) != nullptr)
      return GiveExtensions(*extended, *set, response);
  }
  SetNotFound(type, response);
}

void VisibleServices::GiveExtensions(const pb::Descriptor& extended, const policy::Descriptors& set,
                                     Response* response) const {
  std::vector<const pb::FieldDescriptor*> extensions;
  set.pool().FindAllExtensions(&extended, &extensions);
  rpb::ExtensionNumberResponse* numbers = response->mutable_all_extension_numbers_response();
  numbers->set_base_type_name(extended.full_name());
  for (const pb::FieldDescriptor* extension : extensions) {
    if (Find(extension->file(), set) != nullptr) numbers->add_extension_number(extension->number());
  }
}

void VisibleServices::GiveFile(const Shown* file, std::string_view what, Response* response) {
  if (file == nullptr) return SetNotFound(what, response);
  last_ = file->set;
  // The one that was asked for comes in any case.
  given_.erase(file);
  std::vector<const Shown*> waiting = {file};
  for (size_t i = 0; i < waiting.size(); ++i) {
    if (!given_.insert(waiting[i]).second) continue;
    response->mutable_file_descriptor_response()->add_file_descriptor_proto(Trimmed(*waiting[i]));
    for (const std::string_view name : policy::ScanHead(waiting[i]->set->FileBytes(waiting[i]->file)).imports) {
      const Shown* import = Find(name, *waiting[i]->set);
      if (import != nullptr && !given_.contains(import)) waiting.push_back(import);
    }
  }
}

// Under the names that files have here, without services and methods that the caller may not call, or that are another
// upstream's.
std::string VisibleServices::Trimmed(const Shown& shown) const {
  const std::string_view bytes = shown.set->FileBytes(shown.file);
  pb::FileDescriptorProto proto;
  proto.ParsePartialFromArray(bytes.data(), static_cast<int>(bytes.size()));
  proto.set_name(shown.name);
  for (std::string& import : *proto.mutable_dependency()) {
    if (const Shown* file = Find(import, *shown.set)) import = file->name;
  }
  const std::string scope = proto.package().empty() ? "" : absl::StrCat(proto.package(), ".");
  const std::string_view fingerprint = shown.set->fingerprint(shown.file);
  for (int i = proto.service_size(); i-- > 0;) {
    pb::ServiceDescriptorProto& service = *proto.mutable_service(i);
    const std::string name = absl::StrCat(scope, service.name());
    const auto owner = services_.find(name);
    const bool is_here = owner != services_.end() && owner->second == fingerprint;
    for (int j = service.method_size(); j-- > 0;) {
      if (!is_here || !methods_.contains(absl::StrCat(name, ".", service.method(j).name()))) {
        service.mutable_method()->DeleteSubrange(j, 1);
      }
    }
    if (service.method().empty()) proto.mutable_service()->DeleteSubrange(i, 1);
  }
  return proto.SerializePartialAsString();
}

}  // namespace sallyport::gateway
