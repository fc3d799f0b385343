// What one caller is told of the services behind the gateway.
#ifndef SALLYPORT_GATEWAY_REFLECTION_VISIBLE_SERVICES_H_
#define SALLYPORT_GATEWAY_REFLECTION_VISIBLE_SERVICES_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "gateway/upstream/descriptor_sets.h"
#include "grpc/reflection/v1/reflection.pb.h"

namespace sallyport::gateway {

// Answers the questions of one reflection stream (grpc/reflection/v1/reflection.proto; v1alpha has the same messages).
// Shown are the methods that the caller may call, the services that have one, and the files that these need; of files
// without services all, if no service is hidden. Everything else is not found, as if it were not there. Not
// thread-safe.
//
// A service is shown as the upstream describes it that calls of it lead to, or as the operator's files do. Where
// upstreams have different files of one name, the first upstream's, by name, keeps it, and the others' come as
// "<upstream>/<name>", in what imports them too. A type that several upstreams describe is answered from the one whose
// service or file the stream asked for last.
class VisibleServices {
 public:
  // Gives the name of the upstream that a call of `path` ("/package.Service/Method") leads to; empty if the caller may
  // not make it. Asked once for each method, at the first question.
  using LeadsTo = absl::AnyInvocable<std::string(std::string_view path)>;

  VisibleServices(DescriptorSets sets, LeadsTo leads_to) : sets_(std::move(sets)), leads_to_(std::move(leads_to)) {}

  // A file comes with everything it imports that this stream has not been given yet, itself first.
  grpc::reflection::v1::ServerReflectionResponse Answer(const grpc::reflection::v1::ServerReflectionRequest& question);

 private:
  using Response = grpc::reflection::v1::ServerReflectionResponse;
  // A file as it is shown, once for all upstreams that have the same.
  struct Shown {
    std::string file;  // its name in the set
    const policy::Descriptors* set = nullptr;
    std::string name;
  };

  void Look();
  void LookAt(const policy::Descriptors& set, const std::string& upstream);
  void AddAll(const policy::Descriptors& set, const std::string& upstream);
  const std::string& LeadsToOnce(const std::string& path);
  void AddWithImports(const std::string& file, const policy::Descriptors& set, const std::string& upstream);
  std::string FreeName(const std::string& name, const std::string& upstream) const;
  // Null if it is not shown, or there is none.
  const Shown* Find(std::string_view file, const policy::Descriptors& set) const;
  const Shown* Find(const google::protobuf::FileDescriptor* file, const policy::Descriptors& set) const {
    return file == nullptr ? nullptr : Find(file->name(), set);
  }
  // The sets, that which was answered from last before all others.
  std::vector<const policy::Descriptors*> InTurn() const;

  void GiveFile(const Shown* file, std::string_view what, Response* response);
  void GiveExtensions(const std::string& type, Response* response) const;
  void GiveExtensions(const google::protobuf::Descriptor& extended, const policy::Descriptors& set,
                      Response* response) const;
  const Shown* FileByName(const std::string& name) const;
  const Shown* FileOfSymbol(const std::string& symbol) const;
  const Shown* FileOfExtension(const std::string& type, int number) const;
  std::string Trimmed(const Shown& shown) const;

  const DescriptorSets sets_;
  LeadsTo leads_to_;
  bool looked_ = false;
  std::vector<const policy::Descriptors*> order_;  // the operator's files, then upstreams by name
  std::map<std::string, std::string> led_;         // by path
  std::map<std::string, std::string> services_;    // those that are shown, and the fingerprint of the file they are in
  std::set<std::string> known_;                    // all services
  std::set<std::string> methods_;                  // full names
  std::map<std::string, Shown, std::less<>> files_;  // by fingerprint
  std::map<std::string, const Shown*> by_name_;
  std::set<const Shown*> given_;
  const policy::Descriptors* last_ = nullptr;
};

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_REFLECTION_VISIBLE_SERVICES_H_
