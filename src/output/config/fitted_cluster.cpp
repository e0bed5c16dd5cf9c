#include "output/config/fitted_cluster.hpp"

#include "input/table/spec_config.hpp"

namespace ppsim {
namespace {

const Pointer kCluster("/cluster");

void take_out_notes(Json& section) {
  section.erase("$schema");
  for (auto& [key, value] : section.items())
    if (value.is_object()) take_out_notes(value);
}

}  // namespace

std::string fitted_cluster(const ValidationSpec& spec, std::span<const Override> values,
                           const std::string& note) {
  Document document = open_config(spec);
  for (const Override& value : values) document.apply(value);
  document.inline_sections();
  Json cluster = document.at(kCluster);
  take_out_notes(cluster);
  // A second fit says what the first one said.
  std::string source = cluster.value("source", "");
  source = source.substr(0, source.find(note.substr(0, note.find(' '))));
  cluster["source"] = (source.empty() || source.ends_with(' ') ? source : source + " ") + note;
  return cluster.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
