#include "policy/messages/well_known_types.h"

#include <initializer_list>

namespace sallyport::policy {

namespace pb = google::protobuf;
using pb_field = pb::FieldDescriptor;

namespace {

struct Shape {
  int number;
  pb_field::Type type;
  bool repeated = false;
};

bool HasShape(const pb::Descriptor& type, std::initializer_list<Shape> fields) {
  if (type.field_count() != static_cast<int>(fields.size())) return false;
  for (const Shape& shape : fields) {
    const pb_field* const field = type.FindFieldByNumber(shape.number);
    if (field == nullptr || field->type() != shape.type || field->is_repeated() != shape.repeated) return false;
  }
  return true;
}

bool IsA(const pb::Descriptor& type, int number, WellKnownType wanted) {
  return WellKnownTypeOf(*type.FindFieldByNumber(number)->message_type()) == wanted;
}

bool IsStruct(const pb::Descriptor& type) {
  if (!HasShape(type, {{1, pb_field::TYPE_MESSAGE, true}}) || !type.field(0)->is_map()) return false;
  const pb::Descriptor& entry = *type.field(0)->message_type();
  // Not what the value's type is made of: that is made of this one.
  return entry.map_key()->type() == pb_field::TYPE_STRING && entry.map_value()->type() == pb_field::TYPE_MESSAGE &&
         entry.map_value()->message_type()->well_known_type() == pb::Descriptor::WELLKNOWNTYPE_VALUE;
}

bool IsListValue(const pb::Descriptor& type) {
  return HasShape(type, {{1, pb_field::TYPE_MESSAGE, true}}) &&
         type.field(0)->message_type()->well_known_type() == pb::Descriptor::WELLKNOWNTYPE_VALUE;
}

bool IsValue(const pb::Descriptor& type) {
  return HasShape(type, {{kValueNull, pb_field::TYPE_ENUM},
                         {kValueNumber, pb_field::TYPE_DOUBLE},
                         {kValueString, pb_field::TYPE_STRING},
                         {kValueBool, pb_field::TYPE_BOOL},
                         {kValueStruct, pb_field::TYPE_MESSAGE},
                         {kValueList, pb_field::TYPE_MESSAGE}}) &&
         IsA(type, kValueStruct, WellKnownType::kStruct) && IsA(type, kValueList, WellKnownType::kListValue);
}

// `value` in so many digits.
void AppendPadded(int64_t value, size_t digits, std::string* out) {
  const size_t first = out->size();
  out->resize(first + digits);
  for (size_t i = digits; i-- > 0; value /= 10) (*out)[first + i] = static_cast<char>('0' + value % 10);
}

// Nothing, or milliseconds, microseconds or nanoseconds, whichever is enough.
void AppendFraction(int64_t nanos, std::string* out) {
  if (nanos == 0) return;
  size_t digits = 9;
  for (; nanos % 1'000 == 0; nanos /= 1'000) digits -= 3;
  out->push_back('.');
  AppendPadded(nanos, digits, out);
}

constexpr int64_t kSecondsADay = 86'400;
constexpr int64_t kMostNanos = 999'999'999;

struct Date {
  int64_t year;
  int month;
  int day;
};

// Of the proleptic Gregorian calendar, from the days since 1970: with years that begin in March, leap days come last.
Date DateOf(int64_t days) {
  constexpr int64_t kEraDays = 146'097;       // 400 years
  constexpr int64_t kDaysToMarch0 = 719'468;  // from 0000-03-01 to 1970-01-01
  const int64_t shifted = days + kDaysToMarch0;
  const int64_t era = (shifted >= 0 ? shifted : shifted - (kEraDays - 1)) / kEraDays;
  const int64_t day_of_era = shifted - era * kEraDays;
  const int64_t year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const int day = static_cast<int>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const int month = static_cast<int>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {era * 400 + year_of_era + (month <= 2 ? 1 : 0), month, day};
}

}  // namespace

WellKnownType WellKnownTypeOf(const pb::Descriptor& type) {
  const auto if_so = [](bool so, WellKnownType kind) { return so ? kind : WellKnownType::kNone; };
  const auto wrapper = [&](pb_field::Type of) { return if_so(HasShape(type, {{1, of}}), WellKnownType::kWrapper); };
  const auto time = [&] { return HasShape(type, {{1, pb_field::TYPE_INT64}, {2, pb_field::TYPE_INT32}}); };
  switch (type.well_known_type()) {
    case pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
      return wrapper(pb_field::TYPE_DOUBLE);
    case pb::Descriptor::WELLKNOWNTYPE_FLOATVALUE:
      return wrapper(pb_field::TYPE_FLOAT);
    case pb::Descriptor::WELLKNOWNTYPE_INT64VALUE:
      return wrapper(pb_field::TYPE_INT64);
    case pb::Descriptor::WELLKNOWNTYPE_UINT64VALUE:
      return wrapper(pb_field::TYPE_UINT64);
    case pb::Descriptor::WELLKNOWNTYPE_INT32VALUE:
      return wrapper(pb_field::TYPE_INT32);
    case pb::Descriptor::WELLKNOWNTYPE_UINT32VALUE:
      return wrapper(pb_field::TYPE_UINT32);
    case pb::Descriptor::WELLKNOWNTYPE_STRINGVALUE:
      return wrapper(pb_field::TYPE_STRING);
    case pb::Descriptor::WELLKNOWNTYPE_BYTESVALUE:
      return wrapper(pb_field::TYPE_BYTES);
    case pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE:
      return wrapper(pb_field::TYPE_BOOL);
    case pb::Descriptor::WELLKNOWNTYPE_ANY:
      return if_so(HasShape(type, {{kAnyTypeUrl, pb_field::TYPE_STRING}, {kAnyValue, pb_field::TYPE_BYTES}}),
                   WellKnownType::kAny);
    case pb::Descriptor::WELLKNOWNTYPE_FIELDMASK:
      return if_so(HasShape(type, {{1, pb_field::TYPE_STRING, true}}), WellKnownType::kFieldMask);
    case pb::Descriptor::WELLKNOWNTYPE_DURATION:
      return if_so(time(), WellKnownType::kDuration);
    case pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP:
      return if_so(time(), WellKnownType::kTimestamp);
    case pb::Descriptor::WELLKNOWNTYPE_VALUE:
      return if_so(IsValue(type), WellKnownType::kValue);
    case pb::Descriptor::WELLKNOWNTYPE_LISTVALUE:
      return if_so(IsListValue(type), WellKnownType::kListValue);
    case pb::Descriptor::WELLKNOWNTYPE_STRUCT:
      return if_so(IsStruct(type), WellKnownType::kStruct);
    default:
      return WellKnownType::kNone;
  }
}

bool IsNullValue(const pb::EnumDescriptor& type) { return type.full_name() == "google.protobuf.NullValue"; }

const char* AppendTimestamp(int64_t seconds, int64_t nanos, std::string* out) {
  constexpr int64_t kLeast = -62'135'596'800;  // 0001-01-01
  constexpr int64_t kMost = 253'402'300'799;   // the last second of 9999
  if (seconds < kLeast || seconds > kMost) return "its seconds are not from the years 1 to 9999";
  if (nanos < 0 || nanos > kMostNanos) return "its nanos are not from 0 to 999,999,999";
  int64_t days = seconds / kSecondsADay;
  int64_t second = seconds % kSecondsADay;
  if (second < 0) {
    second += kSecondsADay;
    --days;
  }
  const Date date = DateOf(days);
  const auto part = [&](int64_t value, char before) {
    out->push_back(before);
    AppendPadded(value, 2, out);
  };
  AppendPadded(date.year, 4, out);
  part(date.month, '-');
  part(date.day, '-');
  part(second / 3600, 'T');
  part(second / 60 % 60, ':');
  part(second % 60, ':');
  AppendFraction(nanos, out);
  out->push_back('Z');
  return nullptr;
}

const char* AppendDuration(int64_t seconds, int64_t nanos, std::string* out) {
  constexpr int64_t kMost = 315'576'000'000;  // 10,000 years
  if (seconds < -kMost || seconds > kMost) return "its seconds are more than 10,000 years";
  if (nanos < -kMostNanos || nanos > kMostNanos) return "its nanos are a second or more";
  if ((seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0)) return "its seconds and nanos have different signs";
  if (seconds < 0 || nanos < 0) out->push_back('-');
  out->append(std::to_string(seconds < 0 ? -seconds : seconds));
  AppendFraction(nanos < 0 ? -nanos : nanos, out);
  out->push_back('s');
  return nullptr;
}

const char* AppendMaskPath(std::string_view path, std::string* out) {
  static constexpr char kFault[] = "a path has no form in JSON that stands for it alone";
  if (path.empty()) return kFault;
  for (size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if ((c >= 'A' && c <= 'Z') || c == ',') return kFault;
    if (c != '_') {
      out->push_back(c);
      continue;
    }
    if (++i == path.size() || path[i] < 'a' || path[i] > 'z') return kFault;
    out->push_back(static_cast<char>(path[i] - 'a' + 'A'));
  }
  return nullptr;
}

}  // namespace sallyport::policy
