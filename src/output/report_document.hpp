/// The report as a JSON value, for whoever writes one or several.
#pragma once

#include <nlohmann/json.hpp>

#include "ppsim/input/config/config.hpp"
#include "ppsim/metrics/report.hpp"

namespace ppsim {

/// What every document says first: version, config hash, seed, communication, contention.
[[nodiscard]] nlohmann::ordered_json make_document_head(const Config& config);

/// The figures of one run, without the head.
[[nodiscard]] nlohmann::ordered_json make_report_body(const Report& report);

}  // namespace ppsim
