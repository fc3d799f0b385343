#include "protos/visible_text.h"

#include <utf8proc.h>

namespace sallyport {
namespace {

constexpr uint32_t kLastPoint = 0x10ffff;
constexpr uint32_t kBlankBraille = 0x2800;
constexpr uint32_t kFirstPrivatePlane = 0xf0000;

// Set aside by Unicode for what does not show, assigned already or not (Default_Ignorable_Code_Point).
bool IsSetAside(uint32_t point) {
  return point == 0x2065 || (point >= 0xfff0 && point <= 0xfff8) || (point >= 0xe0000 && point <= 0xe0fff);
}

bool IsNoCharacter(uint32_t point) { return (point & 0xfffe) == 0xfffe || (point >= 0xfdd0 && point <= 0xfdef); }

}  // namespace

Character FirstCharacter(std::string_view text) {
  utf8proc_int32_t point = 0;
  const utf8proc_ssize_t bytes =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                       static_cast<utf8proc_ssize_t>(text.size() < 4 ? text.size() : 4), &point);
  if (bytes <= 0) return {};
  return {static_cast<uint32_t>(point), static_cast<size_t>(bytes), true};
}

bool IsHidden(uint32_t point) {
  if (point > kLastPoint || IsSetAside(point) || IsNoCharacter(point) || point == kBlankBraille) return true;
  const utf8proc_property_t* const properties = utf8proc_get_property(static_cast<utf8proc_int32_t>(point));
  switch (properties->category) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return true;
    case UTF8PROC_CATEGORY_ZS:
      return point != ' ';
    case UTF8PROC_CATEGORY_CO:
      return point >= kFirstPrivatePlane;
    default:
      return properties->ignorable != 0;
  }
}

size_t ColumnsOf(uint32_t point) {
  if (point > kLastPoint) return 1;
  const int width = utf8proc_charwidth(static_cast<utf8proc_int32_t>(point));
  if (width > 0) return static_cast<size_t>(width);
  const utf8proc_category_t category = utf8proc_category(static_cast<utf8proc_int32_t>(point));
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ? 0 : 1;
}

void AppendLowerCase(uint32_t point, std::string* out) {
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)), bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

}  // namespace sallyport
