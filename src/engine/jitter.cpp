#include "ppsim/engine/jitter.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/int128.hpp"
#include "core/philox.hpp"
#include "ppsim/core/error.hpp"

namespace ppsim {
namespace {

// The streams of one run: vertices and edges are numbered each from 0.
constexpr std::uint32_t kVertices = 0, kEdges = 1;

using Bits = std::array<std::uint32_t, 4>;  // 128 of them, for one factor

std::uint64_t word(std::uint32_t high, std::uint32_t low) {
  return std::uint64_t{high} << 32 | low;
}

// 53 bits, in (0, 1]: a logarithm may be taken of it.
double uniform(std::uint64_t bits) {
  return static_cast<double>((bits >> 11) + 1) * 0x1p-53;
}

// Box and Muller, "A note on the generation of random normal deviates", 1958; one of the two that it gives.
// Not a distribution of the standard library: those differ from library to library.
double normal(const Bits& bits) {
  const double radius = std::sqrt(-2 * std::log(uniform(word(bits[0], bits[1]))));
  return radius * std::cos(2 * std::numbers::pi * uniform(word(bits[2], bits[3])));
}

double factor(const Lognormal& spread, const Bits& bits) {
  return std::exp(spread.sigma * normal(bits) - spread.sigma * spread.sigma / 2);
}

// The high half of a 64 x 64-bit product is even up to the number of samples in 2^64.
double factor(const Samples& spread, const Bits& bits) {
  const UInt128 product = UInt128{word(bits[0], bits[1])} * spread.factors.size();
  return spread.factors[static_cast<std::size_t>(product >> 64)];
}

double nanoseconds(Time time) {
  return static_cast<double>(time.count());
}

}  // namespace

bool varies(const Spread& spread) {
  const auto* lognormal = std::get_if<Lognormal>(&spread);
  return lognormal == nullptr || lognormal->sigma > 0;
}

bool Jitter::any() const {
  return std::any_of(ops.values.begin(), ops.values.end(), varies) || varies(transfers);
}

JitterDraw::JitterDraw(const OpGraph& graph, const Jitter& jitter, std::uint64_t seed)
    : graph_(graph), jitter_(jitter), seed_(seed) {
  note_vertices();
  note_transfers();
}

void JitterDraw::note_vertices() {
  for (VertexId v = 0; v < graph_.vertex_count(); ++v) {
    const Spread& spread = jitter_.ops[graph_.ops(v).back().kind];
    const Time duration = graph_.durations()[v];
    if (varies(spread))
      vertices_.push_back({v, &spread, duration});
    else
      fixed_ += nanoseconds(duration);
  }
}

void JitterDraw::note_transfers() {
  for (EdgeId edge = 0; edge < graph_.edge_count(); ++edge) {
    const TransferClass* transfer = graph_.transfer(edge);
    if (transfer == nullptr) continue;
    fixed_ += nanoseconds(transfer->latency);
    if (varies(jitter_.transfers))
      edges_.push_back({edge, &jitter_.transfers, transfer->transmission});
    else
      fixed_ += nanoseconds(transfer->transmission);
  }
}

JitterDraw::Buffers JitterDraw::make_buffers() const {
  Buffers buffers;
  if (!vertices_.empty()) buffers.durations.assign(graph_.durations().begin(), graph_.durations().end());
  if (!edges_.empty()) buffers.transmissions.resize(graph_.edge_count());
  return buffers;
}

RunTimes JitterDraw::draw(std::uint32_t run, Buffers& buffers) const {
  double total = fixed_;
  total += draw(vertices_, {kVertices, run}, buffers.durations);
  total += draw(edges_, {kEdges, run}, buffers.transmissions);
  if (total > 0x1p62) {
    throw Error("", fmt::format("in run {} all durations together pass 2^62 ns (146 years): expected less "
                                "jitter or shorter ops",
                                run));
  }
  return {buffers.durations, buffers.transmissions};
}

double JitterDraw::draw(std::span<const Item> items, Place place, std::vector<Time>& times) const {
  const std::array key{static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)};
  double total = 0;
  for (const Item& item : items) {
    const Bits bits = philox({item.id, place.stream, place.run, 0}, key);
    const double drawn = std::visit([&](const auto& spread) { return factor(spread, bits); }, *item.spread);
    times[item.id] = scaled(item.duration, drawn);
    total += nanoseconds(times[item.id]);
  }
  return total;
}

}  // namespace ppsim
