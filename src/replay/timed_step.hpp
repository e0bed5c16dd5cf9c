// A step in real time, with messages of the real size.
#pragma once

#include <deque>
#include <vector>

#include "replay/matrix_work.hpp"
#include "replay/message_buffers.hpp"
#include "replay/step_run.hpp"

namespace ppsim {

/// An op lasts until a moment that is counted from when all was there that it waits for: for what is on this
/// rank when that should have ended, for a message when it came. So a late wake-up does not make the next op
/// late too.
class TimedStep final : public StepRun {
 public:
  /// Keeps references. With `work` compute ops are computed and last as long as that takes; without, and what
  /// runs once a step in any case, they are waited for.
  TimedStep(const RankProgram& program, Transport& transport, Time patience, MessageBuffers& buffers,
            MatrixWork* work);

 private:
  struct Waited {
    Time end{};
    std::uint32_t vertex{};
  };
  struct Computed {
    std::uint32_t vertex{};
    std::uint64_t rows{};  // still to compute
  };

  void start(std::uint32_t vertex, Time at) override;
  Time advance() override;
  [[nodiscard]] Time begin_time() const override { return clock_now(); }
  void depart(std::uint32_t send, Time ready) override;
  void end_send(std::uint32_t send) override;
  void arrive(std::uint32_t receive) override;
  [[nodiscard]] std::span<std::byte> receive_buffer(std::uint32_t receive) override;
  [[nodiscard]] std::span<std::byte> request_buffer(std::uint32_t service) override;
  [[nodiscard]] std::span<const std::byte> answer(std::uint32_t service) override;

  [[nodiscard]] bool is_computed(std::uint32_t vertex) const;
  void finish(std::uint32_t vertex, Time due);
  void compute();
  [[nodiscard]] Time end_waits();

  MessageBuffers& buffers_;
  MatrixWork* work_;
  std::vector<Waited> waited_;     // usually one
  std::deque<Computed> computed_;  // the first is at work
  std::vector<std::span<std::byte>> incoming_, requests_;
};

}  // namespace ppsim
