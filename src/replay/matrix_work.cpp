#include "replay/matrix_work.hpp"

#include <algorithm>

#include "replay/matrix_product.hpp"

namespace ppsim {
namespace {

// 256 KiB of weights: in a core's own cache, so that ranks disturb one another little. A piece is some tens
// of microseconds with a good BLAS.
constexpr std::size_t kWidth = 256;
constexpr std::uint64_t kPieceRows = 32;

// What is measured lasts long enough for the clock rate to settle.
constexpr Time kMeasured{100'000'000};

}  // namespace

MatrixWork::MatrixWork(Group& group)
    : rows_(kPieceRows * kWidth, 1.0F), weights_(kWidth * kWidth, 1.0F / kWidth), product_(rows_.size()) {
  use_one_thread();
  group.barrier();
  (void)compute_some(kPieceRows);  // the library makes itself ready
  std::uint64_t rows = 0;
  const Time begin = clock_now();
  Time passed{};
  do {
    (void)compute_some(kPieceRows);
    rows += kPieceRows;
    passed = clock_now() - begin;
  } while (passed < kMeasured);
  rows_per_ns_ = static_cast<double>(rows) / static_cast<double>(passed.count());
  group.barrier();  // nobody goes on while another measures
}

std::uint64_t MatrixWork::rows_that_last(Time duration) const {
  return static_cast<std::uint64_t>(static_cast<double>(duration.count()) * rows_per_ns_ + 0.5);
}

std::uint64_t MatrixWork::compute_some(std::uint64_t rows) {
  const std::uint64_t now = std::min(rows, kPieceRows);
  multiply(now, kWidth, kWidth, rows_.data(), weights_.data(), product_.data());
  return rows - now;
}

}  // namespace ppsim
