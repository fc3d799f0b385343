#include "recorder/backup/manifest.h"

#include <catch2/catch.hpp>
#include <string>

namespace sallyport::recorder {
namespace {

BackupManifest Example() {
  BackupManifest manifest;
  manifest.store_id.fill('s');
  manifest.run = 3;
  manifest.time = absl::FromUnixSeconds(1'767'323'045);
  manifest.format = 3;
  manifest.tree_size = 12;
  Hash hash;
  hash.fill('h');
  manifest.files = {{BackupFile::Kind::kState, 3, 92, hash, "keys/00000002.key"},
                    {BackupFile::Kind::kKept, 1, 1000, hash, "log/00000001.seg"},
                    {BackupFile::Kind::kSealed, 2, 2000, hash, "log/00000002.seg"}};
  manifest.dropped = {{1, "tree/leaves"}, {2, "tree/leaves"}};
  return manifest;
}

// The text with its last line made again, as somebody would who changes it on purpose.
std::string Sealed(std::string text) {
  text.erase(text.rfind("sha256 "));
  const Hash hash = Sha256({text});
  constexpr char kDigits[] = "0123456789abcdef";
  text += "sha256 ";
  for (const char c : hash) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return text + "\n";
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return Sealed(text.replace(at, from.size(), to));
}

TEST_CASE("a manifest is read as it was written") {
  const BackupManifest manifest = Example();
  const auto read = BackupManifest::Parse(manifest.Format());
  INFO(read.status());
  REQUIRE(read.ok());
  CHECK(read->files == manifest.files);
  CHECK(read->dropped == manifest.dropped);
  CHECK(read->store_id == manifest.store_id);
  CHECK(read->run == 3);
  CHECK(read->time == manifest.time);
  CHECK(read->format == 3);
  CHECK(read->tree_size == 12);
  CHECK(Sealed(manifest.Format()) == manifest.Format());
}

TEST_CASE("a manifest with any byte changed, left out or added is refused") {
  const std::string text = Example().Format();
  for (size_t i = 0; i < text.size(); ++i) {
    INFO(i);
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK(absl::IsDataLoss(BackupManifest::Parse(changed).status()));
    std::string shorter = text;
    shorter.erase(i, 1);
    CHECK(absl::IsDataLoss(BackupManifest::Parse(shorter).status()));
    CHECK(absl::IsDataLoss(BackupManifest::Parse(text.substr(0, i)).status()));
  }
  CHECK(absl::IsDataLoss(BackupManifest::Parse(text + "\n").status()));
}

TEST_CASE("paths that lead out of a directory are refused, whatever the manifest's hash") {
  const std::string text = Example().Format();
  REQUIRE(BackupManifest::Parse(Replaced(text, "log/00000002.seg", "log/00000003.seg")).ok());
  for (const char* path : {"../00000002.seg", "log/../../x", "/log/00000002.seg", "log//00000002.seg", "log/.", "log/",
                           "z", "log/.hidden", "log/a b", "log/a\\b", "log/1/2/3/4", "log/\xc3\xa4", ""}) {
    INFO(path);
    const bool fine = std::string(path) == "z";
    CHECK(BackupManifest::Parse(Replaced(text, "log/00000002.seg", path)).ok() == fine);
  }
  CHECK_FALSE(IsBackupPath("log/" + std::string(300, 'a')));
  CHECK(IsBackupPath("a/b/c/d"));
}

TEST_CASE("a manifest that contradicts itself is refused, whatever its hash") {
  const std::string text = Example().Format();
  // Of a run to come; twice the same path; out of order; dropped and not; no such kind.
  CHECK_FALSE(BackupManifest::Parse(Replaced(text, "sealed 2 ", "sealed 4 ")).ok());
  CHECK_FALSE(BackupManifest::Parse(Replaced(text, "sealed 2 ", "sealed 0 ")).ok());
  CHECK_FALSE(BackupManifest::Parse(Replaced(text, "log/00000002.seg", "log/00000001.seg")).ok());
  CHECK_FALSE(BackupManifest::Parse(Replaced(text, "log/00000002.seg", "keys/00000001.key")).ok());
  CHECK_FALSE(BackupManifest::Parse(Replaced(text, "dropped 1 tree/leaves", "dropped 1 log/00000001.seg")).ok());
  CHECK_FALSE(BackupManifest::Parse(Replaced(text, "file sealed", "file linked")).ok());
  CHECK_FALSE(BackupManifest::Parse(Replaced(text, " 2000 ", " 02000 ")).ok());
  CHECK_FALSE(BackupManifest::Parse(Replaced(text, " 2000 ", " 18446744073709551615 ")).ok());
  const auto newer = BackupManifest::Parse(Replaced(text, "sallyport-backup 1", "sallyport-backup 2"));
  CHECK(std::string(newer.status().message()).find("version") != std::string::npos);
}

TEST_CASE("names of runs are read strictly") {
  CHECK(ParseBackupRunName(BackupRunName(17)) == 17);
  for (const char* name : {"run-1", "run-000000017", "run-0000001x", "Run-00000001", "run-+0000001", ""}) {
    CHECK(ParseBackupRunName(name) == 0);
  }
}

}  // namespace
}  // namespace sallyport::recorder
