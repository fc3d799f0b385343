// What is wrong with a file of settings.
#ifndef SALLYPORT_PROTOS_FAULTS_H_
#define SALLYPORT_PROTOS_FAULTS_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "protos/fault_list.h"
#include "protos/yaml_message.h"

namespace sallyport {

// Collects faults while a file that was read with ReadYaml is checked, so that one run tells them all: those of its
// form, and those of its meaning as far as it could be read. Lives for one load; `lines` must outlive it.
class Faults {
 public:
  // `name` is the file's. Without `lines`, what is told has none.
  Faults(std::string name, const KeyLines& lines, FormFaults form = {})
      : name_(std::move(name)), lines_(lines), form_(std::move(form.keys)), faults_(std::move(form.lines)) {}

  // `key` is a path as in KeyLines; the line told is that of its nearest part that is in the file. Leaves out what may
  // be wrong only because of the file's form (Unread).
  void Add(const std::string& key, absl::string_view problem);

  // Whether the file has this key, be it empty.
  bool Given(const std::string& key) const { return lines_.contains(key); }
  // Whether what the file says under this key may not all have been read: it has a fault of form, or what it has is
  // given by another name, or above it something is wrong.
  bool Unread(const std::string& key) const;
  int LineOf(const std::string& key) const;
  // "<name>:<line>: <key>".
  std::string Place(const std::string& key) const;
  // "<name>:<line>: <key>: <problem>", as it is told.
  std::string Text(const std::string& key, absl::string_view problem) const;

  // OK, or INVALID_ARGUMENT with such a line for each fault, the first twenty of them.
  absl::Status status() const { return faults_.status(name_); }

 private:
  std::string name_;
  const KeyLines& lines_;
  const std::vector<std::string> form_;
  FaultList faults_;
};

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_FAULTS_H_
