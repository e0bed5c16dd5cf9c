/// Builds a list of operators: sizes on one GPU, and what passes and tensors of an operator take.
#pragma once

#include "model/layers/model_run.hpp"
#include "ppsim/model/layers/operators.hpp"
#include "ppsim/model/layers/transformer.hpp"

namespace ppsim {

/// What goes through a layer at once: training and prefill have tokens = context, a token step has one token.
struct Pass {
  double samples = 1;
  double tokens = 1;   ///< of each sample that are computed, over the whole context group
  double context = 1;  ///< tokens that each of them attends to
};

/// Which modes of recomputation keep a tensor.
enum class Keep : std::uint8_t {
  Always,  ///< all: it is a layer's input
  Layer,   ///< full makes it again
  Core,    ///< selective too: it belongs to the attention core
};

/// Sizes on one GPU.
struct LayerSizes {
  LayerSizes(const ModelRun& run, const Transformer& model, const Pass& pass);

  /// Megatron-LM, megatron/core/fusions/fused_softmax.py, is_kernel_available(): samples x heads of a GPU are
  /// a multiple of 4.
  [[nodiscard]] bool fused_softmax_fits() const;

  double samples;
  double heads;         ///< of the model
  double tokens;        ///< of each sample, on this GPU
  double context;       ///< tokens that each attends to
  bool token_step;      ///< one token of each sample, behind all that it attends to
  double rows;          ///< samples x tokens
  double hidden;        ///< width of the hidden states
  double tensor;        ///< GPUs that share a layer's products
  double sequence;      ///< GPUs that share what lies between them
  double element;       ///< bytes of a number
  double factor;        ///< bytes of a number that a product with weights reads
  double gradient_sum;  ///< bytes moved to add to one gradient of a weight
};

/// All but begin() speak of the operator that was begun last. Elements are counted a token, on this GPU;
/// `share`: of the tokens that go through it. Borrows what it is made of.
class OperatorList {
 public:
  OperatorList(const ModelRun& run, const Transformer& model, const Pass& pass)
      : run_(run), model_(model), sizes_(run, model, pass) {}

  [[nodiscard]] const ModelRun& run() const { return run_; }
  [[nodiscard]] const Transformer& model() const { return model_; }
  [[nodiscard]] const LayerSizes& sizes() const { return sizes_; }

  /// Part: of the attention core, of a layer, or of an end of the model, whose backward follows its forward
  /// at once, so that nothing is recomputed.
  enum class Part : std::uint8_t { Core, Layer, End };
  Operator& begin(std::string_view name, Part part = Part::Layer);

  /// A product with weights and its two gradients: `inputs` to `outputs` wide, `count` of it side by side
  /// (the experts) over the tokens together. `gathered`: its input is spread over the tensor group.
  void weights(double outputs, double inputs, bool gathered, double share = 1, double count = 1);

  /// Tensors kept from forward to backward; those that W needs, the inputs of products with weights.
  void keep(double elements, double bytes, Keep keep = Keep::Layer, double share = 1);
  void keep_weight_input(double elements, double share = 1);

  /// The gradient of a product's output, which W needs.
  void weight_output(double elements, double share = 1);

  /// One kernel forward and one backward that move so many elements a token, or what the software has in
  /// their place.
  void traffic(KernelKind kind, double forward, double backward, double share = 1);

  /// What the software keeps of a kernel's tensors, as a multiple of what one kernel needs.
  [[nodiscard]] double kept_share(KernelKind kind) const { return factors_of(kind).kept; }

  /// Dropout, where the model has it: a mask of a byte an element, drawn forward and applied backward.
  void dropout(double elements, Keep keep = Keep::Layer);

  /// What its backward makes: gradients of its outputs and inputs.
  void gradients(double elements, double share = 1);

  [[nodiscard]] Operator& last() { return operators_.back(); }
  [[nodiscard]] Operators take() && { return std::move(operators_); }

 private:
  [[nodiscard]] bool is_kept(Keep keep) const;
  [[nodiscard]] KernelFactors factors_of(KernelKind kind) const;

  const ModelRun& run_;
  const Transformer& model_;
  LayerSizes sizes_;
  Part part_ = Part::Layer;
  Operators operators_;
};

}  // namespace ppsim
