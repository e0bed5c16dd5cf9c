// A step in which nobody waits for real: messages carry clocks, and each rank reckons its own times.
#pragma once

#include <vector>

#include "replay/step_run.hpp"

namespace ppsim {

/// Conservative simulation in which each process owns its clock (Chandy, Misra, "Distributed simulation",
/// 1979): a message carries when it began to move, the receiver adds the link's time. Where no transfer
/// delays another these are the engine's times, to the nanosecond.
class VirtualStep final : public StepRun {
 public:
  VirtualStep(const RankProgram& program, Transport& transport, Time patience);

 private:
  void start(std::uint32_t vertex, Time at) override;
  Time advance() override;
  [[nodiscard]] Time begin_time() const override { return Time{}; }
  void depart(std::uint32_t send, Time ready) override;
  void end_send(std::uint32_t) override {}
  void arrive(std::uint32_t receive) override;
  [[nodiscard]] std::span<std::byte> receive_buffer(std::uint32_t receive) override;
  [[nodiscard]] std::span<std::byte> request_buffer(std::uint32_t service) override;
  [[nodiscard]] std::span<const std::byte> answer(std::uint32_t service) override;

  std::vector<std::uint32_t> started_;                  // and not yet finished
  std::vector<std::int64_t> sent_, received_, served_;  // ns, in messages
};

}  // namespace ppsim
