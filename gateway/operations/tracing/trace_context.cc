#include "gateway/operations/tracing/trace_context.h"

#include <algorithm>
#include <span>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace sallyport::gateway {
namespace {

constexpr std::string_view kStateName = "tracestate";
// Places in TraceHeaders::headers_.
enum Place : size_t { kTraceparent, kB3, kB3TraceId, kB3SpanId, kB3Sampled, kB3Flags };
// "00-" and the two ids, each with its dash, and two digits of flags.
constexpr size_t kTraceparentBytes = 55;
constexpr uint8_t kSampledFlag = 1;

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

template <size_t kSize>
std::string BytesOf(const std::array<uint8_t, kSize>& id) {
  return {id.begin(), id.end()};
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// Fills the end of `bytes`. False unless the text is twice as many digits as `bytes` has, or, where `half` says so,
// half of that.
bool ReadHex(std::string_view text, std::span<uint8_t> bytes, bool half = false) {
  const bool whole = text.size() == 2 * bytes.size();
  if (!whole && !(half && text.size() == bytes.size())) return false;
  std::fill(bytes.begin(), bytes.end(), uint8_t{0});
  const size_t first = whole ? 0 : bytes.size() / 2;
  for (size_t i = 0; 2 * i < text.size(); ++i) {
    const int high = DigitOf(text[2 * i]);
    const int low = DigitOf(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    bytes[first + i] = static_cast<uint8_t>(high << 4 | low);
  }
  return true;
}

template <size_t kSize>
bool IsZero(const std::array<uint8_t, kSize>& id) {
  return std::all_of(id.begin(), id.end(), [](uint8_t byte) { return byte == 0; });
}

// W3C Trace Context, 3.2.2. What comes after the flags in versions to come is passed over.
bool ReadTraceparent(std::string_view text, TraceContext& context) {
  std::array<uint8_t, 1> version = {};
  std::array<uint8_t, 1> flags = {};
  TraceId trace = {};
  SpanId parent = {};
  if (text.size() < kTraceparentBytes || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  if (!ReadHex(text.substr(0, 2), version) || version[0] == 0xFF) return false;
  if (version[0] == 0 && text.size() != kTraceparentBytes) return false;
  if (text.size() > kTraceparentBytes && text[kTraceparentBytes] != '-') return false;
  if (!ReadHex(text.substr(3, 32), trace) || !ReadHex(text.substr(36, 16), parent) ||
      !ReadHex(text.substr(53, 2), flags) || IsZero(trace) || IsZero(parent)) {
    return false;
  }
  context.trace_id = trace;
  context.parent = parent;
  context.sampled = (flags[0] & kSampledFlag) != 0;
  return true;
}

bool IsStateKeyByte(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) || absl::ascii_isdigit(static_cast<unsigned char>(c)) ||
         c == '_' || c == '-' || c == '*' || c == '/';
}

// W3C Trace Context, 3.3.1.3.1: "vendor" or "tenant@vendor".
bool IsStateKey(std::string_view key) {
  const size_t at = key.find('@');
  const std::string_view first = key.substr(0, at);
  const std::string_view vendor = at == std::string_view::npos ? "" : key.substr(at + 1);
  if (first.empty() || !std::all_of(first.begin(), first.end(), IsStateKeyByte)) return false;
  const auto begins_low = [](std::string_view text) {
    return absl::ascii_islower(static_cast<unsigned char>(text[0]));
  };
  if (at == std::string_view::npos) return first.size() <= 256 && begins_low(first);
  return first.size() <= 241 && !vendor.empty() && vendor.size() <= 14 && begins_low(vendor) &&
         std::all_of(vendor.begin(), vendor.end(), IsStateKeyByte);
}

bool IsStateValue(std::string_view value) {
  return !value.empty() && value.size() <= 256 && value.back() != ' ' &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

bool IsState(std::string_view text) {
  size_t members = 0;
  for (absl::string_view part : absl::StrSplit(View(text), ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (part.empty()) continue;
    if (++members > TraceHeaders::kMostStateMembers) return false;
    const std::string_view member(part.data(), part.size());
    const size_t equals = member.find('=');
    if (equals == std::string_view::npos || !IsStateKey(member.substr(0, equals)) ||
        !IsStateValue(member.substr(equals + 1))) {
      return false;
    }
  }
  return members > 0;
}

// "0", "1" and, as early implementations have it, "false" and "true"; in `b3` also "d".
bool ReadB3Sampled(std::string_view text, TraceContext& context) {
  if (text == "d") {
    context.debug = true;
    context.sampled = true;
    return true;
  }
  if (text != "0" && text != "1" && text != "false" && text != "true") return false;
  context.sampled = text == "1" || text == "true";
  return true;
}

bool ReadB3Ids(std::string_view trace_text, std::string_view span_text, TraceContext& context) {
  TraceId trace = {};
  SpanId parent = {};
  if (!ReadHex(trace_text, trace, /*half=*/true) || !ReadHex(span_text, parent) || IsZero(trace) || IsZero(parent)) {
    return false;
  }
  context.trace_id = trace;
  context.parent = parent;
  context.short_id = trace_text.size() == trace.size();
  return true;
}

// "trace-span", "trace-span-sampled", "trace-span-sampled-parent", or what is decided alone.
bool ReadB3Single(std::string_view text, TraceContext& context) {
  constexpr size_t kMostBytes = 32 + 1 + 16 + 1 + 5 + 1 + 16;
  if (text.size() > kMostBytes) return false;
  const std::vector<absl::string_view> parts = absl::StrSplit(View(text), '-');
  const auto part = [&parts](size_t i) { return std::string_view(parts[i].data(), parts[i].size()); };
  if (parts.size() == 1) return ReadB3Sampled(part(0), context);
  if (parts.size() > 4) return false;
  SpanId parent = {};
  if (parts.size() == 4 && !ReadHex(part(3), parent)) return false;
  TraceContext read = context;
  if (parts.size() > 2 && !ReadB3Sampled(part(2), read)) return false;
  if (!ReadB3Ids(part(0), part(1), read)) return false;
  context = read;
  return true;
}

}  // namespace

std::string Bytes(const TraceId& id) { return BytesOf(id); }
std::string Bytes(const SpanId& id) { return BytesOf(id); }
std::string Hex(const TraceId& id) { return absl::BytesToHexString(BytesOf(id)); }
std::string Hex(const SpanId& id) { return absl::BytesToHexString(BytesOf(id)); }

void TraceHeaders::Add(std::string_view name, std::string_view value) {
  // Nearly all names are another's.
  if (name.empty() || (name[0] != 't' && name[0] != 'b' && name[0] != 'x')) return;
  for (Header& header : headers_) {
    if (header.name != name) continue;
    header.value = value;
    ++header.times;
    return;
  }
  if (name != kStateName || state_too_long_) return;
  state_too_long_ = state_.size() + value.size() + 1 > kMostStateBytes;
  if (state_too_long_) return state_.clear();
  absl::StrAppend(&state_, state_.empty() ? "" : ",", View(value));
}

std::optional<std::string_view> TraceHeaders::Once(size_t header) const {
  if (headers_[header].times != 1) return std::nullopt;
  return headers_[header].value;
}

TraceContext TraceHeaders::Read() const {
  TraceContext context;
  context.notations.w3c = headers_[kTraceparent].times > 0;
  context.notations.b3_single = headers_[kB3].times > 0;
  context.notations.b3_multi =
      std::any_of(headers_.begin() + kB3TraceId, headers_.end(), [](const Header& header) { return header.times > 0; });
  if (const auto parent = Once(kTraceparent); parent.has_value() && ReadTraceparent(*parent, context)) {
    if (!state_too_long_ && IsState(state_)) context.state = state_;
    return context;
  }
  if (const auto single = Once(kB3); single.has_value() && ReadB3Single(*single, context)) return context;
  if (const auto sampled = Once(kB3Sampled); sampled.has_value() && *sampled != "d") {
    // What is none says nothing.
    static_cast<void>(ReadB3Sampled(*sampled, context));
  }
  if (Once(kB3Flags) == "1") {
    context.debug = true;
    context.sampled = true;
  }
  const auto trace = Once(kB3TraceId);
  const auto span = Once(kB3SpanId);
  // Without a legal id what was decided still counts.
  if (trace.has_value() && span.has_value()) static_cast<void>(ReadB3Ids(*trace, *span, context));
  return context;
}

bool IsTraceHeader(std::string_view name) {
  return name == "traceparent" || name == kStateName || name == "b3" || name == "x-b3-traceid" ||
         name == "x-b3-spanid" || name == "x-b3-parentspanid" || name == "x-b3-sampled" || name == "x-b3-flags";
}

void WriteTraceHeaders(const TraceContext& context, const TraceId& trace, const SpanId& span, bool sampled,
                       absl::FunctionRef<void(std::string_view name, std::string_view value)> write) {
  const TraceNotations& notations = context.notations;
  const std::string trace_text = Hex(trace);
  const std::string span_text = Hex(span);
  // Whoever began with a short id may know no other form of it.
  const bool shortened = context.short_id && context.trace_id == trace;
  const std::string b3_trace = trace_text.substr(shortened ? trace_text.size() / 2 : 0);
  if (notations.w3c || (!notations.b3_single && !notations.b3_multi)) {
    write("traceparent", absl::StrCat("00-", trace_text, "-", span_text, sampled ? "-01" : "-00"));
    if (!context.state.empty() && context.trace_id == trace) write(kStateName, context.state);
  }
  if (notations.b3_single) {
    write("b3", absl::StrCat(b3_trace, "-", span_text, context.debug ? "-d" : sampled ? "-1" : "-0"));
  }
  if (!notations.b3_multi) return;
  write("x-b3-traceid", b3_trace);
  write("x-b3-spanid", span_text);
  if (context.debug) {
    write("x-b3-flags", "1");
  } else {
    write("x-b3-sampled", sampled ? "1" : "0");
  }
}

}  // namespace sallyport::gateway
