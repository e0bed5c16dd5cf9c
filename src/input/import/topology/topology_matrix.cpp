#include "input/import/topology/topology_matrix.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string_view>

#include "core/numbers.hpp"
#include "ppsim/core/error.hpp"
#include "text/files.hpp"
#include "text/json_text.hpp"
#include "text/text_lines.hpp"

namespace ppsim {
namespace {

constexpr std::size_t kMostGpus = 4096;

constexpr std::array<std::pair<std::string_view, Joined>, 7> kCells{{{"X", Joined::Itself},
                                                                     {"PIX", Joined::OneSwitch},
                                                                     {"PXB", Joined::Switches},
                                                                     {"PHB", Joined::HostBridge},
                                                                     {"NODE", Joined::Node},
                                                                     {"SYS", Joined::Processors},
                                                                     {"SOC", Joined::Processors}}};

// The heading is underlined on a terminal, and so in what was copied from one: ESC [ 4 m.
std::string without_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b' && i + 1 < text.size() && text[i + 1] == '[') {
      i = std::min(text.find('m', i), text.size());
      continue;
    }
    plain += text[i];
  }
  return plain;
}

bool is_gpu(std::string_view word) {
  return word.size() > 3 && word.starts_with("GPU") &&
         std::all_of(word.begin() + 3, word.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

// Behind the NICs stand "CPU Affinity", "NUMA Affinity" and "GPU NUMA ID".
bool is_nic(std::string_view word) {
  return word.starts_with("NIC") || word.starts_with("mlx") || word.starts_with("bnxt") ||
         word.starts_with("irdma") || word.starts_with("efa") || word.starts_with("rdma");
}

std::optional<Connection> parse_cell(std::string_view cell) {
  for (const auto& [name, how] : kCells)
    if (name == cell) return Connection{how, 0};
  if (!cell.starts_with("NV")) return std::nullopt;
  constexpr std::uint32_t kMostLinks = 1000;
  const auto links = parse_number<std::uint32_t>(cell.substr(2));
  const bool fits = links && *links > 0 && *links <= kMostLinks;
  return fits ? std::optional(Connection{Joined::NvLink, *links}) : std::nullopt;
}

class MatrixReader {
 public:
  explicit MatrixReader(const std::string& path) : path_(path) {}

  TopologyMatrix read(std::string_view text) && {
    for (const TextLine& line : lines_of(text)) {
      const std::vector<std::string_view> words = words_of(line.text);
      if (words.empty()) continue;
      if (gpus_ == 0) {
        read_heading(words);
      } else if (is_gpu(words[0])) {
        read_row(words, line.number);
      }
    }
    if (gpus_ == 0)
      throw Error(path_, "has no heading \"GPU0 GPU1 ...\": expected what nvidia-smi topo -m prints");
    if (matrix_.gpus.size() != gpus_)
      throw Error(path_, fmt::format("has {} rows of GPUs, its heading {}: was it written to its end?",
                                     matrix_.gpus.size(), gpus_));
    check_symmetric();
    return std::move(matrix_);
  }

 private:
  void read_heading(const std::vector<std::string_view>& words) {
    if (!is_gpu(words[0])) return;
    while (gpus_ < words.size() && is_gpu(words[gpus_])) ++gpus_;
    // A single GPU's own row looks like a heading with one column.
    matrix_.nics = static_cast<std::uint32_t>(std::count_if(words.begin(), words.end(), is_nic));
    if (gpus_ > kMostGpus) throw Error(path_, fmt::format("{} GPUs; expected at most {}", gpus_, kMostGpus));
  }

  void read_row(const std::vector<std::string_view>& words, std::size_t line) {
    const std::string expected = fmt::format("GPU{}", matrix_.gpus.size());
    if (words[0] != expected || matrix_.gpus.size() == gpus_)
      fail(line, fmt::format("{} where {} is expected", words[0],
                             matrix_.gpus.size() == gpus_ ? "no more GPU" : expected));
    if (words.size() < 1 + gpus_)
      fail(line, fmt::format("has {} cells; expected one for each of {} GPUs", words.size() - 1, gpus_));
    std::vector<Connection>& row = matrix_.gpus.emplace_back();
    for (std::size_t i = 0; i < gpus_; ++i) {
      const auto cell = parse_cell(words[1 + i]);
      const bool own = i + 1 == matrix_.gpus.size();
      if (!cell || (cell->how == Joined::Itself) != own)
        fail(line,
             fmt::format("{} in the column of GPU{}; expected {}", shown(Json(std::string(words[1 + i]))), i,
                         own ? "X" : "NV18 or the like, PIX, PXB, PHB, NODE or SYS"));
      row.push_back(*cell);
    }
  }

  void check_symmetric() const {
    for (std::size_t a = 0; a < gpus_; ++a)
      for (std::size_t b = 0; b < a; ++b) {
        const Connection &one = matrix_.gpus[a][b], &other = matrix_.gpus[b][a];
        if (one.how != other.how || one.links != other.links)
          throw Error(
              path_,
              fmt::format(
                  "GPU{} and GPU{} are joined in one way by the one's row and in another by the other's", b,
                  a));
      }
  }

  [[noreturn]] void fail(std::size_t line, const std::string& what) const {
    throw Error(fmt::format("{}, line {}", path_, line), what);
  }

  const std::string& path_;
  TopologyMatrix matrix_;
  std::size_t gpus_ = 0;
};

}  // namespace

TopologyMatrix read_topology_matrix(const std::string& path) {
  return MatrixReader(path).read(without_escapes(read_file(path)));
}

}  // namespace ppsim
