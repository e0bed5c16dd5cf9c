#include "input/import/imported_section.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "input/config/config_sections.hpp"
#include "ppsim/core/version.hpp"

namespace ppsim {

void check_sections(const Json& root, const std::string& path) {
  // As text: what is read has no numbers with a sign but negative ones.
  Document document(parse_json(compact(root), path), path + " (as imported)");
  const ObjectReader reader(document, Pointer(), kConfigFields);
  if (reader.has("model")) (void)read_model(reader.object("model"));
  if (reader.has("cluster")) (void)read_cluster(reader.object("cluster"), InputKind::CostsOnCluster);
  if (reader.has("parallelism")) (void)read_parallelism(reader.object("parallelism"), InputKind::Model);
  if (reader.has("training")) (void)read_training(reader.object("training"));
}

ImportedSection imported_section(const Json& section, std::vector<std::string> assumptions) {
  for (std::string& line : assumptions) line = one_line(line);
  return {section.dump(2, ' ', false, Json::error_handler_t::replace) + "\n", std::move(assumptions)};
}

std::string import_source(const std::string& path, std::string_view what) {
  return fmt::format("Imported from {}, {}.", std::filesystem::path(path).filename().string(), what);
}

std::string imported_json(const ImportedSection& imported, std::string_view kind) {
  const Json document = {{"ppsim_version", version()},
                         {"kind", kind},
                         {"section", parse_json(imported.text, "section")},
                         {"assumptions", imported.assumptions}};
  return compact(document) + "\n";
}

}  // namespace ppsim
