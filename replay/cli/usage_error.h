// What to tell somebody whose command line cannot be read.
#ifndef SALLYPORT_REPLAY_CLI_USAGE_ERROR_H_
#define SALLYPORT_REPLAY_CLI_USAGE_ERROR_H_

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace sallyport::replay {

// One or two lines that say what is wrong where, and what to type instead. `error` is what parsing `app` threw.
std::string ExplainUsage(const CLI::App& app, const CLI::ParseError& error);

}  // namespace sallyport::replay

#endif  // SALLYPORT_REPLAY_CLI_USAGE_ERROR_H_
