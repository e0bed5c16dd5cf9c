// The walk that the 1F1B family shares.
#pragma once

#include <algorithm>
#include <cstdint>

namespace ppsim {

/// min(n, w) forwards; then one forward and one backward in turn; then the backwards left. `forward` and
/// `backward` write the j-th of n.
template <class Forward, class Backward>
void write_one_f_one_b(std::uint64_t n, std::uint64_t w, Forward forward, Backward backward) {
  w = std::min(n, w);
  for (std::uint64_t j = 0; j < w; ++j) forward(j);
  for (std::uint64_t i = 0; i < n - w; ++i) {
    forward(w + i);
    backward(i);
  }
  for (std::uint64_t i = n - w; i < n; ++i) backward(i);
}

}  // namespace ppsim
