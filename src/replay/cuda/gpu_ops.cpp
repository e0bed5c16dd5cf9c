#include "replay/cuda/gpu_ops.hpp"

#include <algorithm>

#include "replay/cuda/cuda_check.hpp"
#include "replay/cuda/kernels.hpp"
#include "replay/cuda/nccl_api.hpp"

namespace ppsim {
namespace {

// Larger than any cache, so that what is moved comes from memory.
constexpr Bytes kMovedAtOnce{256 << 20};
constexpr std::int64_t kVector = 16;  // bytes that a thread moves at once

ncclDataType_t nccl_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::Fp32:
      return ncclFloat32;
    case Dtype::Fp16:
      return ncclFloat16;
    case Dtype::Bf16:
    case Dtype::Fp8:
    case Dtype::Mxfp8:
    case Dtype::Nvfp4:
      break;  // narrower ones are summed in bf16
  }
  return ncclBfloat16;
}

std::size_t elements(Bytes bytes, ncclDataType_t type) {
  return static_cast<std::size_t>(bytes.count()) / (type == ncclFloat32 ? 4 : 2);
}

// A kernel reads half of what it moves and writes the other.
Bytes written(const Traffic& traffic) {
  return Bytes(static_cast<std::int64_t>(traffic.bytes / 2) / kVector * kVector);
}

// What a rank's stages need at the most.
struct Needs {
  std::vector<Product> products;
  Bytes moved, reduced;

  void operator()(const Product& product) { products.push_back(product); }
  void operator()(const Traffic& traffic) { moved = std::max(moved, written(traffic)); }
  void operator()(const TensorReduction& reduction) { reduced = std::max(reduced, reduction.bytes); }

  void add(const PassWork& pass) {
    for (const WorkPart& part : pass.parts) {
      for (const WorkItem& item : part.items) std::visit(*this, item);
    }
  }
};

std::uint32_t spin(Time duration, cudaStream_t stream) {
  if (duration <= Time{}) return 0;
  launch_spin(stream, duration.count());
  check_launch("spin_kernel");
  return 1;
}

}  // namespace

GpuOps::GpuOps(const RankProgram& program, const GpuReplayOptions& options, GpuCommunicators& communicators,
               GroupNumbers groups, void* fixed)
    : program_(program), options_(options), communicators_(communicators), groups_(groups), fixed_(fixed) {
  Needs needs;
  for (const Stage stage : options.stages_of[index(program.rank)]) {
    if (options.work.empty()) continue;
    for (const PassWork& pass : options.work[index(stage)].values) needs.add(pass);
  }
  if (groups.tensor != GroupNumbers::kNone) reduced_ = allocate(needs.reduced);
  if (options.compute == GpuCompute::Gemm) {
    gemm_ = std::make_unique<Gemm>(options.dtype, needs.products);
    moved_at_once_ = std::min(needs.moved, kMovedAtOnce);
    from_ = allocate(moved_at_once_);
    to_ = allocate(moved_at_once_);
  }
}

// In the order of the program, which all GPUs of a group have.
void GpuOps::warm_up() {
  Stream stream = make_stream();
  for (std::uint32_t vertex = 0; vertex < program_.vertex_count(); ++vertex) {
    const auto ops = program_.graph.ops(program_.first + vertex);
    const bool is_first = index(ops.front().micro_batch) == 0 || !has_micro_batch(ops.front().kind);
    if (is_first) enqueue(vertex, stream.get());
  }
  (void)spin(Time(1), stream.get());
  const cudaStream_t used = stream.release();  // a failure leaves it: see GpuProcess
  communicators_.wait_for(used);
  stream.reset(used);
}

std::uint32_t GpuOps::enqueue(std::uint32_t vertex, cudaStream_t stream) {
  const Op first = program_.graph.ops(program_.first + vertex).front();
  return has_micro_batch(first.kind) ? compute(vertex, stream)
                                     : exchange(first, program_.durations[vertex], stream);
}

std::uint32_t GpuOps::compute(std::uint32_t vertex, cudaStream_t stream) {
  const auto ops = program_.graph.ops(program_.first + vertex);
  std::uint32_t launches = 0;
  Time duration = program_.durations[vertex];
  for (const Op op : ops) duration -= reduction_time(op);
  if (gemm_ == nullptr) launches += spin(duration, stream);
  for (const Op op : ops) {
    for (const PassWork* work : passes_of(op))
      launches += gemm_ != nullptr ? pass(*work, stream) : reductions(*work, stream);
  }
  return launches;
}

