// The skeleton of a cluster out of the matrix of nvidia-smi topo -m.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "input/import/imported_section.hpp"
#include "input/import/topology/topology_matrix.hpp"
#include "text/quantity.hpp"

namespace ppsim {
namespace {

struct GpuLinks {
  std::string_view name;
  std::uint32_t nvlinks = 0;     ///< of one GPU
  std::uint32_t nvlink_gbs = 0;  ///< GB/s of one, in one direction
  std::uint32_t pcie_gbs = 0;    ///< GB/s of its x16 slot, in one direction
};

// NVIDIA's data sheets: a link of NVLink 2, 3 and 4 moves 25 GB/s in each direction, of NVLink 5 50; PCIe 3.0
// x16 16 GB/s, 4.0 32, 5.0 64.
constexpr std::array<GpuLinks, 20> kGpuLinks{
    {{"v100", 6, 25, 16},   {"a30", 4, 25, 32},     {"a100", 12, 25, 32}, {"a800", 8, 25, 32},
     {"h100", 18, 25, 64},  {"h800", 8, 25, 64},    {"h200", 18, 25, 64}, {"h20", 18, 25, 64},
     {"gh200", 18, 25, 64}, {"b100", 18, 50, 64},   {"b200", 18, 50, 64}, {"gb200", 18, 50, 64},
     {"b300", 18, 50, 128}, {"gb300", 18, 50, 128}, {"t4", 0, 0, 16},     {"a10", 0, 0, 32},
     {"a40", 0, 0, 32},     {"l4", 0, 0, 32},       {"l40", 0, 0, 32},    {"l40s", 0, 0, 32}}};

const GpuLinks& find_gpu(const TopologyOptions& options, std::string_view what) {
  std::vector<std::string_view> names;
  for (const GpuLinks& gpu : kGpuLinks) {
    if (gpu.name == options.gpu) return gpu;
    names.push_back(gpu.name);
  }
  throw Error("--gpu",
              fmt::format("{}, and the matrix does not say {}; expected one of {}",
                          options.gpu.empty() ? "is not given" : shown(Json(options.gpu)) + " is not known",
                          what, fmt::join(names, ", ")));
}

std::string bandwidth_text(std::uint64_t gigabytes) {
  return fmt::format("{} GB/s", gigabytes);
}

class TopologyImporter {
 public:
  TopologyImporter(const TopologyMatrix& matrix, const TopologyOptions& options, const std::string& path)
      : matrix_(matrix), options_(options), path_(path), gpus_(matrix.gpus.size()) {}

  Json read() {
    Json section = {{"source", import_source(path_, "the matrix of nvidia-smi topo -m")},
                    {"nodes", options_.nodes},
                    {"gpus_per_node", gpus_}};
    if (gpus_ > 1) {
      if (matrix_.gpus[0][1].how == Joined::NvLink)
        section["nvlink"] = nvlink();
      else
        section["pcie"] = pcie();
    }
    put_nics(section);
    notes_.push_back(
        "gpu is left out: name a file of one, such as configs/gpus/h100_sxm.json, as /cluster/gpu");
    return section;
  }

  [[nodiscard]] std::vector<std::string> take_notes() { return std::move(notes_); }

 private:
  static constexpr std::string_view kLatency = "2 us";
  static constexpr std::string_view kFarLatency = "5 us";

  static std::string text_of(const Connection& connection) {
    constexpr std::array<std::string_view, 7> kNames{"X", "NV", "PIX", "PXB", "PHB", "NODE", "SYS"};
    const std::string_view name = kNames[static_cast<std::size_t>(connection.how)];
    return connection.links > 0 ? fmt::format("{}{}", name, connection.links) : std::string(name);
  }

  // A config's nodes have one kind of link inside, the same for all pairs.
  void check_alike() const {
    const Connection& first = matrix_.gpus[0][1];
    for (std::size_t a = 0; a < gpus_; ++a)
      for (std::size_t b = a + 1; b < gpus_; ++b) {
        const Connection& pair = matrix_.gpus[a][b];
        if (pair.how != first.how || pair.links != first.links)
          throw Error(path_,
                      fmt::format("GPU0 and GPU1 are joined by {}, GPU{} and GPU{} by {}; expected as many "
                                  "NVLinks between any two, as a config has them",
                                  text_of(first), a, b, text_of(pair)));
      }
  }

