/// Measures a cluster, and makes a config's `cluster` of it.
#pragma once

#include <string>
#include <vector>

#include "metrics/measured_cluster.hpp"
#include "ppsim/model/hardware/cluster.hpp"
#include "ppsim/model/layers/operators.hpp"
#include "replay/bench/link_bench.hpp"
#include "replay/bench/nodes.hpp"
#include "replay/bench/probe.hpp"
#include "replay/bench/product_bench.hpp"

namespace ppsim {

struct BenchPlan {
  LinkPlan links;
  std::vector<ProductShape> products;
  Time product_seconds{};     ///< about how long these last, copies included
  std::vector<Dtype> dtypes;  ///< that the figures of products are to stand for, beside what is measured
  std::string backend;        ///< for `source`: "host-mpi over Open MPI v4.1.4"
};

/// 1 KiB to 16 MiB by fours, and no bytes.
[[nodiscard]] std::vector<Bytes> default_message_sizes();

/// Square ones up to `widest`, for who names no model.
[[nodiscard]] std::vector<ProductShape> default_products(std::uint64_t widest);

/// Of a model's products.
[[nodiscard]] std::vector<ProductShape> shapes_of(const std::vector<Product>& products);

struct BenchSamples {
  NodeMap nodes;
  Device device;
  std::vector<LinkSamples> links;
  std::vector<ProductSamples> products;
  std::vector<BytesPerSecond> copies;  ///< [P]
};

/// All ranks call it with the same map and plan; on rank 0 the samples. Throws ReplayError as the probe does.
[[nodiscard]] BenchSamples measure_cluster(const NodeMap& nodes, Group& group, Probe& probe,
                                           const BenchPlan& plan);

/// Medians, fits and the cluster. Throws Error (where: the class of links) where messages have one size.
[[nodiscard]] MeasuredCluster make_measured_cluster(const BenchSamples& samples, const BenchPlan& plan);

}  // namespace ppsim
