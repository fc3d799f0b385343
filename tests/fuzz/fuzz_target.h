// What fuzz targets share. Each is a function that must hold whatever bytes it gets. With the preset `fuzz` libFuzzer
// calls it; otherwise run_corpus.cc feeds it the committed corpus.
#ifndef SALLYPORT_TESTS_FUZZ_FUZZ_TARGET_H_
#define SALLYPORT_TESTS_FUZZ_FUZZ_TARGET_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace sallyport::recorder {

void FuzzBlock(std::string_view input);
void FuzzSegmentHeader(std::string_view input);
void FuzzCheckpoint(std::string_view input);
void FuzzConditions(std::string_view input);
void FuzzControlPacket(std::string_view input);
void FuzzDoorEnvelope(std::string_view input);
void FuzzDoorRequest(std::string_view input);
void FuzzEventCursor(std::string_view input);
void FuzzEvidence(std::string_view input);
void FuzzTokenAnswer(std::string_view input);
void FuzzTraceContext(std::string_view input);
void FuzzBearerToken(std::string_view input);
void FuzzKeySet(std::string_view input);
void FuzzMask(std::string_view input);
void FuzzMaskSchema(std::string_view input);
void FuzzMessages(std::string_view input);
void FuzzCallMetadata(std::string_view input);
void FuzzApiKeys(std::string_view input);
void FuzzCertificates(std::string_view input);
void FuzzPolicy(std::string_view input);
void FuzzKeyring(std::string_view input);
void FuzzHttpRequest(std::string_view input);
void FuzzKeyFile(std::string_view input);
void FuzzProxyHeader(std::string_view input);
void FuzzRevealKey(std::string_view input);
void FuzzSealedView(std::string_view input);
void FuzzPostings(std::string_view input);
void FuzzReflectedFiles(std::string_view input);
void FuzzBackupManifest(std::string_view input);
void FuzzCertificateDates(std::string_view input);

// What a target promises.
inline void Require(bool holds, const char* promise) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

}  // namespace sallyport::recorder

#ifdef SALLYPORT_LIBFUZZER
#define SALLYPORT_FUZZ_TARGET(Function)                                                         \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {                     \
    sallyport::recorder::Function(std::string_view(reinterpret_cast<const char*>(data), size)); \
    return 0;                                                                                   \
  }
#else
#define SALLYPORT_FUZZ_TARGET(Function)
#endif

#endif  // SALLYPORT_TESTS_FUZZ_FUZZ_TARGET_H_
