// The same for the layers that read and write JSON.
#include <nlohmann/json.hpp>

#include "library.hpp"
