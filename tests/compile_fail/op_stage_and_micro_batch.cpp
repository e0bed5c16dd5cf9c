// An op does not take its micro-batch for its stage.
#include "ppsim/core/op.hpp"

namespace ppsim {

Op f() {
#ifdef WRONG
  return Op{OpKind::Forward, false, MicroBatch{1}, Stage{0}};
#else
  return Op{OpKind::Forward, false, Stage{0}, MicroBatch{1}};
#endif
}

}  // namespace ppsim
