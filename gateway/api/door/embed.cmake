# Writes the bytes of FROM as a C++ source TO.
file(READ ${FROM} bytes HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
file(WRITE ${TO} "#include \"gateway/api/door/services_embedded.h\"

namespace sallyport::gateway {
namespace {
constexpr unsigned char kBytes[] = {${bytes}};
}  // namespace

std::string_view EmbeddedServices() { return {reinterpret_cast<const char*>(kBytes), sizeof(kBytes)}; }

}  // namespace sallyport::gateway
")
