#include "replay/requirements.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <limits>
#include <map>

#include "replay/clocks.hpp"
#include "replay/fingerprint.hpp"
#include "replay/matrix_product.hpp"

namespace ppsim {
namespace {

std::string message_size_fault(const OpGraph& graph, const Transport& transport) {
  if (transport.size() == graph.rank_count()) return {};
  return fmt::format(
      "{}, and the schedule has {} ranks: expected one a rank (mpirun -n {}, or torchrun --nproc-per-node "
      "{})",
      job_size(transport), graph.rank_count(), graph.rank_count(), graph.rank_count());
}

std::uint64_t fingerprint_of(const OpGraph& graph, const ReplayOptions& options) {
  return fingerprint(graph, {static_cast<std::uint64_t>(options.mode), options.steps, options.warmup});
}

std::string message_fault(const OpGraph& graph, const Transport& transport, ReplayMode mode) {
  if (std::uint64_t{graph.edge_count()} * 2 + kFirstFreeTag > transport.most_tag())
    return fmt::format("the graph has {} edges, more than messages can be told apart", graph.edge_count());
  if (mode == ReplayMode::Virtual) return {};
  for (const TransferClass& kind : graph.transfer_classes()) {
    if (kind.bytes.count() > std::numeric_limits<int>::max()) {
      return fmt::format("a transfer from rank {} to rank {} has {} bytes: expected less than 2 GiB",
                         index(kind.from), index(kind.to), kind.bytes.count());
    }
  }
  return {};
}

// On rank 0: who shares a machine must have a core each.
std::string core_fault(Group& group) {
  const std::string own = fmt::format("{} {}", machine_name(), sysconf(_SC_NPROCESSORS_ONLN));
  std::map<std::string, std::uint32_t> ranks;
  for (const Blob& machine : group.gather(bytes_of(own))) ++ranks[std::string(text_of(machine))];
  for (const auto& [machine, count] : ranks) {
    const auto cores = std::stoul(machine.substr(machine.rfind(' ')));
    if (count > cores)
      return fmt::format("{} ranks run on a machine of {} cores: expected a core for each in mode compute",
                         count, cores);
  }
  return {};
}

}  // namespace

void agree(Group& group, const std::string& fault) {
  const std::string first = group.first_fault(fault);
  if (!first.empty()) throw JointError(first);
}

std::string job_size(const Transport& transport) {
  return transport.size() == 1 ? "1 process is in this job"
                               : fmt::format("{} processes are in this job", transport.size());
}

void agree_on(Group& group, std::uint64_t fingerprint) {
  const std::string own = fmt::format("{:016x}", fingerprint);
  const Blob first = group.broadcast(bytes_of(own));
  if (text_of(first) == own) return agree(group, {});
  agree(group, fmt::format("config, schedule or options are not those of rank 0 (fingerprint {}, there {})",
                           own, text_of(first)));
}

void check_requirements(const OpGraph& graph, Group& group, const ReplayOptions& options) {
  agree(group, message_size_fault(graph, group.transport()));
  agree_on(group, fingerprint_of(graph, options));
  agree(group, message_fault(graph, group.transport(), options.mode));
  if (options.mode != ReplayMode::Compute) return;
  agree(group, has_blas() ? "" : "this build has no BLAS, which mode compute needs (libopenblas-dev)");
  const std::string fault = core_fault(group);
  const std::string everywhere(text_of(group.broadcast(bytes_of(fault))));
  if (!everywhere.empty()) throw JointError(everywhere);
}

}  // namespace ppsim
