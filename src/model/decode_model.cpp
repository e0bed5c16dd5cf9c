// A token step is bound by compute or by memory, whichever is slower (roofline: Williams et al. 2009): a
// layer takes
//   max(FLOPs / achievable, (weights + KV cache read) / memory bandwidth)
// and its kernels' overhead and tensor-parallel all-reduces, of one token a sample, on top.
#include "decode_model.hpp"

#include <algorithm>

#include "memory_model.hpp"

namespace ppsim {

namespace {

double element(const Transformer& model) {
  return static_cast<double>(element_size(model.dtype).count());
}

double kv_bytes_per_layer(const ModelRun& run, const Transformer& model) {
  const double head_size = static_cast<double>(model.hidden) / model.heads;
  return 2 * kv_heads_per_gpu(model, run.parallelism.tensor) * head_size * element(model) *
         run.parallelism.micro_batch_size;
}

class Roofline {
 public:
  Roofline(const ModelRun& run, const Transformer& model)
      : clock_(run.cluster.gpu, model.dtype),
        memory_bandwidth_(static_cast<double>(run.cluster.gpu.memory_bandwidth.count())) {}

  void compute(const Product& product) {
    compute_ += clock_.bare_time(product.flops);
    overhead_ += clock_.overhead();
  }
  void read(double bytes) { read_ += Seconds(bytes / memory_bandwidth_); }

  [[nodiscard]] Seconds time() const { return std::max(compute_, read_) + overhead_; }

 private:
  ProductClock clock_;
  double memory_bandwidth_;
  Seconds compute_{};
  Seconds overhead_{};
  Seconds read_{};
};

Seconds layer_time(const ModelRun& run, const Transformer& model, const Pass& pass) {
  Roofline layer(run, model);
  for (const Product& product : layer_products(model, run.parallelism.tensor, pass)) layer.compute(product);
  layer.read(layer_parameters_per_gpu(run, model) * element(model));
  layer.read(pass.context * kv_bytes_per_layer(run, model));
  return layer.time();
}

Seconds head_time(const ModelRun& run, const Transformer& model, const Pass& pass) {
  Roofline head(run, model);
  head.compute(head_product(model, run.parallelism.tensor, pass));
  head.read(static_cast<double>(head_parameters(model)) / run.parallelism.tensor * element(model));
  return head.time();
}

}  // namespace

Seconds decode_time(const ModelRun& run, const Transformer& model, const StagePlace& place,
                    std::uint32_t step) {
  const Pass pass{static_cast<double>(run.parallelism.micro_batch_size), 1,
                  static_cast<double>(model.sequence_length) + step};
  const Seconds layers = place.layers.count * layer_time(run, model, pass);
  const Seconds head = place.head ? head_time(run, model, pass) : Seconds(0);
  return layers + head + decode_comm_time(run, model, place);
}

Seconds decode_comm_time(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  const double all_reduces = 2.0 * place.layers.count + (place.embedding ? 1 : 0);
  return all_reduces * run.tensor_all_reduce(hidden_bytes(run, model, 1));
}

Bytes kv_cache_per_token(const ModelRun& run, const Transformer& model, const StagePlace& place) {
  return to_bytes(kv_bytes_per_layer(run, model) * place.layers.count);
}

}  // namespace ppsim
