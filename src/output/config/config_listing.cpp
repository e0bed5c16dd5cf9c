#include "ppsim/output/config/config_listing.hpp"

#include "input/config/changed_defaults.hpp"
#include "text/json_text.hpp"
#include "text/table.hpp"

namespace ppsim {

std::string config_table(const Config& config) {
  Table table({{"key", Align::Left}, {"from", Align::Left}, {"value", Align::Left}});
  for (const Config::Origin& origin : config.origins)
    table.add_row({origin.pointer, origin.from, origin.value});
  return table.text();
}

std::string pinned_config(const Config& config) {
  Json document = Json::parse(config.resolved);
  Json& version = document["ppsim"];
  if (version.is_null()) version = default_history().versions.back();
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string config_json(const Config& config) {
  Json origins = Json::object();
  for (const Config::Origin& origin : config.origins) origins[origin.pointer] = origin.from;
  const Json out = {{"config_hash", config.hash},
                    {"config", Json::parse(config.resolved)},
                    {"origins", std::move(origins)}};
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace ppsim
