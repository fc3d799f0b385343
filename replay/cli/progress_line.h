// How far something has come, for whoever waits at a terminal.
#ifndef SALLYPORT_REPLAY_CLI_PROGRESS_LINE_H_
#define SALLYPORT_REPLAY_CLI_PROGRESS_LINE_H_

#include <string>

namespace sallyport::replay {

// Draws one line on stderr over and over, where there is a terminal to draw on.
class ProgressLine {
 public:
  ProgressLine();

  // `text` is printable.
  void Show(const std::string& text) const;
  void Clear() const;

 private:
  const bool terminal_;
};

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_PROGRESS_LINE_H_
