// Keys that everybody knows, so that fuzz targets get behind what only a key opens. Seeds are made with them.
#ifndef SALLYPORT_TESTS_FUZZ_KNOWN_KEYS_H_
#define SALLYPORT_TESTS_FUZZ_KNOWN_KEYS_H_

#include <string_view>

namespace sallyport::recorder {

// Base64 of 32 times the digit 7.
inline constexpr char kKnownKeyring[] =
    "kek 01234567 2026-01-02T03:04:05Z Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc=\n";

inline constexpr std::string_view kKnownRevealKey =
    "sallyport-reveal-key 1\n# known to everybody\nprivate Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc3Nzc=\n";

}  // namespace sallyport::recorder

#endif  // SALLYPORT_TESTS_FUZZ_KNOWN_KEYS_H_
