// What a descriptor set costs: descriptors_benchmark FILE [/package.Service/Method]. Prints how long it takes to load
// it, to read it as it is kept and to build one method's messages, and how much memory the process then takes. Asserts
// nothing.
#include <google/protobuf/descriptor.h>

#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>

#include "policy/descriptors/descriptors.h"

namespace {

using sallyport::policy::Descriptors;
using sallyport::policy::MessageSide;
// Of CPU: all is done by one thread, so that it is how long it takes where the machine does nothing else.
double Milliseconds() {
  timespec now = {};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

long ResidentKibibytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6));
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) {
    std::fprintf(stderr, "usage: descriptors_benchmark FILE [/package.Service/Method]\n");
    return 2;
  }
  const long before = ResidentKibibytes();
  double start = Milliseconds();
  const auto set = Descriptors::Load(arguments[1]);
  if (!set.ok()) {
    std::fprintf(stderr, "%s\n", set.status().ToString().c_str());
    return 1;
  }
  std::printf("%-34s %8.1f ms\n", "load", Milliseconds() - start);
  std::printf("%-34s %8.1f MiB\n", "set", static_cast<double>((*set)->serialized().size()) / 1048576);
  std::printf("%-34s %8ld MiB\n", "memory", (ResidentKibibytes() - before) >> 10);
  std::string bytes = (*set)->serialized();
  start = Milliseconds();
  const auto kept = Descriptors::OfKept(std::move(bytes), "kept", (*set)->version());
  std::printf("%-34s %8.1f ms\n", "read as it is kept", Milliseconds() - start);
  const auto services = kept->KnownServices();
  if (count < 3 && (services.empty() || services.front().methods.empty())) return 0;
  const std::string path =
      count < 3 ? "/" + services.front().name + "/" + services.front().methods.front() : arguments[2];
  start = Milliseconds();
  const bool found = kept->FindMessage(path, MessageSide::kRequest) != nullptr;
  std::printf("%-34s %8.1f ms%s\n", "messages of one method", Milliseconds() - start, found ? "" : " (not found)");
  start = Milliseconds();
  for (const std::string& type : kept->message_types()) kept->pool().FindMessageTypeByName(type);
  std::printf("%-34s %8.1f ms\n", "everything built", Milliseconds() - start);
  return 0;
}
