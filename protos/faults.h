// What is wrong with a file of settings.
#ifndef SALLYPORT_PROTOS_FAULTS_H_
#define SALLYPORT_PROTOS_FAULTS_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "protos/fault_list.h"
#include "protos/yaml_message.h"

namespace sallyport {

// Collects faults while a file that was read with ReadYaml is checked, so that one run tells them all. Lives for one
// load; `lines` must outlive it.
class Faults {
 public:
  // `name` is the file's. Without `lines`, what is told has none.
  Faults(std::string name, const KeyLines& lines) : name_(std::move(name)), lines_(lines) {}

  // `key` is a path as in KeyLines; the line told is that of its nearest part that is in the file.
  void Add(const std::string& key, absl::string_view problem);

  // Whether the file has this key, be it empty.
  bool Given(const std::string& key) const { return lines_.contains(key); }
  int LineOf(const std::string& key) const;
  // "<name>:<line>: <key>: <problem>", as it is told.
  std::string Text(const std::string& key, absl::string_view problem) const;

  // OK, or INVALID_ARGUMENT with such a line for each fault, the first twenty of them.
  absl::Status status() const { return faults_.status(name_); }

 private:
  std::string name_;
  const KeyLines& lines_;
  FaultList faults_;
};

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_FAULTS_H_
