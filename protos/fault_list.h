// How faults of files and texts are collected and quoted.
#ifndef SALLYPORT_PROTOS_FAULT_LIST_H_
#define SALLYPORT_PROTOS_FAULT_LIST_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace sallyport {

// Lines that each say what is wrong; the first twenty, and how many more there are. A value.
class FaultList {
 public:
  void Add(std::string line);

  // OK, or INVALID_ARGUMENT with the lines. `name` says what has more, if it does.
  absl::Status status(std::string_view name) const;

 private:
  std::vector<std::string> lines_;
  int left_out_ = 0;
};

// As messages quote a text from outside: escaped, and no more than its beginning.
std::string Quoted(std::string_view text);

}  // namespace sallyport

#endif  // SALLYPORT_PROTOS_FAULT_LIST_H_
