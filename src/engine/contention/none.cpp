// Links that nobody shares: LinkModel as it is.
#include "engine/link_model.hpp"
#include "ppsim/engine/contention.hpp"

namespace ppsim::none_contention {
namespace {

const ContentionRegistration registration{ContentionInfo{
    .name = "none",
    .help = "every transfer has its links for itself",
    .make = [](const OpGraph&) { return std::make_unique<LinkModel>(); },
}};

}  // namespace
}  // namespace ppsim::none_contention