  Json nvlink() {
    check_alike();
    const std::uint32_t links = matrix_.gpus[0][1].links;
    const GpuLinks& gpu = find_gpu(options_, "how fast an NVLink is");
    if (links > gpu.nvlinks)
      throw Error(path_, fmt::format("NV{}, and {} has {} NVLinks; expected another --gpu", links, gpu.name,
                                     gpu.nvlinks));
    note("{} NVLinks of {} GB/s in each direction, as {} has them", links, gpu.nvlink_gbs, gpu.name);
    if (links < gpu.nvlinks)
      note("{} of the {} NVLinks of {} join each two GPUs, without a switch: the bandwidth is that of a pair",
           links, gpu.nvlinks, gpu.name);
    note("a latency of {} is assumed", kLatency);
    return {{"bandwidth", bandwidth_text(std::uint64_t{links} * gpu.nvlink_gbs)}, {"latency", kLatency}};
  }

  Json pcie() {
    for (const auto& row : matrix_.gpus)
      if (std::any_of(row.begin(), row.end(), [](const Connection& c) { return c.how == Joined::NvLink; }))
        check_alike();
    const GpuLinks& gpu = find_gpu(options_, "how fast PCIe is");
    note("PCIe x16 of {} GB/s in each direction, as {} takes it; a latency of {} is assumed", gpu.pcie_gbs,
         gpu.name, kFarLatency);
    return {{"bandwidth", bandwidth_text(gpu.pcie_gbs)},
            {"latency", kFarLatency},
            {"gpus_per_switch", gpus_per_switch()}};
  }

  // GPUs that reach one another below host bridges are under one switch, however many switches that is.
  std::size_t gpus_per_switch() {
    const auto same = [this](std::size_t a, std::size_t b) {
      return matrix_.gpus[a][b].how <= Joined::Switches;
    };
    std::size_t size = 1;
    while (size < gpus_ && same(0, size)) ++size;
    for (std::size_t a = 0; a < gpus_; ++a)
      for (std::size_t b = 0; b < gpus_; ++b)
        if (gpus_ % size != 0 || same(a, b) != (a / size == b / size))
          throw Error(path_,
                      fmt::format("GPU{} and GPU{} are joined by {}; expected switches of as many GPUs each, "
                                  "in their order, as GPU0's has {}",
                                  a, b, text_of(matrix_.gpus[a][b]), size));
    if (size == 1)
      note("each GPU is taken to be under a root port of its own, as no two share a PCIe switch");
    return size;
  }

  void put_nics(Json& section) {
    if (options_.nic_bandwidth && matrix_.nics == 0)
      throw Error("--nic-bandwidth", "the matrix has no NIC; leave it out");
    if (options_.nodes > 1 && !options_.nic_bandwidth)
      throw Error("--nodes", fmt::format("{} nodes need --nic-bandwidth, which the matrix does not say",
                                         options_.nodes));
    if (matrix_.nics == 0) return;
    if (!options_.nic_bandwidth) {
      note("{} NICs are left out; --nic-bandwidth \"400 Gb/s\" makes them infiniband", matrix_.nics);
      return;
    }
    section["infiniband"] = {{"bandwidth", fmt::format("{} B/s", options_.nic_bandwidth->count())},
                             {"latency", kFarLatency},
                             {"nics_per_node", matrix_.nics}};
    note("all {} NICs are taken to carry the GPUs' data, with an assumed latency of {}", matrix_.nics,
         kFarLatency);
  }

  template <class... Arguments>
  void note(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    notes_.push_back(fmt::format(text, std::forward<Arguments>(arguments)...));
  }

  const TopologyMatrix& matrix_;
  const TopologyOptions& options_;
  const std::string& path_;
  std::size_t gpus_;
  std::vector<std::string> notes_;
};

ImportedSection read_topology(const std::string& path, const TopologyOptions& options) {
  const TopologyMatrix matrix = read_topology_matrix(path);
  // Its links are read, or it would be an option without an effect.
  if (!options.gpu.empty()) (void)find_gpu(options, "which GPU it is");
  TopologyImporter importer(matrix, options, path);
  const Json section = importer.read();
  check_sections({{"cluster", section}}, path);
  return imported_section(section, importer.take_notes());
}

}  // namespace

ImportedSection import_topology(const std::string& path, const TopologyOptions& options) {
  return with_plain_errors([&] { return read_topology(path, options); });
}

}  // namespace ppsim
