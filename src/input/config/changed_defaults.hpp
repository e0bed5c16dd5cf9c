/// Defaults that changed from one version to the next. A config that names a version keeps that version's.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "input/config/config_document.hpp"

namespace ppsim {

/// A key, the version from which its default is what its row says, and what the default was before.
struct ChangedDefault {
  std::string_view pointer;
  std::string_view since;
  std::string_view was;  ///< JSON
};

struct DefaultHistory {
  std::span<const std::string_view> versions;  ///< in order, oldest first
  std::span<const ChangedDefault> changes;
};

/// Of this program.
[[nodiscard]] const DefaultHistory& default_history();

/// Offers the defaults of the version that the document names in "ppsim"; none where it names none, or one
/// that there is not.
void offer_old_defaults(Document& document, const DefaultHistory& history);

/// One line that names the defaults that changed since the oldest version and hold in this document, which
/// names no version; empty where there are none. Requires that the document is read.
[[nodiscard]] std::string changed_defaults_note(const Document& document, const DefaultHistory& history);

}  // namespace ppsim
