#include "input/timeline/streams.hpp"

namespace ppsim {

std::string_view stream_of(std::span<const Op> ops) {
  switch (ops.front().kind) {
    case OpKind::Forward:
    case OpKind::Backward:
    case OpKind::InputGrad:
    case OpKind::WeightGrad:
    case OpKind::Recompute:
    case OpKind::OptimizerStep:
      return kComputeStream;
    case OpKind::GradientReduction:
    case OpKind::ParameterGather:
      return kCollectiveStream;
    case OpKind::Evict:
    case OpKind::Load:
      break;  // no vertices: transfers
  }
  return kComputeStream;
}

}  // namespace ppsim
