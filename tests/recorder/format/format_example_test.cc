// The worked example in FORMAT.md is what the code writes.
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "recorder/crypto/credential_fingerprint.h"
#include "recorder/log/log_writer.h"
#include "tests/recorder/fake_keys.h"
#include "tests/recorder/store_fixture.h"

namespace sallyport::recorder {
namespace {

// The bytes in the code block after "## Worked example": lines of an offset, hex bytes and what they are.
std::string BytesInDocument() {
  std::ifstream document(std::string(SALLYPORT_SOURCE_DIRECTORY) + "/recorder/FORMAT.md");
  REQUIRE(document.good());
  std::string line;
  while (std::getline(document, line) && line != "## Worked example") {
  }
  while (std::getline(document, line) && line != "```segment") {
  }
  std::string hex;
  while (std::getline(document, line) && line != "```") {
    const std::vector<std::string> columns = absl::StrSplit(line, absl::ByString("  "), absl::SkipEmpty());
    REQUIRE(columns.size() >= 2);
    for (char c : columns[1]) {
      if (c != ' ') hex.push_back(c);
    }
  }
  return hex;
}

TEST_CASE("the worked example in FORMAT.md is what the log writer writes") {
  TemporaryDirectory directory;
  const StoreLayout layout(directory.store());
  REQUIRE(RealFileSystem().EnsureDirectory(layout.directory()).ok());
  REQUIRE(RealFileSystem().EnsureDirectory(layout.LogDirectory()).ok());
  const absl::Time time = absl::FromUnixSeconds(1767323045);  // 2026-01-02T03:04:05Z
  FakeKeys keys;
  LogWriter::Options options;
  // The bytes 0, 1, 2, ... where they would be random.
  options.random = [](char* out, size_t size) {
    for (size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i);
    return absl::OkStatus();
  };
  LogWriter writer(layout, options, RealFileSystem(), keys, LogWriter::Start());
  REQUIRE(writer.Open(time).ok());

  const CredentialFingerprint fingerprint{SecretKey(std::string(SecretKey::kSize, 'k'))};
  EntryBatch batch(1767323045000000, &fingerprint);
  CallStart call;
  call.method = "/a.B/C";
  batch.AddStart(time, call);
  CallEnd end;
  end.duration = absl::Milliseconds(3);
  batch.AddEnd(time + end.duration, end);
  const std::vector<CallEntries> entries = {{batch.call_id(), batch.bytes(), 2, true}};
  REQUIRE(writer.Append(entries, time).ok());
  REQUIRE(writer.Close(time).ok());

  auto bytes = ReadWholeFile(layout.Segment(1), 1 << 20);
  REQUIRE(bytes.ok());
  CHECK(absl::BytesToHexString(*bytes) == BytesInDocument());
}

}  // namespace
}  // namespace sallyport::recorder
