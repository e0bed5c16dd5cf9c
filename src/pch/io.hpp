// The same for io, which reads and writes JSON.
#include <nlohmann/json.hpp>

#include "library.hpp"
