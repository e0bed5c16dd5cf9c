// Who sits where, as Megatron orders the GPUs of a rank: tensor innermost, then context, then data. Experts
// cut the same GPUs anew: the GPUs that share an expert innermost, then the groups that share out a layer's
// experts, then copies. So every kind of group is every k-th GPU of a block of consecutive ones:
//   kind              block                             k
//   tensor            tensor                            1
//   context           tensor x context                  tensor
//   replicas          tensor x context x data           tensor
//   expert            expert_tensor x expert            expert_tensor
//   expert replicas   tensor x context x data           expert_tensor x expert
#include "model/hardware/group_blocks.hpp"

namespace ppsim {

GroupBlocks group_blocks(const Parallelism& parallelism, GroupKind kind) {
  const std::uint64_t tensor = parallelism.tensor;
  const std::uint64_t rank = tensor * parallelism.replicas();
  const std::uint64_t expert_tensor = parallelism.tensor_of_expert();
  const std::uint64_t experts = expert_tensor * parallelism.expert;
  switch (kind) {
    case GroupKind::Tensor:
      return {tensor, 1};
    case GroupKind::Context:
      return {tensor * parallelism.context, tensor};
    case GroupKind::Expert:
      return {experts, expert_tensor};
    case GroupKind::Replicas:
      return {rank, tensor};
    case GroupKind::ExpertReplicas:
      return {rank, experts};
  }
  return {};
}

}  // namespace ppsim
