// Reading an object by the rows of its table.
#include "input/config/field_rows.hpp"

namespace ppsim {

void read_fields(const ObjectReader& section, const FieldTable& table, void* target, KeyScopes scopes) {
  for (const Field& field : table.fields) {
    if (field.kind == KeyKind::Note) continue;
    if (field.scope.bit != 0 && (field.scope.bit & scopes) == 0) {
      if (section.has(field.name)) throw section.error(field.name, field.scope.refusal);
      continue;
    }
    section.complete(field, target);
    if (field.read == nullptr) continue;  // the section's own code
    if (section.has(field.name))
      field.read(section, field, target);
    else if (field.absent.required())
      (void)section.value(field.name);  // throws: it is missing
  }
}

}  // namespace ppsim
