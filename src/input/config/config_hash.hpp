/// The hash of a config: of what it says, however it is written.
#pragma once

#include <string>

#include "input/config/config_document.hpp"

namespace ppsim {

/// 16 hex digits (FNV-1a, 64 bits) of a canonical document. Keys at their default count as left out, and a
/// quantity is a number, so that neither a new key with a default, nor a key that moves, nor "1000 us" for
/// "1 ms" gives another hash. Requires that the document is read: only the reader knows defaults that follow
/// from other keys.
[[nodiscard]] std::string config_hash(const Document& document);

}  // namespace ppsim
