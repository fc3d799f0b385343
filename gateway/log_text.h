// How log lines look, whatever is in them.
#ifndef SALLYPORT_GATEWAY_LOG_TEXT_H_
#define SALLYPORT_GATEWAY_LOG_TEXT_H_

#include <spdlog/formatter.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace sallyport::gateway {

// `text` for a line of the log: what strangers say (an upstream's status, names in certificates, answers of issuers)
// may be in it, and must neither end the line nor act on a terminal. Control characters, invisible ones that change the
// order of others, and bytes that are not UTF-8 are escaped as \n or \x1b; behind `most` bytes it is cut and says so.
std::string LogText(std::string_view text, size_t most = 4096);

// Lines of time, level and message, of which each message goes through LogText: every line, whoever logs it.
std::unique_ptr<spdlog::formatter> LogLineFormatter();

}  // namespace sallyport::gateway

#endif  // SALLYPORT_GATEWAY_LOG_TEXT_H_
