// How the record says what the gateway itself has to say: about calls that were refused before anybody was proved, and
// about looks at the record. Shared by those who write it and those who read it.
#ifndef SALLYPORT_RECORDER_FORMAT_GATEWAY_NOTES_H_
#define SALLYPORT_RECORDER_FORMAT_GATEWAY_NOTES_H_

#include <string_view>

namespace sallyport::recorder {

// A trailer of the end entry that was told to nobody: what of the call is not in the record, because it was too long.
// Only where the call has no upstream: what upstreams send may have any name.
inline constexpr std::string_view kTruncatedNote = "sallyport-truncated";

// Whether a method is that of an entry which stands for refused calls that were only counted: "(1 refused call)",
// "(200+ refused calls)". A caller's method begins with a slash. The entry's metadata are the gateway's:
// `refused-calls` says how many they were, and the rest speaks for itself.
inline bool IsCountedMethod(std::string_view method) {
  return method.starts_with('(') && (method.ends_with(" refused call)") || method.ends_with(" refused calls)"));
}

// CallStart::record_rule of a call of the gateway's own services that show the record: what was answered is not
// recorded but which calls it showed (sallyport.v1.Look). No rule of a policy decided that.
inline constexpr std::string_view kLookRule = "(look)";

// What people read of a method's path: "package.Service/Method", without the leading slash. What begins with "(" is the
// gateway's alone ("(shredded)", see also above), so a caller's path that would look like that keeps its slash.
inline std::string_view NameOfMethod(std::string_view path) {
  return path.starts_with('/') && !path.starts_with("/(") ? path.substr(1) : path;
}

}  // namespace sallyport::recorder

#endif  // SALLYPORT_RECORDER_FORMAT_GATEWAY_NOTES_H_