std::vector<const PassWork*> GpuOps::passes_of(Op op) const {
  if (options_.work.empty()) return {};
  const StageWork& work = options_.work[index(op.stage)];
  if (op.kind == OpKind::Backward) return {&work[OpKind::InputGrad], &work[OpKind::WeightGrad]};
  return {&work[op.kind]};
}

// What Spin leaves to NCCL.
Time GpuOps::reduction_time(Op op) const {
  if (groups_.tensor == GroupNumbers::kNone || options_.work.empty()) return Time{};
  return options_.stages[index(op.stage)].ops[op.kind].tensor_comm;
}

std::uint32_t GpuOps::pass(const PassWork& work, cudaStream_t stream) {
  std::uint32_t launches = 0;
  for (const WorkPart& part : work.parts) {
    for (std::uint32_t i = 0; i < part.times; ++i) {
      for (const WorkItem& one : part.items)
        launches += std::visit([&](const auto& kind) { return item(kind, stream); }, one);
    }
  }
  return launches + spin(work.other_comm, stream);
}

std::uint32_t GpuOps::reductions(const PassWork& work, cudaStream_t stream) {
  std::uint32_t launches = 0;
  for (const WorkPart& part : work.parts) {
    for (std::uint32_t i = 0; i < part.times; ++i) {
      for (const WorkItem& one : part.items) {
        if (const auto* reduction = std::get_if<TensorReduction>(&one)) launches += item(*reduction, stream);
      }
    }
  }
  return launches;
}

std::uint32_t GpuOps::item(const Product& product, cudaStream_t stream) {
  return gemm_->enqueue(product, stream);
}

std::uint32_t GpuOps::item(const Traffic& traffic, cudaStream_t stream) {
  std::uint32_t launches = 0;
  for (Bytes left = written(traffic); left > Bytes(0); ++launches) {
    const Bytes now = std::min(left, moved_at_once_);
    launch_move(stream, from_.get(), to_.get(), static_cast<std::size_t>(now.count()));
    left -= now;
  }
  check_launch("move_kernel");
  return launches;
}

std::uint32_t GpuOps::item(const TensorReduction& reduction, cudaStream_t stream) {
  if (groups_.tensor == GroupNumbers::kNone) return 0;
  const ncclDataType_t type = nccl_type(options_.dtype);
  communicators_.run(groups_.tensor, "ncclAllReduce", [&](ncclComm_t communicator) {
    return nccl().all_reduce(reduced_.get(), reduced_.get(), elements(reduction.bytes, type), type, ncclSum,
                             communicator, stream);
  });
  return 1;
}

// Once a step. What has no communicator waits as long as the graph says: the optimizer, and all of it where
// there is one replica.
std::uint32_t GpuOps::exchange(Op op, Time duration, cudaStream_t stream) {
  const bool reduces = op.kind == OpKind::GradientReduction;
  if (groups_.replicas == GroupNumbers::kNone || op.kind == OpKind::OptimizerStep)
    return spin(duration, stream);
  const StageCosts& costs = options_.stages[index(op.stage)];
  const std::size_t all = reduces ? elements(costs.gradients, ncclFloat32) / costs.gradient_buckets
                                  : elements(costs.weights, ncclBfloat16);
  const std::size_t part = all / options_.layout.replicas;
  const std::string_view call = !reduces                          ? "ncclAllGather"
                                : options_.layout.zero_stage == 0 ? "ncclAllReduce"
                                                                  : "ncclReduceScatter";
  communicators_.run(groups_.replicas, call, [&](ncclComm_t communicator) {
    if (!reduces) return nccl().all_gather(fixed_, fixed_, part, ncclBfloat16, communicator, stream);
    if (options_.layout.zero_stage == 0)
      return nccl().all_reduce(fixed_, fixed_, all, ncclFloat32, ncclSum, communicator, stream);
    return nccl().reduce_scatter(fixed_, fixed_, part, ncclFloat32, ncclSum, communicator, stream);
  });
  return 1;
}

}  // namespace ppsim
