#include "gateway/configuration/configuration_check.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "protos/quantities.h"

namespace sallyport::gateway {
namespace {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) {
    return absl::InvalidArgumentError(absl::StrCat("cannot read ", path));
  }
  return std::move(text).str();
}

std::string FileText(ConfigurationCheck& check, const std::string& key, const std::string& path) {
  if (path.empty()) return "";
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    check.Fail(key, text.status().message());
    return "";
  }
  return *std::move(text);
}

}  // namespace

uint64_t ConfigurationCheck::Size(const std::string& key, const std::string& text, const char* otherwise,
                                  uint64_t least, uint64_t most) {
  absl::StatusOr<uint64_t> size = ParseSize(text.empty() ? otherwise : text);
  if (!size.ok()) {
    Fail(key, size.status().message());
    return 0;
  }
  if (*size < least || *size > most) Fail(key, absl::StrCat(text, " is not between ", least, " and ", most, " bytes"));
  return *size;
}

absl::Duration ConfigurationCheck::Duration(const std::string& key, const std::string& text, const char* otherwise) {
  absl::StatusOr<absl::Duration> duration = ParseDuration(text.empty() ? otherwise : text);
  if (!duration.ok()) {
    Fail(key, duration.status().message());
    return absl::ZeroDuration();
  }
  return *duration;
}

absl::Duration ConfigurationCheck::DurationBetween(const std::string& key, const std::string& text,
                                                   const char* otherwise, absl::Duration most) {
  const absl::Duration duration = Duration(key, text, otherwise);
  if (duration < absl::Seconds(1) || duration > most) {
    Fail(key, absl::StrCat("\"", text, "\" is not between 1s and ", absl::FormatDuration(most)));
  }
  return duration;
}

void ConfigurationCheck::Rate(const std::string& key, double given, double* rate) {
  if (given == 0) return;
  if (!(given >= 0.01 && given <= 1e6)) Fail(key, absl::StrCat(given, " is not between 0.01 and 1000000"));
  *rate = given;
}

std::string ConfigurationCheck::PemFile(const std::string& key, const std::string& path, const char* kind,
                                        const char* thing) {
  std::string text = FileText(*this, key, path);
  if (!text.empty() && !absl::StrContains(text, absl::StrCat(kind, "-----"))) {
    Fail(key, absl::StrCat(path, " has no ", thing, " in PEM (-----BEGIN ", kind, "-----)"));
  }
  return text;
}

std::string ConfigurationCheck::ReadableFile(const std::string& key, const std::string& path, const char* kind,
                                             const char* thing) {
  PemFile(key, path, kind, thing);
  return path;
}

void ConfigurationCheck::Directory(const std::string& key, const std::string& path) {
  std::error_code error;
  std::filesystem::path at = std::filesystem::absolute(path, error);
  while (at.has_relative_path()) {
    const std::filesystem::file_status status = std::filesystem::status(at, error);
    if (std::filesystem::is_directory(status)) return;
    if (std::filesystem::exists(status)) {
      return Fail(key, absl::StrCat(at.string(), " is a file: give a directory, which is made if it is not there"));
    }
    at = at.parent_path();
  }
}

void ConfigurationCheck::UpstreamName(const std::string& key, const std::string& name) {
  if (name.empty()) {
    Fail(key, "is missing: the name of one of upstreams");
  } else if (!config_.upstreams().contains(name) && !faults_.Unread("upstreams")) {
    Fail(key, absl::StrCat("\"", name, "\" is not one of upstreams"));
  }
}

}  // namespace sallyport::gateway
