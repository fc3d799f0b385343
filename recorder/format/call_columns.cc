#include "recorder/format/call_columns.h"

#include "absl/strings/str_cat.h"
#include "recorder/crypto/text.h"

namespace sallyport::recorder {

std::string CallColumnNames() {
  std::string names;
  for (const CallColumn& column : kCallColumns) absl::StrAppend(&names, names.empty() ? "" : ", ", View(column.name));
  return names;
}

std::string CallColumnNames(std::initializer_list<int64_t CallRow::*> values) {
  std::string names;
  for (int64_t CallRow::*value : values) {
    for (const CallColumn& column : kCallColumns) {
      if (column.value == value) absl::StrAppend(&names, names.empty() ? "" : ", ", View(column.name));
    }
  }
  return names;
}

std::string CallColumnDefinitions() {
  std::string definitions;
  for (const CallColumn& column : kCallColumns) {
    absl::StrAppend(&definitions, definitions.empty() ? "" : ", ", View(column.name), " INTEGER",
                    column.value == &CallRow::id ? " PRIMARY KEY" : "");
  }
  return definitions;
}

}  // namespace sallyport::recorder
