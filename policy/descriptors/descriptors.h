// What is known about the methods and messages that pass: the one place that understands descriptors.
#ifndef SALLYPORT_POLICY_DESCRIPTORS_DESCRIPTORS_H_
#define SALLYPORT_POLICY_DESCRIPTORS_DESCRIPTORS_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "policy/messages/json_writer.h"
#include "policy/messages/message_types.h"

namespace google::protobuf {
class Descriptor;
class DescriptorPool;
class FileDescriptorProto;
class FileDescriptorSet;
}  // namespace google::protobuf

namespace sallyport::policy {

struct MethodShape {
  bool client_streaming = false;
  bool server_streaming = false;
  bool unary() const { return !client_streaming && !server_streaming; }
};

enum class MessageSide { kRequest, kResponse };

// A service of a set, and where it stands.
struct KnownService {
  std::string name;                  // with the package
  std::string_view file;             // its name
  std::vector<std::string> methods;  // simple names
  bool own = true;                   // not of what the set stands on
};

// An immutable set of descriptors, shared between threads. It keeps its files as bytes and knows from those which
// methods, types and files there are; what is asked for in pool(), types() and by FindMessage is built when it is first
// asked for, with all that its file imports, which takes some milliseconds and a lock. An interface, so that its many
// users do not see how files are kept and built.
class Descriptors {
 public:
  // Knows nothing; its version is empty.
  static std::shared_ptr<const Descriptors> Empty();

  // `source` names where the set came from, for errors. Files may come in any order; files present several times must
  // be equal. Errors name the source and the file: INVALID_ARGUMENT for a set that is not whole or not consistent. With
  // `left_out`, files that cannot be built (because this protobuf does not know their syntax, say), and those that
  // import them, are no error but left out, with a line for each. Small sets are built at once, to find all that is
  // wrong with them; in large ones, what only building a file shows is found when it is first used: its types are then
  // not known (faults() says why).
  static absl::StatusOr<std::shared_ptr<const Descriptors>> Create(const google::protobuf::FileDescriptorSet& files,
                                                                   std::string_view source,
                                                                   std::vector<std::string>* left_out = nullptr);
  // The same from serialised bytes (of a FileDescriptorSet or a buf image).
  static absl::StatusOr<std::shared_ptr<const Descriptors>> Parse(std::string_view bytes, std::string_view source,
                                                                  std::vector<std::string>* left_out = nullptr);
  // From what serialized() gave of a set of that version: not checked again, so that it takes little time.
  static std::shared_ptr<const Descriptors> OfKept(std::string bytes, std::string_view source,
                                                   std::string_view version);
  // The same as Parse from a file; or, from a directory, the .proto sources under it
  // (policy/descriptors/proto_sources.h).
  static absl::StatusOr<std::shared_ptr<const Descriptors>> Load(const std::string& path,
                                                                 std::vector<std::string>* left_out = nullptr);
  // All files of all sets. A file that two sets describe differently is taken from the first that has it, and
  // `conflicts` gets a line that names the file and both sets' sources.
  static absl::StatusOr<std::shared_ptr<const Descriptors>> Merge(
      const std::vector<std::shared_ptr<const Descriptors>>& sets, std::vector<std::string>* conflicts);

  // What the operator's files say (`base`), and beside it what one upstream says of itself (ReflectedFiles has the
  // rules): of everything that `base` or the standard files define, theirs counts. Shares `base` rather than copying
  // it. `told` gets lines, a bounded number, for what is left out. RESOURCE_EXHAUSTED for files that are too much.
  static absl::StatusOr<std::shared_ptr<const Descriptors>> Over(std::shared_ptr<const Descriptors> base,
                                                                 const google::protobuf::FileDescriptorSet& files,
                                                                 std::string_view source,
                                                                 std::vector<std::string>* told);

  virtual ~Descriptors() = default;

  // `path` is "/package.Service/Method". Null if not known. Constant time, no allocation: called for every call.
  virtual const MethodShape* FindMethod(std::string_view path) const = 0;

  // The type of a method's messages; null if the method is not known. Lives as long as this object.
  virtual const google::protobuf::Descriptor* FindMessage(std::string_view path, MessageSide side) const = 0;
  // Builds what is asked of it. Whoever goes through all names in it builds all of them.
  virtual const google::protobuf::DescriptorPool& pool() const = 0;
  // Full names of all message types. Takes time with the size of the set.
  virtual std::vector<std::string> message_types() const = 0;

  // Of messages that name types by themselves. Lives as long as this object.
  virtual const MessageTypes& types() const = 0;

  // A message of a known method as MessagePrinter shows it, whatever its bytes are. NOT_FOUND for a method that is not
  // known.
  virtual absl::StatusOr<std::string> ToJson(std::string_view path, MessageSide side, std::string_view message,
                                             JsonStyle style) const = 0;

  // As given when it was made.
  virtual const std::string& source() const = 0;
  // SHA-256 over the canonical serialisation, in lower-case hex; equal sets have equal versions.
  virtual const std::string& version() const = 0;
  // The canonical serialised FileDescriptorSet: files in dependency order, by name where free; those of `base` first.
  virtual std::string serialized() const = 0;
  virtual std::vector<std::string> services() const = 0;
  // With their methods, in no particular order.
  virtual std::vector<KnownService> KnownServices() const = 0;
  // Names of all files.
  virtual std::vector<std::string> files() const = 0;
  // The bytes of a file, a google.protobuf.FileDescriptorProto in the canonical form; empty if there is none of that
  // name. They live as long as this object.
  virtual std::string_view FileBytes(std::string_view name) const = 0;
  // Of a file of this set: equal for files that say the same, and whose imports do. Empty if there is none of that
  // name. Lives as long as this object.
  virtual std::string_view fingerprint(std::string_view file) const = 0;
  // What was found wrong with files when they were first used: a bounded number of lines.
  virtual std::vector<std::string> faults() const = 0;
};

}  // namespace sallyport::policy

#endif  // SALLYPORT_POLICY_DESCRIPTORS_DESCRIPTORS_H_
