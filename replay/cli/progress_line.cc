#include "replay/cli/progress_line.h"

#include <unistd.h>

#include <iostream>

namespace sallyport::replay {

ProgressLine::ProgressLine() : terminal_(isatty(STDERR_FILENO) != 0) {}

void ProgressLine::Show(const std::string& text) const {
  if (terminal_) std::cerr << "\r\x1b[K" << text << std::flush;
}

void ProgressLine::Clear() const { Show(""); }

}  // namespace sallyport::replay
