#ifndef SALLYPORT_TESTS_GATEWAY_TEMPORARY_DIRECTORY_H_
#define SALLYPORT_TESTS_GATEWAY_TEMPORARY_DIRECTORY_H_

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace sallyport::testing {

// A directory below the system's temporary one, removed with all it holds.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-test-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace sallyport::testing

#endif  // SALLYPORT_TESTS_GATEWAY_TEMPORARY_DIRECTORY_H_
