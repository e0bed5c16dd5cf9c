// A micro-batch is never a chunk.
#include "ppsim/core/ids.hpp"

namespace ppsim {

Chunk f(MicroBatch micro_batch) {
#ifdef WRONG
  return micro_batch;
#else
  return static_cast<Chunk>(index(micro_batch));
#endif
}

}  // namespace ppsim
