#include "input/timeline/streams.hpp"

namespace ppsim {

std::string_view stream_of(std::span<const Op> ops) {
  return is_collective(ops.front().kind) ? kCollectiveStream : kComputeStream;
}

}  // namespace ppsim
