/// Output of the nccl-tests programs, text or JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "metrics/message_fit.hpp"

namespace ppsim {

struct NcclTest {
  std::string program;  ///< "all_reduce_perf"; empty where the file does not name one
  std::uint64_t ranks = 0;
  std::uint64_t nodes = 0;        ///< that the ranks are on
  std::vector<SizeTime> samples;  ///< of more than 0 B: out of place, or in place where only that ran
};

/// Throws Error (where: "FILE, line 7", "FILE#/results/3"): no such output, no ranks, rows cut off, wrong
/// results, several communicators or programs at once.
[[nodiscard]] NcclTest read_nccl_test(const std::string& path);

}  // namespace ppsim
